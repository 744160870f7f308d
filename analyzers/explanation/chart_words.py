"""Words and small pieces that charts of explanations share."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, plain

COLUMNS_SHOWN = 20
STEPS_SHOWN = 12
_NEAR_AN_END = 5e-4
RAISES, LOWERS = PALETTE[1], PALETTE[0]


def is_filled(measurements: Measurements, name: str) -> bool:
    """Whether a table is there and not empty."""
    table = measurements.tables.get(name)
    return table is not None and table.num_rows > 0


def output_of(measurements: Measurements) -> str:
    """What the SHAP values add up to, safe to show."""
    return plain(measurements.facts.get("explained_output") or "output", longest=60)


def asked_output_of(measurements: Measurements) -> str:
    """What the model itself is asked for, safe to show: a probability where values are log-odds."""
    return plain(measurements.facts.get("asked_output") or "output", longest=60)


def amount(value: float, output: object) -> str:
    """Write an output with three digits; a probability next to an end by its side of it.

    Args:
        value: the number.
        output: what it is, as in the facts `explained_output` and `asked_output`.
    """
    if str(output).startswith("probability") and 0 < abs(value) < _NEAR_AN_END:
        return "below 0.001"
    if str(output).startswith("probability") and 1 - _NEAR_AN_END < value < 1:
        return "above 0.999"
    return f"{value:.3g}"


def beside_bars(texts: list[str]) -> dict[str, Any]:
    """Layout that writes one text at the right of each bar, where no bar and no edge can cut it.

    Args:
        texts: from the lowest bar to the highest.

    Returns:
        Annotations, and the margin they need.
    """
    notes = [
        {
            "x": 1.01, "xref": "paper", "xanchor": "left", "y": place, "yref": "y",
            "text": text, "showarrow": False, "font": {"size": 11},
        }
        for place, text in enumerate(texts)
    ]  # fmt: skip
    room = 12 + 6 * max(map(len, texts), default=0)
    return {"annotations": notes, "margin": {"l": 60, "r": room, "t": 20, "b": 50}}


def waterfall(
    names: list[str],
    steps: list[float],
    texts: list[str],
    *,
    base: float,
    output: str,
    height: int,
    **style: object,
) -> dict[str, Any]:
    """Figure of steps that lead from one output to another, the lowest first.

    Args:
        names: of the steps.
        steps: by how much each raises the output.
        texts: written beside each.
        base: output before the first.
        output: what it is.
        height: in pixels.
        style: further settings of the bars.
    """
    bars = {
        "type": "waterfall", "orientation": "h", "base": base, "y": names, "x": steps,
        "text": texts, "textposition": "none",
        "increasing": {"marker": {"color": RAISES}}, "decreasing": {"marker": {"color": LOWERS}},
        "hovertemplate": "%{y}: %{text}<extra></extra>",
        **style,
    }  # fmt: skip
    return figure(
        [bars], x=output, y="", height=height, showlegend=False, xaxis={"nticks": 4},
        **beside_bars(texts),
    )  # fmt: skip


def scale_of(measurements: Measurements) -> str:
    """What the values are measured in: a scale, or the predicted column itself."""
    scale = measurements.facts.get("scale")
    return output_of(measurements) if scale == "value" else plain(scale or "output")


def named(feature: str, value: str) -> str:
    """A column and its value, safe to show and short."""
    name = plain(feature, longest=30)
    return f"{name} = {plain(value, longest=20)}" if value else name


def interval_bars(table: pd.DataFrame, value: str) -> dict[str, Any]:
    """Interval bars from the columns low and high around `value`."""
    middle = table[value].to_numpy()
    return {
        "type": "data",
        "symmetric": False,
        "array": np.nan_to_num(table["high"].to_numpy(dtype=float) - middle),
        "arrayminus": np.nan_to_num(middle - table["low"].to_numpy(dtype=float)),
        "thickness": 1,
        "color": "#374151",
    }


def slug(text: str) -> str:
    """A column's name as part of a chart's name."""
    return "".join(char if char.isalnum() and char.isascii() else "_" for char in text)[:40]
