"""Performance, with a threshold that moves every number at once."""

from analyzers.performance import ANALYZER, decide_at
from dashboard.analysis_page import show_analysis
from dashboard.components.threshold_slider import ThresholdControls

LIVE = ThresholdControls(
    decide=decide_at,
    charts=("confusion",),
    table="metrics",
    columns=("title", "value", "low", "high", "n", "meaning"),
    where={"data": "test"},
)

show_analysis(ANALYZER, live=LIVE.show)
