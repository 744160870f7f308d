"""More than two classes: the widest difference between groups, for each class and on average."""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.classes import AVERAGE, METRICS
from analyzers.fairness.curves_drawing import slug
from analyzers.fairness.definitions import definition_of
from analyzers.fairness.sentences import ERRORS, NOTHING_TO_COMPARE, WHO, name_of
from analyzers.toolkit.plots import PALETTE, figure, plain

MOST_CLASSES = 30


def draw_classes(measurements: Measurements) -> list[Chart]:
    """Draw one chart for every attribute and rate that was compared class by class."""
    table = measurements.tables.get("classes")
    if table is None or table.num_rows == 0:
        return []
    frame = table.to_pandas()
    charts = []
    for metric in METRICS:
        mine = frame[(frame["metric"] == metric) & frame["value"].notna()]
        for attribute, rows in mine.groupby("attribute", sort=False):
            charts.append(_chart(str(attribute), metric, rows))
    return charts


def _chart(attribute: str, metric: str, rows: pd.DataFrame) -> Chart:
    average, classes = rows[rows["class"] == AVERAGE], rows[rows["class"] != AVERAGE]
    n_classes = len(classes)
    if n_classes > MOST_CLASSES:
        classes = classes.nlargest(MOST_CLASSES, "value").sort_index()
    kept = pd.concat([average, classes])
    places = np.arange(len(kept))[::-1]
    value, low, high = (kept[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    low, high = np.where(np.isnan(low), value, low), np.where(np.isnan(high), value, high)
    labels = [plain(name, longest=40) for name in kept["class"]]
    trace = {
        "type": "scatter", "mode": "markers", "x": value, "y": places, "showlegend": False,
        "marker": {
            "size": 9, "color": PALETTE[1],
            "symbol": ["diamond" if name == AVERAGE else "circle" for name in kept["class"]],
        },
        "error_x": {
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "color": PALETTE[1], "thickness": 1.5, "width": 3,
        },
        "text": [
            plain(f"{one} against {other}, smaller n = {n:,}", longest=100)
            for one, other, n in zip(kept["lowest"], kept["highest"], kept["n"], strict=True)
        ],
        "hovertemplate": "%{x:.1%}<br>%{text}<extra></extra>",
    }  # fmt: skip
    item = definition_of(metric)
    name = item.title.lower()
    if len(classes):
        worst = classes.iloc[int(classes["value"].argmax())]
        sentence = (
            f"The {name} differs most for the class “{name_of(worst['class'])}”: by "
            f"{100 * worst['value']:.1f} percentage points between “{name_of(worst['lowest'])}” "
            f"and “{name_of(worst['highest'])}”."
        )
    else:
        sentence = NOTHING_TO_COMPARE
    left = "" if len(classes) == n_classes else f" The {len(classes)} widest of {n_classes} shown."
    return Chart(
        name=f"classes_{slug(attribute, metric)}",
        title=f"The {name} of every class, by {plain(attribute, longest=30)}",
        sentence=sentence,
        section=WHO if metric == "selection_rate" else ERRORS,
        caption=(
            "Largest minus smallest rate among the groups, each class against all others; the "
            "diamond is the plain mean over the classes. Bars are 95 % intervals that hold for all "
            f"pairs of groups at once; smaller n from {int(kept['n'].min()):,} to "
            f"{int(kept['n'].max()):,} rows.{left} {item.title}: {item.formula[0].lower()}"
            f"{item.formula[1:]}"
        ),
        alt=f"Differences in {name} for {len(classes)} classes and on average. {sentence}",
        table="classes",
        figure=figure(
            [trace], x="Largest difference between groups", y="",
            height=max(240, 26 * len(kept) + 110),
            xaxis={"tickformat": ".0%", "rangemode": "tozero"},
            yaxis={"tickvals": places, "ticktext": labels, "range": [-0.7, len(kept) - 0.3]},
        ),
    )  # fmt: skip
