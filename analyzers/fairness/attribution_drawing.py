"""Which features carry the difference in scores between two groups."""

import numpy as np
import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.fairness.attribution import TOGETHER
from analyzers.fairness.curves_drawing import slug
from analyzers.fairness.sentences import WHY, name_of
from analyzers.toolkit.plots import INK, PALETTE, figure, plain

MOST_FEATURES = 15


def draw_attributions(measurements: Measurements) -> list[Chart]:
    """Draw one chart for each attribute whose difference was split among the features."""
    table = measurements.tables.get("attributions")
    if table is None or table.num_rows == 0:
        return []
    return [
        _attribution(str(attribute), rows)
        for attribute, rows in table.to_pandas().groupby("attribute", sort=False)
    ]


def _attribution(attribute: str, rows: pd.DataFrame) -> Chart:
    total = rows[rows["feature"] == TOGETHER].iloc[0]
    shares = rows[rows["feature"] != TOGETHER]
    shown = shares.head(MOST_FEATURES)
    places = np.arange(len(shown))[::-1]
    value, low, high = (shown[name].to_numpy(np.float64) for name in ("value", "low", "high"))
    who = (plain(total["highest"], longest=30), plain(total["lowest"], longest=30))
    trace = {
        "type": "bar", "orientation": "h", "x": value, "y": places, "showlegend": False,
        "marker": {"color": PALETTE[0]},
        "error_x": {
            "type": "data", "symmetric": False, "array": high - value, "arrayminus": value - low,
            "color": INK, "thickness": 1.2, "width": 3,
        },
        "hovertemplate": "%{x:.4g}<extra></extra>",
    }  # fmt: skip
    left = "" if len(shown) == len(shares) else f", the {len(shown)} largest of {len(shares)} shown"
    caption = (
        f"{who[0]} minus {who[1]}: the features' shares add up to {total['value']:.3g}, the "
        f"difference in mean score over {int(total['n']):,} pairs of rows "
        f"({total['all_rows_difference']:.3g} over all rows){left}. Bars to the left make the "
        "difference smaller; lines are 95 % intervals; n is the number of pairs. Shapley values: "
        "a feature's mean effect on the difference over all orders in which features are added."
    )
    first = shares.iloc[0]
    sentence = (
        f"{name_of(first['feature'])} carries the most: {first['value']:.3g} of a difference of "
        f"{total['value']:.3g} between “{name_of(total['highest'])}” and "
        f"“{name_of(total['lowest'])}”."
    )
    return Chart(
        sentence=sentence,
        section=WHY,
        name=f"attribution_{slug(attribute)}",
        title=f"Which features carry the difference in scores by {plain(attribute, longest=30)}",
        caption=caption,
        alt=f"Shares of {len(shown)} features in the difference. {caption}",
        table="attributions",
        figure=figure(
            [trace], x="Share of the difference in mean score", y="",
            height=max(240, 28 * len(shown) + 110),
            yaxis={
                "tickvals": places,
                "ticktext": [plain(name, longest=40) for name in shown["feature"]],
            },
        ),
    )  # fmt: skip
