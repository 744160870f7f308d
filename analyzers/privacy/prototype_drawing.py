"""Typical records made from answers, beside the real means of their classes."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, plain

MOST_CLASSES = 10
MOST_FEATURES = 12


def draw_prototypes(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    """Draw pictures in two rows, or columns of a table as pairs of points."""
    classes = list(dict.fromkeys(rows["class"]))[:MOST_CLASSES]
    n = int(rows.groupby("class")["n_members"].first().sum())
    estimate = measurements.estimates["inverted_classes"]
    found = round((estimate.value or 0.0) * estimate.n)
    is_table = bool((rows["feature"] != "").all())
    return Chart(
        name="prototypes",
        title=f"Classes that the model's answers alone give away: {found} of {estimate.n}",
        caption=(
            f"{'Filled' if is_table else 'Upper row'}: made from answers alone; "
            f"{'hollow' if is_table else 'lower row'}: the real mean of the class; n = {n:,} "
            f"members, the first {len(classes)} of {estimate.n} classes."
            + (" In standard deviations of each column." if is_table else "")
        ),
        alt=f"Records made from answers beside real means for {len(classes)} classes.",
        table="prototypes",
        figure=_points(rows, classes)
        if is_table
        else _pictures(rows, classes, _shape(measurements)),
    )


def _points(rows: pd.DataFrame, classes: list[str]) -> dict[str, Any]:
    names = list(dict.fromkeys(rows["feature"]))
    apart = rows.groupby("feature")["real"].agg(lambda values: values.max() - values.min())
    names = sorted(names, key=lambda name: -apart[name])[:MOST_FEATURES]
    traces: list[dict[str, Any]] = []
    for number, label in enumerate(classes):
        mine = rows[rows["class"] == label].set_index("feature").loc[names]
        colour = PALETTE[number % len(PALETTE)]
        # Columns are compared as differences from the mean of all classes.
        middle = rows[rows["feature"].isin(names)].groupby("feature")["real"].mean().loc[names]
        for column, symbol, words in (("made", "circle", "made"), ("real", "circle-open", "real")):
            traces.append(
                {
                    "type": "scatter", "mode": "markers", "name": plain(f"{label}, {words}"),
                    "x": (mine[column] - middle).to_numpy(np.float64),
                    "y": np.arange(len(names))[::-1],
                    "marker": {"color": colour, "size": 10, "symbol": symbol},
                    "hovertemplate": "%{x:.2f}<extra></extra>",
                }
            )  # fmt: skip
    return figure(
        traces, x="Difference from the mean of all classes (standard deviations)", y="",
        height=max(280, 34 * len(names) + 140),
        yaxis={
            "tickvals": np.arange(len(names))[::-1],
            "ticktext": [plain(name, longest=40) for name in names],
        },
    )  # fmt: skip


def _pictures(rows: pd.DataFrame, classes: list[str], shape: tuple[int, ...]) -> dict[str, Any]:
    """One grey picture for each class and row; colours are averaged."""
    height, width, channels = shape
    gap = np.full((height, 1), np.nan)
    lines = []
    for column in ("made", "real"):
        tiles = []
        for label in classes:
            values = rows[rows["class"] == label][column].to_numpy(np.float64)
            tiles += [values.reshape(height, width, channels).mean(axis=2), gap]
        lines.append(np.concatenate(tiles[:-1], axis=1))
    spacer = np.full((1, lines[0].shape[1]), np.nan)
    picture = np.concatenate([lines[0], spacer, lines[1]], axis=0)[::-1]
    return figure(
        [
            {
                "type": "heatmap", "z": picture, "colorscale": "Greys", "reversescale": True,
                "showscale": False, "zmin": 0, "zmax": 1,
                "hovertemplate": "%{z:.2f}<extra></extra>",
            }
        ],
        x="", y="", height=330,
        xaxis={
            "tickvals": [number * (width + 1) + width / 2 for number in range(len(classes))],
            "ticktext": [plain(label, longest=20) for label in classes], "showgrid": False,
        },
        yaxis={
            "tickvals": [height / 2, height * 1.5 + 1], "ticktext": ["real mean", "made"],
            "scaleanchor": "x", "showgrid": False,
        },
    )  # fmt: skip


def _shape(measurements: Measurements) -> tuple[int, ...]:
    names = ("prototype_height", "prototype_width", "prototype_channels")
    return tuple(int(measurements.facts[name] or 0) for name in names)
