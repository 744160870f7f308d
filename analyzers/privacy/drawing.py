"""Charts of the tables; a chart is drawn only where its table has rows."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart, in_sections
from analyzers.core.result import Measurements
from analyzers.privacy.leak_drawing import draw_leaks
from analyzers.toolkit.plots import INK, PALETTE, figure, plain

MOST_GROUPS = 40
WHO, LEAKS, TEST = "Who can be found?", "What else leaks?", "Is the test fair?"
TABLE = "Who stands alone in the table?"
SECTIONS = {
    "roc": WHO,
    "score_histogram": WHO,
    "audit": WHO,
    "exposed_records": "Which records?",
    "groups": "Who is easier to find?",
    "attribute_inference": LEAKS,
    "memorised_values": LEAKS,
    "property_models": LEAKS,
    "prototypes": LEAKS,
    "extraction": LEAKS,
    "combination_sizes": TABLE,
    "identifying_columns": TABLE,
    "column_differences": TEST,
    "shadow_models": TEST,
}
MOST_COLUMNS = 30
_DECADES = (0.0001, 0.001, 0.01, 0.1, 1.0)


def draw(measurements: Measurements) -> list[Chart]:
    """Draw the ROC, the scores, the groups, the exposed records and the column differences."""
    charts = []
    for name, chart in (
        ("roc", _roc),
        ("score_histogram", _histogram),
        ("exposed_records", _exposed),
        ("column_differences", _columns),
    ):
        table = measurements.tables.get(name)
        if table is not None and table.num_rows:
            charts.append(chart(table.to_pandas(), measurements))
    groups = measurements.tables.get("groups")
    if groups is not None and groups.num_rows:
        frame = groups.to_pandas()
        charts += [
            _groups(mine, str(attribute), place)
            for place, (attribute, mine) in enumerate(frame.groupby("attribute", sort=False))
        ]
    return in_sections(charts + draw_leaks(measurements), SECTIONS)


def _roc(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    n_members, n_others = int(rows["n_members"].iloc[0]), int(rows["n_non_members"].iloc[0])
    lowest = min(1 / max(n_members, n_others, 2), 0.001)
    traces: list[dict[str, Any]] = [
        {
            "type": "scatter", "mode": "lines", "x": [lowest, 1], "y": [lowest, 1],
            "name": "guessing", "line": {"color": INK, "dash": "dot", "width": 1},
            "hoverinfo": "skip",
        }
    ]  # fmt: skip
    for place, (titles, curve) in enumerate(_distinct_curves(rows)):
        # A logarithmic axis has no 0; such points lie on the edge of the picture.
        x = np.maximum(curve["false_positive_rate"].to_numpy(np.float64), lowest)
        y = np.maximum(curve["true_positive_rate"].to_numpy(np.float64), lowest)
        traces.append(
            {
                "type": "scatter", "mode": "lines", "x": x, "y": y, "name": plain(titles),
                "line": {"color": PALETTE[place % len(PALETTE)], "shape": "hv", "width": 2},
                "hovertemplate": "%{y:.2%} found at %{x:.2%} accused<extra></extra>",
            }
        )  # fmt: skip
    points = measurements.tables.get("operating_points")
    if points is not None and points.num_rows:
        frame = points.to_pandas()
        chosen = frame[frame["attack"] == frame["attack"].iloc[0]]
        traces.append(_operating_points(chosen, lowest))
    axis = {
        "type": "log", "range": [float(np.log10(lowest)), 0.02],
        "tickvals": [tick for tick in _DECADES if tick >= lowest * 0.99], "tickformat": ".2~%",
    }  # fmt: skip
    return Chart(
        name="roc",
        title="How many members are found at each rate of false accusations",
        caption=(
            f"Both axes are logarithmic, because accusations count only where few are false; "
            f"{n_members:,} members and {n_others:,} non-members. Diamonds: thresholds chosen on "
            "one half of the rows and counted on the other, with exact 95 % intervals."
        ),
        alt=(
            f"ROC curves of the membership attacks on {n_members:,} members and {n_others:,} "
            "non-members, against the diagonal of guessing."
        ),
        table="roc",
        figure=figure(
            traces, x="False positive rate (non-members accused)",
            y="True positive rate (members found)", height=460, xaxis=axis, yaxis=axis,
        ),
    )  # fmt: skip


def _distinct_curves(rows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """Attacks that rank alike share one line, named after all of them."""
    found: dict[bytes, tuple[list[str], pd.DataFrame]] = {}
    for title, curve in rows.groupby("title", sort=False):
        key = curve[["false_positive_rate", "true_positive_rate"]].to_numpy(np.float64).tobytes()
        found.setdefault(key, ([], curve))[0].append(str(title))
    return [(", ".join(titles), curve) for titles, curve in found.values()]


def _operating_points(rows: pd.DataFrame, lowest: float) -> dict[str, Any]:
    x = np.maximum(rows["false_positive_rate"].to_numpy(np.float64), lowest)
    y = np.maximum(rows["true_positive_rate"].to_numpy(np.float64), lowest)
    bars = {
        side: {
            "type": "data", "symmetric": False, "color": INK, "thickness": 1.2, "width": 4,
            "array": np.maximum(rows[f"{name}_high"].to_numpy(np.float64) - value, 0),
            "arrayminus": np.maximum(
                value - np.maximum(rows[f"{name}_low"].to_numpy(np.float64), lowest), 0
            ),
        }
        for side, name, value in (
            ("error_x", "false_positive", x), ("error_y", "true_positive", y),
        )
    }  # fmt: skip
    words = [
        f"at most {rate:.1%} accepted: {found:,} of {n:,} found, {accused:,} of {others:,} accused"
        for rate, found, n, accused, others in zip(
            rows["accepted_rate"], rows["true_positives"], rows["n_members"],
            rows["false_positives"], rows["n_non_members"], strict=True,
        )
    ]  # fmt: skip
    return {
        "type": "scatter", "mode": "markers", "x": x, "y": y, "text": words,
        "name": "counted on other rows",
        "marker": {"color": INK, "size": 10, "symbol": "diamond"},
        "hovertemplate": "%{text}<extra></extra>", **bars,
    }  # fmt: skip


def _histogram(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    del measurements
    title = str(rows["title"].iloc[0])
    middle = (rows["low"] + rows["high"]).to_numpy(np.float64) / 2
    width = float(rows["high"].iloc[0] - rows["low"].iloc[0])
    traces, counts = [], {}
    for column, name, colour in (
        ("members", "members", PALETTE[1]),
        ("non_members", "non-members", PALETTE[0]),
    ):
        count = rows[column].to_numpy(np.int64)
        counts[column] = int(count.sum())
        traces.append(
            {
                "type": "bar", "x": middle, "y": count / max(counts[column], 1), "name": name,
                "width": width, "marker": {"color": colour}, "opacity": 0.6, "customdata": count,
                "hovertemplate": "%{y:.1%}, %{customdata} rows<extra></extra>",
            }
        )  # fmt: skip
    return Chart(
        name="score_histogram",
        title="How familiar the model finds members and non-members",
        caption=(
            f"Share of {counts['members']:,} members and {counts['non_members']:,} non-members by "
            f"the attack's value ({title.lower()}; right is more familiar; the outermost 1 % of "
            "rows stands at the edges). Where the shapes coincide, this attack finds nobody."
        ),
        alt=(
            f"Two histograms of the attack's value, for {counts['members']:,} members and "
            f"{counts['non_members']:,} non-members."
        ),
        table="score_histogram",
        figure=figure(
            traces, x=f"{plain(title)} (higher: more like a member)", y="Share of rows",
            barmode="overlay", yaxis={"tickformat": ".0%"},
        ),
    )  # fmt: skip


def _groups(rows: pd.DataFrame, attribute: str, place: int) -> Chart:
    n_groups, n = len(rows), int(rows["n_members"].sum())
    if n_groups > MOST_GROUPS:
        rows = rows.nlargest(MOST_GROUPS, "n_members").sort_index()
    labels = [plain(group, longest=48) for group in rows["group"]]
    places = np.arange(len(rows))[::-1]
    value, low, high = (rows[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    words = [
        f"{label}: {found:,} of {n_found:,} found, {accused:,} of {n_accused:,} accused"
        for label, found, n_found, accused, n_accused in zip(
            labels, rows["found"], rows["n_members"], rows["falsely_accused"],
            rows["n_non_members"], strict=True,
        )
    ]  # fmt: skip
    trace = {
        "type": "scatter", "mode": "markers", "x": value, "y": places, "text": words,
        "showlegend": False, "hovertemplate": "%{text}<extra></extra>",
        "marker": {
            "color": PALETTE[1], "size": 9,
            "symbol": ["circle-open" if small else "circle" for small in rows["is_small"]],
        },
        "error_x": {
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "color": PALETTE[1], "thickness": 1.5, "width": 3,
        },
    }  # fmt: skip
    shown = f"the {len(rows)} largest of {n_groups}" if n_groups > len(rows) else f"{n_groups}"
    return Chart(
        name=f"groups_{place}",
        title=f"Who is easier to find, by {plain(attribute)}",
        caption=(
            f"Share of members found at one false accusation in a hundred, with exact 95 % "
            f"intervals, for {shown} groups; n = {n:,} members. Hollow points rest on too few "
            "members to compare."
        ),
        alt=f"Share of members found with interval, for {len(rows)} groups by {plain(attribute)}.",
        table="groups",
        figure=figure(
            [trace], x="Members found", y="", height=max(260, 26 * len(rows) + 110),
            xaxis={"tickformat": ".0%", "rangemode": "tozero"},
            yaxis={"tickvals": places, "ticktext": labels, "range": [-0.7, len(rows) - 0.3]},
        ),
    )  # fmt: skip


def _exposed(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    n_members = measurements.facts.get("n_members")
    cells = [
        rows["rank"].tolist(),
        rows["training_row"].tolist(),
        [f"{score:.4g}" for score in rows["score"]],
        [f"{p_value:.4f}" for p_value in rows["p_value"]],
    ]
    trace = {
        "type": "table",
        "header": {
            "values": ["Rank", "Row of the training table (from 0)", "Attack's value", "p-value"],
            "align": "right", "font": {"color": INK},
        },
        "cells": {"values": cells, "align": "right", "font": {"color": INK}},
    }  # fmt: skip
    return Chart(
        name="exposed_records",
        title="The records that are easiest to find",
        caption=(
            f"The {len(rows)} most exposed of {n_members:,} members, by row number only. The "
            "p-value is the share of the non-members set aside, counting the record itself, that "
            "look at least as familiar; it is not corrected for the number of records."
        ),
        alt=f"Table of the {len(rows)} most exposed rows with score and p-value.",
        table="exposed_records",
        figure=figure([trace], x="", y="", height=420),
    )


def _columns(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    n_columns = len(rows)
    rows = rows.head(MOST_COLUMNS)
    labels = [plain(name, longest=40) for name in rows["column"]]
    places = np.arange(len(rows))[::-1]
    n_members, n_others = int(rows["n_members"].max()), int(rows["n_non_members"].max())
    words = [
        f"{label}: {measure}, p = {p_value:.2g}"
        for label, measure, p_value in zip(labels, rows["measure"], rows["p_value"], strict=True)
    ]
    auc = measurements.estimates.get("distribution_auc")
    blind = (
        ""
        if auc is None or auc.value is None
        else f" All together, a classifier without the model reaches AUC {auc.value:.2f}."
    )
    trace = {
        "type": "bar", "orientation": "h", "x": rows["distance"].to_numpy(np.float64), "y": places,
        "text": words, "textposition": "none", "marker": {"color": PALETTE[0]},
        "hovertemplate": "%{text}: %{x:.3f}<extra></extra>",
    }  # fmt: skip
    return Chart(
        name="column_differences",
        title="Where members and non-members differ before any model is asked",
        caption=(
            f"Distance between the two tables in {len(rows)} of {n_columns} columns, the most "
            f"significant first; {n_members:,} members, {n_others:,} non-members.{blind}"
        ),
        alt=f"Bars of the distance between the two tables for {len(rows)} columns.{blind}",
        table="column_differences",
        figure=figure(
            [trace], x="Distance between the two distributions (0 to 1)", y="",
            height=max(240, 24 * len(rows) + 110), xaxis={"rangemode": "tozero"},
            yaxis={"tickvals": places, "ticktext": labels, "range": [-0.7, len(rows) - 0.3]},
        ),
    )  # fmt: skip
