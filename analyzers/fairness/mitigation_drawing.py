"""Accuracy against disparity: the model and every other decision that was measured."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.curves_drawing import slug
from analyzers.fairness.mitigation import BETWEEN, EVERYONE
from analyzers.fairness.sentences import OTHERS, name_of
from analyzers.fairness.tradeoffs import CURRENT
from analyzers.toolkit.plots import PALETTE, figure, plain

_COMPARED = (
    ("demographic_parity_difference", "selection rates", "Largest difference in selection rate"),
    (
        "equalized_odds_difference", "error rates",
        "Largest difference in true or false positive rate",
    ),
)  # fmt: skip
_SYMBOLS = ("star", "diamond", "circle", "square", "triangle-up")
_COLOURS = (PALETTE[9], *PALETTE[:4])


def draw_mitigations(measurements: Measurements) -> list[Chart]:
    """Draw two charts for each attribute, where other decisions were measured."""
    table = measurements.tables.get("mitigations")
    if table is None or table.num_rows == 0:
        return []
    charts = []
    for attribute, rows in table.to_pandas().groupby("attribute", sort=False):
        for metric, what, axis in _COMPARED:
            points = _points(rows, metric)
            if len(points) > 1 and CURRENT in points.index:
                charts.append(_pareto(str(attribute), metric, what, axis, points))
    return charts


def _points(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row for each decision: accuracy, disparity and the paired change, with intervals."""
    parts = []
    for name, group, prefix in (
        (metric, BETWEEN, "gap"), ("accuracy", EVERYONE, "accuracy"),
        ("accuracy_change", EVERYONE, "change"),
    ):  # fmt: skip
        mine = rows[(rows["metric"] == name) & (rows["group"] == group)].set_index("mitigation")
        parts.append(mine[["value", "low", "high", "n"]].add_prefix(f"{prefix}_"))
    kinds = rows.drop_duplicates("mitigation").set_index("mitigation")["kind"]
    return pd.concat([kinds, *parts], axis=1, join="inner").dropna()


def _pareto(attribute: str, metric: str, what: str, axis: str, points: pd.DataFrame) -> Chart:
    traces: list[dict[str, Any]] = []
    for place, (kind, part) in enumerate(points.groupby("kind", sort=False)):
        style = place % len(_SYMBOLS)
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": plain(kind),
                "x": part["gap_value"].to_numpy(), "y": part["accuracy_value"].to_numpy(),
                "error_x": _bars(part, "gap", _COLOURS[style]),
                "error_y": _bars(part, "accuracy", _COLOURS[style]),
                "marker": {"color": _COLOURS[style], "symbol": _SYMBOLS[style], "size": 11},
                "text": [plain(name, longest=90) for name in part.index],
                "hovertemplate": "%{text}<br>difference %{x:.1%}<br>accuracy %{y:.1%}"
                "<extra></extra>",
            }
        )  # fmt: skip
    found = {str(row["mitigation"]): row for row in points.reset_index().to_dict("records")}
    now = found.pop(CURRENT)
    name, best = min(found.items(), key=lambda item: item[1]["gap_value"])
    change, low, high = (100 * best[f"change_{end}"] for end in ("value", "low", "high"))
    price = f"accuracy changes by {change:+.1f} points (95 % interval {low:+.1f} to {high:+.1f})."
    sentence = (
        f"The smallest difference is {best['gap_value']:.1%} instead of {now['gap_value']:.1%}, "
        f"with {name_of(name)}; {price}"
        if best["gap_value"] < now["gap_value"]
        else f"No decision that was tried narrows the difference of {now['gap_value']:.1%}; the "
        f"nearest, {name_of(name)}, has {best['gap_value']:.1%}, and {price}"
    )
    words = (
        f"Better is up and left; bars are 95 % intervals, n = {int(now['accuracy_n']):,}. Nothing "
        "is measured on rows it was chosen on. The change in accuracy is paired: the same rows, "
        "decided twice."
    )
    return Chart(
        name=f"mitigation_{slug(attribute, metric)}",
        title=f"What other decisions do to {what} by {plain(attribute, longest=30)}, and to "
        "accuracy",
        sentence=sentence,
        section=OTHERS,
        caption=words,
        alt=f"Accuracy against disparity for {len(points)} ways to decide. {sentence}",
        table="mitigations",
        figure=figure(
            traces, x=axis, y="Accuracy", height=440,
            xaxis={"tickformat": ".0%", "rangemode": "tozero"}, yaxis={"tickformat": ".0%"},
        ),
    )  # fmt: skip


def _bars(part: pd.DataFrame, prefix: str, colour: str) -> dict[str, Any]:
    value, low, high = (part[f"{prefix}_{end}"].to_numpy() for end in ("value", "low", "high"))
    return {
        "type": "data", "symmetric": False, "array": np.maximum(high - value, 0),
        "arrayminus": np.maximum(value - low, 0), "color": colour, "thickness": 0.8, "width": 2,
    }  # fmt: skip
