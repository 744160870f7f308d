"""Privacy."""

from analyzers.privacy import ANALYZER
from dashboard.analysis_page import show_analysis

show_analysis(ANALYZER)
