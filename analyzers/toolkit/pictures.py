"""Charts as PNG and SVG, drawn by a browser that is found on this machine.

One headless browser is started at the first picture (seconds), draws the following ones in a third
of a second each, and is closed when idle. Its page may load plotly.js from the disk and nothing
else. Without a browser the dashboard's own "download picture" button still works.
"""

import asyncio
import atexit
import contextlib
import textwrap
import threading
from collections.abc import Coroutine, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

from analyzers.core.chart import Chart
from analyzers.core.errors import ExportUnavailable
from analyzers.toolkit.export import FONT, figure_json
from analyzers.toolkit.plots import plain

PictureFormat = Literal["png", "svg"]
WIDTH = 960
SCALE = 2
START_SECONDS = 60.0
PICTURE_SECONDS = 60.0
IDLE_SECONDS = 120.0
NO_BROWSER = "PNG and SVG need a browser on this machine, and none was found."
INSTALL = (
    "Install Chromium (on Debian: apt-get install chromium) or set BROWSER_PATH to a Chrome; "
    "HTML and CSV work without one."
)
T = TypeVar("T")


def browser_path() -> str | None:
    """Return the browser that would draw: BROWSER_PATH, else a Chrome or Chromium on the path."""
    from choreographer.browsers.chromium import Chromium

    found = Chromium.find_browser(skip_local=False)
    return str(found) if found and Path(found).is_file() else None


def why_no_pictures() -> str | None:
    """Return why PNG and SVG cannot be made here and what to do, or None where they can."""
    return f"{NO_BROWSER} {INSTALL}" if browser_path() is None else None


def chart_picture(chart: Chart, kind: PictureFormat) -> bytes:
    """Draw a chart with its title and caption.

    Args:
        chart: what to draw.
        kind: "png" (1,920 pixels wide) or "svg".

    Returns:
        The file's bytes.

    Raises:
        ExportUnavailable: there is no browser, or it gave up twice.
    """
    return _STUDIO.draw(_captioned(chart), kind)


def close_browser() -> None:
    """Close the browser, if one is open; the next picture starts another."""
    _STUDIO.close()


def _captioned(chart: Chart) -> dict[str, Any]:
    import json

    figure: dict[str, Any] = json.loads(figure_json(chart.figure))
    layout = figure.setdefault("layout", {})
    title = textwrap.wrap(chart.title, 90)
    caption = textwrap.wrap(chart.caption, 130)
    above = 30 + 24 * len(title) + 18 * len(caption)
    layout["title"] = {
        "text": "<br>".join(f"<b>{plain(line, longest=200)}</b>" for line in title),
        "subtitle": {
            "text": "<br>".join(plain(line, longest=200) for line in caption),
            "font": {"size": 13, "color": "#374151"},
        },
        "font": {"size": 18, "color": "#111827"},
        "x": 0.01, "xanchor": "left", "y": 1, "yanchor": "top", "yref": "container",
        # Plotly anchors the first line only at the baseline of the last: push the block down.
        "pad": {"t": 16 + 24 * (len(title) - 1)},
    }  # fmt: skip
    margin = layout.setdefault("margin", {})
    layout["height"] = layout.get("height", 380) + above
    margin["t"] = margin.get("t", 20) + above
    layout["width"] = WIDTH
    layout.setdefault("font", {}).setdefault("family", FONT)
    layout["paper_bgcolor"] = layout["plot_bgcolor"] = "white"
    return figure


class _Studio:
    """A browser in a thread of its own; started when needed, closed when idle."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._browser: Any = None
        self._idle: threading.Timer | None = None

    def draw(self, figure: Mapping[str, Any], kind: PictureFormat) -> bytes:
        if browser_path() is None:
            raise ExportUnavailable(NO_BROWSER, remedy=INSTALL)
        with self._lock:
            try:
                return self._attempt(figure, kind)
            except Exception:
                # A browser dies in many ways; whatever it was, a fresh one gets one more try.
                self._shut()
            try:
                return self._attempt(figure, kind)
            except Exception as error:
                self._shut()
                raise ExportUnavailable(
                    f"The browser gave up on this picture twice ({type(error).__name__}).",
                    remedy="Try again, or take the HTML or CSV instead.",
                ) from error
            finally:
                self._wait_idle()

    def close(self) -> None:
        with self._lock:
            self._shut()

    def _attempt(self, figure: Mapping[str, Any], kind: PictureFormat) -> bytes:
        if self._browser is None:
            self._start()
        options = {"format": kind, "scale": SCALE if kind == "png" else 1}
        picture = self._run(self._browser.calc_fig(dict(figure), opts=options), PICTURE_SECONDS)
        self._wait_idle()
        return bytes(picture)

    def _start(self) -> None:
        import kaleido

        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=_serve, args=(self._loop,), daemon=True)
        self._thread.start()
        self._browser = kaleido.Kaleido(n=1, timeout=PICTURE_SECONDS, page_generator=_OfflinePage())
        self._run(self._browser.open(), START_SECONDS)
        atexit.register(self.close)

    def _run(self, work: "Coroutine[Any, Any, T]", seconds: float) -> T:
        if self._loop is None:
            raise RuntimeError("the browser's thread is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(seconds)

    def _shut(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        loop, browser = self._loop, self._browser
        self._loop = self._browser = self._idle = None
        if loop is None:
            return
        with contextlib.suppress(Exception):  # it is being thrown away, however it ends
            asyncio.run_coroutine_threadsafe(browser.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        if self._thread is not None:
            self._thread.join(10)
        atexit.unregister(self.close)

    def _wait_idle(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = threading.Timer(IDLE_SECONDS, self.close)
        self._idle.daemon = True
        self._idle.start()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


class _OfflinePage:
    """The browser's page: plotly.js and kaleido's own script from the disk, and no way out."""

    def generate_index(self) -> str:
        import plotly
        from kaleido import PageGenerator

        generator = PageGenerator(
            plotly=(Path(plotly.__file__).parent / "package_data" / "plotly.min.js").as_uri(),
            mathjax=False,
        )
        generator.header += (
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "script-src file:; style-src 'unsafe-inline'; img-src data: blob:\">"
        )
        return str(generator.generate_index())


_STUDIO = _Studio()
