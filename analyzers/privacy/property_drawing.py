"""The chart of a group's share, read off the behaviour of models."""

import pandas as pd

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import INK, PALETTE, figure, plain


def draw_property(rows: pd.DataFrame, measurements: Measurements) -> Chart:
    """Draw known shares against those read from behaviour, and the model among them."""
    facts = measurements.facts
    group = plain(str(facts.get("property_group", "the group")), longest=60)
    known, mine = rows[~rows["is_target"]], rows[rows["is_target"]].iloc[0]
    error, blind = (
        100 * float(facts.get(name) or 0.0) for name in ("property_error", "property_blind_error")
    )
    return Chart(
        name="property_models",
        title=(
            f"Read from models' behaviour, the share of {group} is off by {error:.0f} "
            "percentage points"
        ),
        caption=(
            f"Share of the group in percent of what a model was fitted on: as it is, and as the "
            f"other models' behaviour tells it, for n = {len(known)} models of the same recipe and "
            f"for this one, with its 95 % interval. Guessing without the model is off by "
            f"{blind:.0f} percentage points. On the dotted line every reading is right."
        ),
        alt=f"Real and read shares of {len(known)} models around a diagonal, and this model's.",
        table="property_models",
        figure=figure(
            [
                {
                    "type": "scatter", "mode": "lines", "x": [0, 1], "y": [0, 1],
                    "name": "every reading right", "hoverinfo": "skip",
                    "line": {"color": INK, "dash": "dot", "width": 1},
                },
                {
                    "type": "scatter", "mode": "markers", "x": known["share"].tolist(),
                    "y": known["read_share"].tolist(), "name": "models with a known share",
                    "marker": {"color": PALETTE[0], "size": 7},
                    "hovertemplate": "%{x:.0%}, read as %{y:.0%}<extra></extra>",
                },
                {
                    "type": "scatter", "mode": "markers", "x": [mine["share"]],
                    "y": [mine["read_share"]], "name": "this model",
                    "marker": {"color": PALETTE[1], "size": 12, "symbol": "diamond"},
                    "hovertemplate": "%{x:.0%}, read as %{y:.0%}<extra></extra>",
                    "error_y": {
                        "type": "data", "symmetric": False,
                        "array": [mine["high"] - mine["read_share"]],
                        "arrayminus": [mine["read_share"] - mine["low"]],
                        "color": PALETTE[1], "thickness": 1.5, "width": 4,
                    },
                },
            ],
            x="Share in what the model was fitted on", y="Share read from behaviour",
            xaxis={"tickformat": ".0%", "range": [-0.02, 1.02]},
            yaxis={"tickformat": ".0%", "range": [-0.02, 1.02]},
        ),
    )  # fmt: skip
