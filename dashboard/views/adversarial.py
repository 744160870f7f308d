"""Adversarial."""

from analyzers.adversarial import ANALYZER
from dashboard.analysis_page import show_analysis

show_analysis(ANALYZER)
