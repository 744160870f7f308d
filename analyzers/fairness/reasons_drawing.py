"""Charts of what may lie behind a difference, and of what equal rates would cost."""

from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.conditions import ALL_STRATA
from analyzers.fairness.curves_drawing import slug
from analyzers.fairness.proxies import ALL_FEATURES
from analyzers.fairness.sentences import ERRORS, THRESHOLDS, WHY, joined, name_of
from analyzers.fairness.tradeoffs import CURRENT, ONE_EACH, ONE_FOR_ALL
from analyzers.toolkit.plots import INK, PALETTE, figure, plain

_ZERO = {
    "type": "line", "x0": 0, "x1": 0, "y0": 0, "y1": 1, "yref": "paper",
    "line": {"color": INK, "dash": "dot", "width": 1},
}  # fmt: skip


def draw_reasons(measurements: Measurements) -> list[Chart]:
    """Draw the trade-off, conditions, proxies and slices that are there."""
    charts: list[Chart] = []
    tradeoffs = _frame(measurements, "tradeoffs")
    if tradeoffs is not None:
        for (attribute, criterion), rows in tradeoffs.groupby(
            ["attribute", "criterion"], sort=False
        ):
            charts.append(_tradeoff(str(attribute), str(criterion), rows))
    conditions = _frame(measurements, "conditions")
    if conditions is not None:
        together = conditions[conditions["stratum"] == ALL_STRATA]
        for attribute, rows in together.groupby("attribute", sort=False):
            charts.append(_conditions(str(attribute), rows))
    proxies = _frame(measurements, "proxies")
    if proxies is not None:
        single = proxies[proxies["feature"] != ALL_FEATURES]
        for attribute, rows in single.groupby("attribute", sort=False):
            charts.append(_proxies(str(attribute), rows))
    slices = _frame(measurements, "slices")
    if slices is not None:
        charts.append(_slices(slices))
    return charts


def _frame(measurements: Measurements, name: str) -> pd.DataFrame | None:
    table = measurements.tables.get(name)
    return None if table is None or table.num_rows == 0 else table.to_pandas()


def _tradeoff(attribute: str, criterion: str, rows: pd.DataFrame) -> Chart:
    traces: list[dict[str, Any]] = []
    for place, kind in enumerate((ONE_FOR_ALL, ONE_EACH)):
        part = rows[rows["kind"] == kind]
        traces.append(
            {
                "type": "scatter", "mode": "markers", "name": kind,
                "x": part["difference"].to_numpy(), "y": part["accuracy"].to_numpy(),
                "marker": {
                    "color": PALETTE[place], "symbol": ("circle-open", "diamond")[place],
                    "size": [13 if best else 7 for best in part["is_best"]],
                },
                "hovertemplate": "difference %{x:.1%}<br>accuracy %{y:.1%}<extra></extra>",
            }
        )  # fmt: skip
    now = rows[rows["kind"] == CURRENT].iloc[0]
    traces.append(
        {
            "type": "scatter", "mode": "markers", "name": CURRENT, "x": [now["difference"]],
            "y": [now["accuracy"]],
            "marker": {"color": PALETTE[9], "symbol": "star", "size": 14},
            "hovertemplate": "difference %{x:.1%}<br>accuracy %{y:.1%}<extra>now</extra>",
        }
    )  # fmt: skip
    each = rows[(rows["kind"] == ONE_EACH) & rows["is_best"]].iloc[0]
    cost = 100 * (now["accuracy"] - each["accuracy"])
    n = int(now["n"])
    sentence = (
        f"With one threshold for each group the best accuracy is {each['accuracy']:.1%} at a "
        f"difference of {each['difference']:.1%}, {abs(cost):.1f} points "
        f"{'below' if cost > 0 else 'above'} now."
    )
    rate = "selection rate" if criterion == "demographic parity" else "true positive rate"
    words = (
        f"Every point is one threshold for all, or one for each group that makes the {rate} equal; "
        f"the difference is the largest minus the smallest {rate}. n = {n:,} rows, the same on "
        "which the thresholds were chosen; measured on other rows under other decisions."
    )
    return Chart(
        name=f"tradeoff_{slug(attribute, criterion)}",
        title=f"What {criterion} by {plain(attribute, longest=30)} would cost in accuracy",
        sentence=sentence,
        section=THRESHOLDS,
        caption=words,
        alt=f"Accuracy against disparity for thresholds over {n:,} rows. {sentence}",
        table="tradeoffs",
        figure=figure(
            traces, x="Largest difference between groups", y="Accuracy",
            xaxis={"tickformat": ".0%", "rangemode": "tozero"}, yaxis={"tickformat": ".0%"},
        ),
    )  # fmt: skip


