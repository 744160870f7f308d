"""Charts of the tables; a chart is drawn only where its table has rows."""

from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.attribution_drawing import draw_attributions
from analyzers.fairness.classes_drawing import draw_classes
from analyzers.fairness.curves_drawing import draw_curves, slug
from analyzers.fairness.definitions import definition_of
from analyzers.fairness.law_drawing import draw_group_sizes, draw_law
from analyzers.fairness.mitigation_drawing import draw_mitigations
from analyzers.fairness.reasons_drawing import draw_reasons
from analyzers.fairness.sentences import (
    ERRORS,
    SCORES,
    SECTIONS,
    WHO,
    cell_sentence,
    difference_sentence,
    group_sentence,
    is_share,
)
from analyzers.toolkit.plots import INK, PALETTE, SEQUENTIAL, figure, plain

MOST_GROUPS = 40
MOST_MAPS = 3
_SCALE = [[place / (len(SEQUENTIAL) - 1), colour] for place, colour in enumerate(SEQUENTIAL)]
_FORESTS = (
    (WHO, "selection_rate", "Who is selected how often", "Selection rate"),
    (WHO, "mean_prediction", "For whom high numbers are predicted", "Mean prediction"),
    (WHO, "kolmogorov_distance", "Whose predictions are distributed differently",
     "Kolmogorov distance from everyone else"),
    (ERRORS, "true_positive_rate", "How often the truly positive are selected",
     "True positive rate"),
    (ERRORS, "false_positive_rate", "How often the truly negative are selected",
     "False positive rate"),
    (ERRORS, "positive_predictive_value", "How far a yes can be trusted",
     "Positive predictive value"),
    (ERRORS, "accuracy", "For whom decisions are right", "Accuracy"),
    (ERRORS, "theil_index", "How unevenly benefit falls within each group", "Theil index"),
    (ERRORS, "consistency", "Whether people who are alike are decided alike",
     "Consistency of neighbours"),
    (ERRORS, "mean_error", "For whom predictions are too high or too low",
     "Prediction minus outcome"),
    (ERRORS, "mean_absolute_error", "For whom predictions are far off", "Mean absolute error"),
    (SCORES, "mean_score", "Who is scored high", "Mean score"),
    (SCORES, "score_rate", "Who scores above the median of all", "Score rate"),
    (SCORES, "roc_auc", "How much the score knows about each group", "Area under the ROC curve"),
    (SCORES, "calibration_gap", "Who is scored too high or too low", "Mean score minus outcome"),
)  # fmt: skip
_DIFFERENCES = (
    "demographic_parity_difference", "equal_opportunity_difference",
    "false_positive_rate_difference", "equalized_odds_difference",
    "predictive_parity_difference", "accuracy_difference", "kolmogorov_distance",
)  # fmt: skip


def draw(measurements: Measurements) -> list[Chart]:
    """Draw everything there is, in the order in which a newcomer asks."""
    charts: list[Chart] = []
    groups = _frame(measurements, "groups")
    if groups is not None:
        for section, metric, title, axis in _FORESTS:
            mine = groups[(groups["metric"] == metric) & groups["value"].notna()]
            if len(mine):
                charts.append(_forest(mine, section, metric, title, axis))
        charts += _maps(groups, measurements)
    disparities = _frame(measurements, "disparities")
    if disparities is not None:
        mine = disparities[disparities["metric"].isin(_DIFFERENCES) & disparities["value"].notna()]
        if len(mine):
            charts.append(_differences(mine))
    charts += draw_classes(measurements) + draw_curves(measurements)
    charts += draw_attributions(measurements) + draw_reasons(measurements)
    charts += draw_mitigations(measurements) + draw_law(measurements)
    charts += draw_group_sizes(measurements)
    return sorted(charts, key=lambda chart: SECTIONS.index(chart.section))


def _frame(measurements: Measurements, name: str) -> pd.DataFrame | None:
    table: pa.Table | None = measurements.tables.get(name)
    return None if table is None or table.num_rows == 0 else table.to_pandas()


