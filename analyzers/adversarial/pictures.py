"""Pictures side by side: original, changed, and the difference made visible."""

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import INK, plain

MOST_SHOWN = 6
MOST_PIXELS = 32
HEADINGS = ("Original", "Changed", "Difference, magnified")


def draw_pictures(table: pa.Table, measurements: Measurements) -> Chart:
    """Draw up to six examples, one a line; large pictures are shrunk for the chart only."""
    del measurements
    examples = table.to_pylist()[:MOST_SHOWN]
    n = len(examples)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {
        "height": 60 + 150 * n, "margin": {"l": 20, "r": 20, "t": 40, "b": 20},
        "font": {"color": INK}, "annotations": [],
    }  # fmt: skip
    for line, example in enumerate(examples):
        shape = (example["height"], example["width"], example["channels"])
        pictures = [
            _small(np.array(example[name], dtype=np.float64).reshape(shape))
            for name in ("original", "adversarial", "difference")
        ]
        top = 1 - line / n
        for place, picture in enumerate(pictures):
            number = 3 * line + place + 1
            suffix = "" if number == 1 else str(number)
            traces.append(_trace(picture, suffix, is_difference=place == 2))
            layout[f"xaxis{suffix}"] = _hidden([place / 3 + 0.02, (place + 1) / 3 - 0.02], suffix)
            layout[f"yaxis{suffix}"] = _hidden([top - 0.82 / n, top - 0.14 / n], suffix, up=True)
            words = (
                HEADINGS[place],
                f"answer {plain(example['before'] if place == 0 else example['after'])}",
            )
            text = f"row {example['row']}: {words[1]}" if place == 0 else words[1]
            if place == 2:
                text = f"size {example['size']:.3g}"
            layout["annotations"].append(
                {
                    "text": f"{HEADINGS[place]} ({text})", "showarrow": False, "xref": "paper",
                    "yref": "paper", "x": place / 3 + 1 / 6, "y": top - 0.06 / n,
                    "font": {"size": 12, "color": INK}, "yanchor": "middle",
                }
            )  # fmt: skip
    return Chart(
        name="pictures",
        title="Original, changed picture and what was changed",
        caption=(
            f"{n} of {table.num_rows} kept examples; in the difference, red was made lighter and "
            "blue darker, each stretched to the largest change."
        ),
        alt=f"{n} pairs of pictures with their differences.",
        table="image_examples",
        figure={"data": traces, "layout": layout},
    )


def _trace(picture: NDArray[np.float64], suffix: str, *, is_difference: bool) -> dict[str, Any]:
    place = {"xaxis": f"x{suffix}", "yaxis": f"y{suffix}"}
    if is_difference or picture.shape[2] != 3:
        values = picture.mean(axis=2)
        most = float(np.abs(values).max()) or 1.0
        return {
            "type": "heatmap", "z": np.round(values, 4), "showscale": False,
            "colorscale": "RdBu" if is_difference else "Greys",
            # RdBu runs from red to blue and Greys from light to dark; both are wanted reversed.
            "reversescale": True,
            "zmin": -most if is_difference else 0.0, "zmax": most if is_difference else 1.0,
            "hovertemplate": "%{z:.3f}<extra></extra>", **place,
        }  # fmt: skip
    return {
        "type": "image", "z": np.round(picture * 255).clip(0, 255).astype(np.uint8),
        "hoverinfo": "skip", **place,
    }  # fmt: skip


def _small(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average blocks of pixels so that no side is longer than 32."""
    factor = -(-max(picture.shape[:2]) // MOST_PIXELS)
    if factor == 1:
        return picture
    height, width, channels = picture.shape
    rows, columns = height // factor * factor, width // factor * factor
    if not rows or not columns:
        return picture
    cut = picture[:rows, :columns]
    blocks = cut.reshape(rows // factor, factor, columns // factor, factor, channels)
    return np.asarray(blocks.mean(axis=(1, 3)))


def _hidden(domain: list[float], suffix: str, *, up: bool = False) -> dict[str, Any]:
    axis: dict[str, Any] = {"domain": domain, "visible": False}
    if up:
        return axis | {"autorange": "reversed", "anchor": f"x{suffix}", "scaleanchor": f"x{suffix}"}
    return axis | {"anchor": f"y{suffix}"}


def enlarged(values: list[float], shape: tuple[int, int, int], width: int) -> NDArray[np.float64]:
    """Repeat pixels until a picture is about `width` wide; a browser would blur it instead.

    Args:
        values: `(height * width * channels,)` in [0, 1].
        shape: height, width and channels.
        width: wanted, in pixels of the screen.

    Returns:
        `(height, width)` or `(height, width, 3)`, ready to be shown.
    """
    picture = np.asarray(values, dtype=np.float64).reshape(shape)
    if shape[2] not in (1, 3):
        picture = picture.mean(axis=2, keepdims=True)
    times = max(1, width // shape[1])
    grown = picture.repeat(times, axis=0).repeat(times, axis=1)
    return np.clip(grown[:, :, 0] if grown.shape[2] == 1 else grown, 0, 1)


def magnified(difference: list[float]) -> list[float]:
    """Stretch a difference to the whole range; mid-grey is what stayed as it was."""
    values = np.asarray(difference, dtype=np.float64)
    most = float(np.abs(values).max(initial=0.0)) or 1.0
    return list((0.5 + 0.5 * values / most).tolist())
