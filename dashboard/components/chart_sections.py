"""The charts of a page, gathered under the questions they answer."""

from collections.abc import Callable, Mapping, Sequence

import streamlit as st

from analyzers.core.chart import Chart, by_section
from analyzers.core.result import Measurements
from dashboard.components.chart_view import chart_grid


@st.fragment
def chart_sections(
    charts: Sequence[Chart],
    measurements: Measurements,
    *,
    area: str,
    beside: Mapping[str, Callable[[], None]] | None = None,
) -> None:
    """Show charts in tabs by their section, those without one above; only the open tab is drawn.

    Args:
        charts: in the order of their sections.
        measurements: hold the charts' tables.
        area: name of the analyzer.
        beside: draws the controls that stand above the charts of a section.
    """
    sections = dict(by_section(charts))
    chart_grid(sections.pop("", ()), measurements, area=area)
    if not sections:
        return
    tabs = st.tabs(list(sections), key=f"{area}-sections", on_change="rerun")
    for tab, (name, members) in zip(tabs, sections.items(), strict=True):
        if tab.open:
            with tab:
                if beside is not None and name in beside:
                    beside[name]()
                chart_grid(members, measurements, area=area)