def _conditions(attribute: str, rows: pd.DataFrame) -> Chart:
    first = rows.iloc[0]
    n = int((rows["n_highest"] + rows["n_lowest"]).max())
    n_flips = int(rows["flips"].sum())
    turned = (
        f"{n_flips} of {len(rows)} features turn it round"
        if n_flips
        else (f"none of {len(rows)} features turns it round")
    )
    trace = _bars(
        rows["condition"].tolist(), rows["value"], rows["low"], rows["high"],
        [PALETTE[1] if flips else PALETTE[0] for flips in rows["flips"]],
    )  # fmt: skip
    plain_gap = float(first["plain_difference"])
    line = {**_ZERO, "x0": plain_gap, "x1": plain_gap, "line": {"color": INK, "dash": "dash"}}
    return Chart(
        name=f"conditions_{slug(attribute)}",
        title=f"Whether the difference by {plain(attribute, longest=30)} remains among rows alike",
        sentence=_remains(rows, plain_gap),
        section=WHY,
        caption=(
            f"{plain(first['highest'], longest=30)} minus {plain(first['lowest'], longest=30)} in "
            f"selection rate: dashed on the whole, points within strata of one feature; {turned}. "
            "Strata are put together with Mantel and Haenszel's weights; a turn counts where both "
            f"95 % intervals exclude 0 (Bonferroni over the features). n = {n:,} rows."
        ),
        alt=f"Differences in selection rate within strata of {len(rows)} features over {n:,} rows.",
        table="conditions",
        figure=figure(
            [trace], x="Difference in selection rate", y="", shapes=[_ZERO, line],
            height=max(240, 28 * len(rows) + 110), xaxis={"tickformat": ".0%"},
            yaxis=_names(rows["condition"].tolist()),
        ),
    )  # fmt: skip


def _remains(rows: pd.DataFrame, gap: float) -> str:
    turning = rows[rows["flips"]]["condition"].tolist()
    if turning:
        names = joined([f"“{name_of(name)}”" for name in turning])
        return (
            f"The difference of {100 * gap:.1f} percentage points turns round among rows alike in "
            f"{names}: read it with and without."
        )
    least = rows.iloc[int(rows["value"].abs().argmin())]
    return (
        f"The difference of {100 * gap:.1f} percentage points does not turn round; it is smallest, "
        f"{100 * least['value']:.1f}, among rows alike in {name_of(least['condition'])}."
    )


def _proxies(attribute: str, rows: pd.DataFrame) -> Chart:
    n = int(rows["n"].iloc[0])
    first = rows.iloc[int(rows["value"].argmax())]
    trace = _bars(
        rows["feature"].tolist(), rows["value"], rows["low"], rows["high"],
        [PALETTE[2]] * len(rows),
    )  # fmt: skip
    return Chart(
        name=f"proxies_{slug(attribute)}",
        title=f"Which features give {plain(attribute, longest=30)} away",
        sentence=(
            f"{name_of(first['feature'])} tells most about {name_of(attribute)}: it removes "
            f"{first['value']:.1%} of the uncertainty."
        ),
        section=WHY,
        caption=(
            "0 % tells nothing, 100 % tells it outright: the share of the uncertainty about the "
            f"attribute that one feature removes; bars are 95 % intervals, n = {n:,} rows."
        ),
        alt=f"Share of uncertainty removed by {len(rows)} features over {n:,} rows.",
        table="proxies",
        figure=figure(
            [trace], x="Share of uncertainty removed", y="",
            height=max(240, 28 * len(rows) + 110),
            xaxis={"tickformat": ".0%", "rangemode": "tozero"},
            yaxis=_names(rows["feature"].tolist()),
        ),
    )  # fmt: skip


def _slices(rows: pd.DataFrame) -> Chart:
    names = [f"{name} (n = {n:,})" for name, n in zip(rows["slice"], rows["n"], strict=True)]
    trace = _bars(names, rows["value"], rows["low"], rows["high"], [PALETTE[1]] * len(rows))
    compared, worst = int(rows["n_comparisons"].iloc[0]), rows.iloc[0]
    return Chart(
        name="slices",
        title="Where the model is wrong most often",
        sentence=(
            f"Most surely where {name_of(worst['slice'])}: wrong in {worst['error_rate']:.1%} of "
            f"{int(worst['n']):,} rows, against {worst['error_rate_rest']:.1%} of the rest."
        ),
        section=ERRORS,
        caption=(
            "Error rate above that of all other rows, the surest first; bars are 95 % intervals "
            f"before correction for the {compared:,} slices that were looked at; n is in the names."
        ),
        alt=f"The {len(rows)} slices with the highest error rates of {compared:,} looked at.",
        table="slices",
        figure=figure(
            [trace], x="Error rate above the rest", y="", shapes=[_ZERO],
            height=max(240, 28 * len(rows) + 110), xaxis={"tickformat": ".0%"},
            yaxis=_names(names),
        ),
    )  # fmt: skip


def _bars(
    names: list[str], value: pd.Series, low: pd.Series, high: pd.Series, colours: list[str]
) -> dict[str, Any]:
    middle = value.to_numpy(np.float64)
    return {
        "type": "scatter", "mode": "markers", "x": middle, "showlegend": False,
        "y": np.arange(len(names))[::-1], "marker": {"color": colours, "size": 9},
        "error_x": {
            "type": "data", "symmetric": False, "thickness": 1.5, "width": 3,
            "array": high.to_numpy(np.float64) - middle,
            "arrayminus": middle - low.to_numpy(np.float64),
        },
        "text": [plain(name, longest=60) for name in names],
        "hovertemplate": "%{text}<br>%{x:.1%}<extra></extra>",
    }  # fmt: skip


def _names(names: list[str]) -> dict[str, Any]:
    return {
        "tickvals": np.arange(len(names))[::-1],
        "ticktext": [plain(name, longest=48) for name in names],
        "range": [-0.7, len(names) - 0.3],
    }
