"""Pictures by a real browser, and sentences where there is none."""

import re
import struct
from xml.etree import ElementTree

import pytest

from analyzers.core.chart import Chart
from analyzers.core.errors import ExportUnavailable
from analyzers.toolkit import pictures, plots

with_browser = pytest.mark.skipif(
    pictures.browser_path() is None, reason="no browser; apt-get install chromium"
)
CHART = Chart(
    name="bars",
    title="Share called good, by age <script>",
    caption="Held-out applicants, n = 500.",
    alt="Bars",
    table="rates",
    figure=plots.figure(
        [{"type": "bar", "x": ["young", "old"], "y": [0.64, 0.93]}], x="Age", y="Share"
    ),
)


@pytest.fixture(autouse=True, scope="module")
def _closed():
    yield
    pictures.close_browser()


@pytest.mark.browser
@with_browser
def test_a_png_is_1920_pixels_wide_and_not_blank():
    picture = pictures.chart_picture(CHART, "png")

    width, height = struct.unpack(">II", picture[16:24])
    assert picture.startswith(b"\x89PNG")
    assert width == 1920
    assert height > 760
    assert len(picture) > 10_000


@pytest.mark.browser
@with_browser
def test_an_svg_holds_the_title_the_caption_and_the_bars_as_text_and_shapes():
    picture = pictures.chart_picture(CHART, "svg").decode()

    assert picture.startswith("<svg")
    words = [word for word in ElementTree.fromstring(picture).itertext() if word.strip()]
    assert CHART.title in words
    assert CHART.caption in words
    assert "<script" not in picture
    assert len(re.findall('class="point"', picture)) == 2
    assert not re.findall(r'(?:src|href)="(?!#|data:)', picture)


@pytest.mark.browser
@with_browser
def test_a_browser_that_died_is_started_again():
    first = pictures.chart_picture(CHART, "png")
    pictures._STUDIO._run(pictures._STUDIO._browser.close(), 20)

    assert pictures.chart_picture(CHART, "png") == first


@pytest.mark.browser
@with_browser
def test_a_browser_that_keeps_dying_is_a_sentence(monkeypatch):
    def died(*_):
        raise RuntimeError("Traceback of the browser")

    monkeypatch.setattr(pictures._STUDIO, "_attempt", died)

    with pytest.raises(ExportUnavailable, match="gave up on this picture twice") as caught:
        pictures.chart_picture(CHART, "png")
    assert "Traceback" not in str(caught.value)
    assert "CSV" in caught.value.remedy


def test_no_browser_is_a_sentence_with_a_remedy(monkeypatch):
    monkeypatch.setenv("BROWSER_PATH", "/nowhere/chrome")
    monkeypatch.setattr(
        "choreographer.browsers.chromium.get_chrome_download_path", lambda mkdir: None
    )

    assert "none was found" in (pictures.why_no_pictures() or "")
    with pytest.raises(ExportUnavailable, match="none was found") as caught:
        pictures.chart_picture(CHART, "png")
    assert "Chromium" in caught.value.remedy


def test_closing_without_a_browser_is_harmless():
    pictures.close_browser()
    pictures.close_browser()
