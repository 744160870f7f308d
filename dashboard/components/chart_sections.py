"""The charts of a page, gathered under the questions they answer."""

from collections.abc import Sequence

import streamlit as st

from analyzers.core.chart import Chart, by_section
from analyzers.core.result import Measurements
from dashboard.components.chart_view import chart_grid


@st.fragment
def chart_sections(charts: Sequence[Chart], measurements: Measurements, *, area: str) -> None:
    """Show charts in tabs by their section, those without one above; only the open tab is drawn."""
    sections = dict(by_section(charts))
    chart_grid(sections.pop("", ()), measurements, area=area)
    if not sections:
        return
    tabs = st.tabs(list(sections), key=f"{area}-sections", on_change="rerun")
    for tab, members in zip(tabs, sections.values(), strict=True):
        if tab.open:
            with tab:
                chart_grid(members, measurements, area=area)
