"""Performance, with a threshold that moves every number at once."""

from analyzers.performance import ANALYZER, decide_at
from dashboard.analysis_page import show_analysis
from dashboard.components.threshold_slider import ThresholdControls

LIVE = ThresholdControls(
    decide=decide_at,
    charts=("confusion",),
    table="metrics",
    columns={
        "title": "Metric",
        "value": "Value",
        "low": "Low (95 %)",
        "high": "High (95 %)",
        "n": "n",
        "meaning": "Meaning",
    },
    where={"data": "test"},
)

show_analysis(ANALYZER, live=LIVE.show)
