"""What a reader who cannot see the page well needs of it, read off the page itself."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# Streamlit's own markup, which nothing of ours can change: its navigation puts list items under
# other elements, and its drop zones are named although they claim to be decoration.
_NOT_OURS = ("list", "listitem", "presentation-role-conflict")
_OPTIONS = {
    "resultTypes": ["violations"],
    "rules": {name: {"enabled": False} for name in _NOT_OURS},
}

# What axe has no rule for: words instead of a picture must say something, a page fits its window.
_LOOK = """() => ({
  charts: [...document.querySelectorAll('[data-testid="stPlotlyChart"]')]
    .map((node) => node.getAttribute('aria-label') ?? ''),
  wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  titles: document.querySelectorAll('h1').length,
})"""


def assert_readable(page: Page) -> None:
    """Hold a page against axe-core's rules, and against what axe has no rule for."""
    found = Axe().run(page, options=_OPTIONS).response
    broken = {rule["id"]: [node["html"] for node in rule["nodes"]] for rule in found["violations"]}
    assert broken == {}
    seen: dict[str, Any] = page.evaluate(_LOOK)
    assert all(len(alt) > 20 for alt in seen["charts"])
    assert seen["wide"] <= 0
    assert seen["titles"] == 1
