"""Curves by group: ROC, score distributions with the threshold, calibration."""

import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.sentences import SCORES, WHO, attribute_sentence
from analyzers.toolkit.plots import INK, PALETTE, figure, plain

MOST_CURVES = 10
_DIAGONAL = {
    "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1], "hoverinfo": "skip",
    "line": {"color": INK, "dash": "dot", "width": 1}, "showlegend": False,
}  # fmt: skip


def draw_curves(measurements: Measurements) -> list[Chart]:
    """Draw one chart of each kind for each single attribute."""
    kinds: tuple[tuple[str, Callable[[str, pd.DataFrame, Measurements], Chart]], ...] = (
        ("distributions", _distributions),
        ("roc", _roc),
        ("calibration", _calibration),
    )
    charts = []
    for name, drawer in kinds:
        table = measurements.tables.get(name)
        if table is None or table.num_rows == 0:
            continue
        for attribute, rows in table.to_pandas().groupby("attribute", sort=False):
            charts.append(drawer(str(attribute), rows, measurements))
    return charts


def slug(*names: str) -> str:
    """Names of columns as part of a chart's name: safe in a file name, and still told apart."""
    text = "_".join(names)
    safe = "".join(char if char.isascii() and char.isalnum() else "_" for char in text)
    return safe if safe == text else f"{safe}_{zlib.crc32(text.encode()):08x}"


def _groups(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(name), part) for name, part in rows.groupby("group", sort=False)][:MOST_CURVES]


def _line(place: int, name: str) -> dict[str, Any]:
    return {
        "type": "scatter", "mode": "lines", "name": plain(name, longest=30),
        "line": {"color": PALETTE[place % len(PALETTE)], "dash": _DASHES[place % len(_DASHES)]},
    }  # fmt: skip


# Colour is never the only difference between two lines.
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash")


def _roc(attribute: str, rows: pd.DataFrame, measurements: Measurements) -> Chart:
    traces: list[dict[str, Any]] = [_DIAGONAL]
    n = 0
    for place, (name, part) in enumerate(_groups(rows)):
        n_group = int(part["n_negatives"].iloc[0] + part["n_positives"].iloc[0])
        n += n_group
        traces.append(
            _line(place, f"{name}, n = {n_group:,}")
            | {
                "x": part["false_positive_rate"].to_numpy(),
                "y": part["true_positive_rate"].to_numpy(),
                "customdata": [None if pd.isna(item) else item for item in part["threshold"]],
                "hovertemplate": "threshold %{customdata:.3f}<br>false positives %{x:.1%}"
                "<br>true positives %{y:.1%}<extra></extra>",
            }
        )  # fmt: skip
    return Chart(
        name=f"roc_{slug(attribute)}",
        title=f"How well scores tell the outcomes apart, by {plain(attribute, longest=30)}",
        sentence=attribute_sentence(measurements, attribute, "roc_auc"),
        section=SCORES,
        caption=(
            "A lower curve means that the scores know less about that group, whatever the "
            "threshold. Each point is one threshold: the share selected among those without the "
            f"favourable outcome, and among those with it; n = {n:,} rows."
        ),
        alt=f"ROC curves of {len(traces) - 1} groups of {plain(attribute)} over {n:,} rows.",
        table="roc",
        figure=figure(
            traces, x="False positive rate", y="True positive rate",
            xaxis={"range": [0, 1]}, yaxis={"range": [0, 1.01]},
        ),
    )  # fmt: skip


def _distributions(attribute: str, rows: pd.DataFrame, measurements: Measurements) -> Chart:
    is_regression = measurements.facts.get("task") == "regression"
    traces: list[dict[str, Any]] = []
    n = 0
    for place, (name, part) in enumerate(_groups(rows)):
        n_group = int(part["count"].sum())
        n += n_group
        middle = (part["bin_low"] + part["bin_high"]).to_numpy() / 2
        line = _line(place, f"{name}, n = {n_group:,}")
        line["line"] = line["line"] | {"shape": "hvh"}
        traces.append(
            line
            | {
                "x": middle, "y": part["share"].to_numpy(), "customdata": part["count"].to_numpy(),
                "hovertemplate": "%{x:.3g}: %{y:.1%} of the group, %{customdata} rows"
                "<extra></extra>",
            }
        )  # fmt: skip
    shapes = []
    threshold = measurements.facts.get("threshold")
    at = "; the model's own decisions are in the tables"
    if isinstance(threshold, float):
        at = f"; the dashed line is the threshold {threshold:g}"
        shapes.append(
            {
                "type": "line", "x0": threshold, "x1": threshold, "y0": 0, "y1": 1,
                "yref": "paper", "line": {"color": INK, "dash": "dash", "width": 1.5},
            }
        )  # fmt: skip
    what = "predictions" if is_regression else "scores"
    return Chart(
        name=f"distributions_{slug(attribute)}",
        title=f"How {what} are distributed, by {plain(attribute, longest=30)}",
        sentence=attribute_sentence(
            measurements, attribute, "mean_prediction" if is_regression else "mean_score"
        ),
        section=WHO if is_regression else SCORES,
        caption=(
            f"Where the lines lie apart, groups get other {what}. Height: share of the group's "
            f"rows in a bin of equal width; n = {n:,} rows"
            f"{'' if is_regression else at}."
        ),
        alt=f"Distributions of {what} of {len(traces)} groups over {n:,} rows.",
        table="distributions",
        figure=figure(
            traces, x="Prediction" if is_regression else "Score of the favourable class",
            y="Share of the group", shapes=shapes,
            yaxis={"tickformat": ".0%", "rangemode": "tozero"},
        ),
    )  # fmt: skip


def _calibration(attribute: str, rows: pd.DataFrame, measurements: Measurements) -> Chart:
    traces: list[dict[str, Any]] = [_DIAGONAL]
    n = 0
    for place, (name, part) in enumerate(_groups(rows)):
        n_group = int(part["n"].sum())
        n += n_group
        observed, low, high = (
            part[column].to_numpy(np.float64) for column in ("observed", "low", "high")
        )
        traces.append(
            _line(place, f"{name}, n = {n_group:,}")
            | {
                "mode": "markers+lines", "x": part["mean_score"].to_numpy(), "y": observed,
                "error_y": {
                    "type": "data", "symmetric": False, "array": high - observed,
                    "arrayminus": observed - low, "thickness": 1,
                },
                "customdata": part["n"].to_numpy(),
                "hovertemplate": "score %{x:.3f}<br>observed %{y:.1%}<br>n = %{customdata}"
                "<extra></extra>",
            }
        )  # fmt: skip
    return Chart(
        name=f"calibration_{slug(attribute)}",
        title=f"Whether a score means the same for all, by {plain(attribute, longest=30)}",
        sentence=attribute_sentence(measurements, attribute, "calibration_gap"),
        section=SCORES,
        caption=(
            "A group below the dotted line is scored too high for what is observed. Calibration "
            "within groups: in every bin of scores, the share with the favourable outcome equals "
            f"the mean score; bars are 95 % intervals (Wilson), n = {n:,} rows."
        ),
        alt=f"Calibration of {len(traces) - 1} groups of {plain(attribute)} over {n:,} rows.",
        table="calibration",
        figure=figure(
            traces, x="Mean score in the bin", y="Observed share",
            xaxis={"range": [0, 1]}, yaxis={"range": [0, 1]},
        ),
    )  # fmt: skip
