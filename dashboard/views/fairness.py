"""Fairness, with a threshold that moves every group at once."""

from analyzers.fairness import ANALYZER, decide_at
from dashboard.analysis_page import show_analysis
from dashboard.components.threshold_slider import ThresholdControls

LIVE = ThresholdControls(
    decide=decide_at,
    charts=("groups_selection_rate", "disparities"),
    table="disparities",
    columns={
        "attributes": "Groups by",
        "metric": "Disparity",
        "value": "Value",
        "low": "Low (95 %)",
        "high": "High (95 %)",
        "n": "n",
        "highest": "Highest",
        "lowest": "Lowest",
    },
    where={"depth": 1},
)

show_analysis(ANALYZER, live=LIVE.show)
