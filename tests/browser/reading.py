"""What a reader who cannot see the page well needs of it, read off the page itself."""

from itertools import pairwise
from typing import Any

from playwright.sync_api import Page

# WCAG 2.2, success criterion 1.4.3: text of ordinary size against its background.
LEAST_CONTRAST = 4.5

_LOOK = """() => {
  const seen = (node) => node.checkVisibility({ opacityProperty: true });
  const main = document.querySelector('[data-testid="stMain"]');
  const colour = (text) => {
    const numbers = text.match(/[0-9.]+/g).map(Number);
    return { rgb: numbers.slice(0, 3), alpha: numbers[3] ?? 1 };
  };
  const behind = (node) => {
    for (let up = node; up; up = up.parentElement) {
      const found = colour(getComputedStyle(up).backgroundColor);
      if (found.alpha === 1) return found.rgb;
    }
    return [255, 255, 255];
  };
  const opacity = (node) => {
    let product = 1;
    for (let up = node; up; up = up.parentElement) product *= getComputedStyle(up).opacity;
    return product;
  };
  const light = (rgb) => rgb
    .map((part) => part / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
    .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
  const contrast = (node) => {
    const back = behind(node), text = colour(getComputedStyle(node).color);
    const alpha = text.alpha * opacity(node);
    const mixed = text.rgb.map((part, index) => alpha * part + (1 - alpha) * back[index]);
    const [high, low] = [light(mixed), light(back)].sort((one, other) => other - one);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = 'p, label, h1, h2, h3, [data-testid="stCaptionContainer"] p';
  return {
    levels: [...main.querySelectorAll('h1, h2, h3, h4, h5, h6')].filter(seen)
      .map((node) => Number(node.tagName[1])),
    unnamed: [...main.querySelectorAll('button, input:not([type=hidden]), [role="figure"], img')]
      .filter(seen)
      .filter((node) => !(node.getAttribute('aria-label') || node.getAttribute('alt')
        || node.textContent.trim() || node.getAttribute('aria-labelledby')
        || node.getAttribute('title') || node.labels?.length))
      .map((node) => node.outerHTML.slice(0, 200)),
    charts: [...main.querySelectorAll('[data-testid="stPlotlyChart"]')]
      .map((node) => node.getAttribute('aria-label') ?? ''),
    faint: [...main.querySelectorAll(texts)].filter(seen)
      .filter((node) => node.textContent.trim() && !node.closest('[disabled], [aria-disabled]'))
      // Its value floats above the thumb, whose colour it shares and which is its parent.
      .filter((node) => !node.closest('[data-testid="stSliderThumbValue"]'))
      .map((node) => [contrast(node), node.textContent.trim().slice(0, 60)]),
    wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    language: document.documentElement.lang,
  };
}"""


def assert_readable(page: Page) -> None:
    """Headings in order, names on controls and charts, contrast, and no sideways scrolling."""
    seen: dict[str, Any] = page.evaluate(_LOOK)
    levels = seen["levels"]
    assert levels[:1] == [1]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert seen["unnamed"] == [], f"controls without a name: {seen['unnamed']}"
    assert all(len(alt) > 20 for alt in seen["charts"])
    faint = [item for item in seen["faint"] if item[0] < LEAST_CONTRAST]
    assert faint == [], f"text too close to its background: {faint}"
    assert seen["faint"], "no text was found to be checked"
    assert seen["wide"] <= 0
    assert seen["language"] == "en"