def _forest(rows: pd.DataFrame, section: str, metric: str, title: str, axis: str) -> Chart:
    everyone = rows[rows["depth"] == 0]
    groups = rows[rows["depth"] > 0]
    n_groups = len(groups)
    if n_groups > MOST_GROUPS:
        groups = groups.nlargest(MOST_GROUPS, "n").sort_index()
    labels = [
        plain(f"{group} ({attributes})" if depth > 1 else f"{attributes}: {group}", longest=48)
        for attributes, group, depth in zip(
            groups["attributes"], groups["group"], groups["depth"], strict=True
        )
    ]
    places = np.arange(len(groups))[::-1]
    value, low, high = (groups[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    in_percent = is_share(metric)
    number = "%{x:.1%}" if in_percent else "%{x:.3g}"
    trace = {
        "type": "scatter", "mode": "markers", "x": value, "y": places, "showlegend": False,
        "marker": {
            "color": PALETTE[0], "size": 9,
            "symbol": ["circle-open" if small else "circle" for small in groups["is_small"]],
        },
        "error_x": {
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "color": PALETTE[0], "thickness": 1.5, "width": 3,
        },
        "customdata": groups["n"].to_numpy(),
        "text": labels,
        "hovertemplate": f"%{{text}}<br>{number}, n = %{{customdata}}<extra></extra>",
    }  # fmt: skip
    shapes = []
    overall = ""
    if len(everyone):
        middle = float(everyone["value"].iloc[0])
        shapes.append(
            {
                "type": "line", "x0": middle, "x1": middle, "y0": 0, "y1": 1, "yref": "paper",
                "line": {"color": INK, "dash": "dot", "width": 1},
            }
        )  # fmt: skip
        shown = f"{middle:.1%}" if in_percent else f"{middle:.3g}"
        overall = f" The dotted line is everyone: {shown}, n = {int(everyone['n'].iloc[0]):,}."
    shown_groups = (
        f"{len(groups)} of {n_groups} groups, the largest"
        if (n_groups > len(groups))
        else f"{n_groups} groups"
    )
    definition = definition_of(metric)
    layout: dict[str, Any] = {
        "yaxis": {"tickvals": places, "ticktext": labels, "range": [-0.7, len(groups) - 0.3]}
    }
    if in_percent:
        layout["xaxis"] = {"tickformat": ".0%"}
    return Chart(
        name=f"groups_{metric}",
        title=title,
        sentence=group_sentence(rows, metric),
        section=section,
        caption=(
            f"Points with 95 % intervals for {shown_groups}; hollow points rest on too few rows "
            f"to compare.{overall} {definition.title}: {definition.formula[0].lower()}"
            f"{definition.formula[1:]}"
        ),
        alt=f"{axis} with interval for {len(groups)} groups.{overall}",
        table="groups",
        figure=figure(
            [trace], x=axis, y="", height=max(260, 26 * len(groups) + 110), shapes=shapes, **layout
        ),
    )  # fmt: skip


def _maps(groups: pd.DataFrame, measurements: Measurements) -> list[Chart]:
    attributes = _frame(measurements, "attributes")
    if attributes is None:
        return []
    levels = {
        str(table["attribute"].iloc[0]): table.sort_values("level")["name"].tolist()
        for _, table in attributes.groupby("position", sort=True)
    }
    metric = "mean_error" if "mean_error" in set(groups["metric"]) else "selection_rate"
    rows = groups[(groups["depth"] == 2) & (groups["metric"] == metric)]
    charts = []
    for first, second in list(combinations(levels, 2))[:MOST_MAPS]:
        mine = rows[rows["attributes"] == f"{first} × {second}"]
        if len(mine):
            charts.append(_map(mine, metric, (first, levels[first]), (second, levels[second])))
    return charts


def _map(
    rows: pd.DataFrame, metric: str, first: tuple[str, list[str]], second: tuple[str, list[str]]
) -> Chart:
    found = {row["group"]: row for row in rows.to_dict("records")}
    values = np.full((len(first[1]), len(second[1])), np.nan)
    words = np.full(values.shape, "", dtype=object)
    for i, one in enumerate(first[1]):
        for j, other in enumerate(second[1]):
            row = found.get(f"{one}, {other}")
            if row is not None and not np.isnan(row["value"]):
                values[i, j] = row["value"]
                number = ".0%" if metric == "selection_rate" else ".3g"
                few = " (few)" if row["is_small"] else ""
                words[i, j] = f"{row['value']:{number}}<br>n = {row['n']:,}{few}"
    what = "Selection rate" if metric == "selection_rate" else "Mean error"
    trace = {
        "type": "heatmap", "z": values, "colorscale": _SCALE, "text": words,
        "texttemplate": "%{text}", "hovertemplate": "%{text}<extra></extra>",
        "colorbar": {"tickformat": ".0%" if metric == "selection_rate" else ".3g"},
        "xgap": 2, "ygap": 2,
    }  # fmt: skip
    n = int(rows["n"].sum())
    names = f"{plain(first[0], longest=30)} and {plain(second[0], longest=30)}"
    return Chart(
        name=f"map_{slug(first[0], second[0])}",
        title=f"{what} where {names} meet",
        sentence=cell_sentence(rows, metric),
        section=WHO if metric == "selection_rate" else ERRORS,
        caption=f"Each cell is one combination with its n; {n:,} rows in {len(rows)} groups.",
        alt=f"Heat map of the {what.lower()} by {names} over {n:,} rows.",
        table="groups",
        figure=figure(
            [trace], x=plain(second[0]), y=plain(first[0]),
            height=max(280, 60 * len(first[1]) + 120),
            xaxis=_ticks(second[1]), yaxis=_ticks(first[1]) | {"autorange": "reversed"},
        ),
    )  # fmt: skip


def _differences(rows: pd.DataFrame) -> Chart:
    rows = rows.sort_values(["depth", "attributes"], kind="stable")
    labels = [
        plain(f"{attributes}: {metric.replace('_', ' ')}", longest=64)
        for attributes, metric in zip(rows["attributes"], rows["metric"], strict=True)
    ]
    places = np.arange(len(rows))[::-1]
    value, low, high = (rows[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    hover = [
        plain(f"{lowest} against {highest}", longest=100)
        for lowest, highest in zip(rows["lowest"], rows["highest"], strict=True)
    ]
    trace = {
        "type": "scatter", "mode": "markers", "x": value, "y": places, "showlegend": False,
        "marker": {"color": PALETTE[1], "size": 9}, "text": hover,
        "error_x": {
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "color": PALETTE[1], "thickness": 1.5, "width": 3,
        },
        "customdata": rows["n"].to_numpy(),
        "hovertemplate": "%{x:.3f}, smaller n = %{customdata}<br>%{text}<extra></extra>",
    }  # fmt: skip
    compared = rows["n_comparisons"].max()
    n = int(rows["n_rows"].max())
    return Chart(
        name="disparities",
        title="How far apart the groups are",
        sentence=difference_sentence(rows),
        section=WHO,
        caption=(
            "0 means equal; bars are 95 % intervals that hold for all pairs of groups at once. "
            f"{int(compared)} comparisons, whose p-values are corrected (Benjamini and Hochberg); "
            f"up to n = {n:,} rows. A difference is the largest minus the smallest rate; which "
            "rate each one compares is said below under what each number means."
        ),
        alt=f"{len(rows)} differences between groups with intervals, over up to {n:,} rows.",
        table="disparities",
        figure=figure(
            [trace], x="Largest difference", y="",
            height=max(260, 26 * len(rows) + 110),
            xaxis={"rangemode": "tozero"},
            yaxis={"tickvals": places, "ticktext": labels, "range": [-0.7, len(rows) - 0.3]},
        ),
    )  # fmt: skip


def _ticks(names: list[str]) -> dict[str, Any]:
    return {
        "tickvals": list(range(len(names))),
        "ticktext": [plain(name, longest=24) for name in names],
    }
