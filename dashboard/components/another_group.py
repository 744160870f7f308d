"""One chart by groups for whichever column tells the groups apart."""

from collections.abc import Callable, Sequence

import streamlit as st

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.markup import shown as tamed
from dashboard.analysis_page import Shown
from dashboard.components.chart_view import chart_view


def another_group(
    shown: Shown,
    names: Sequence[str],
    draw: Callable[[Measurements, str], Chart | None],
) -> None:
    """Show a choice and its chart; nothing where the first column is the only one.

    Args:
        shown: the result.
        names: columns that tell groups apart; the charts of the page draw the first.
        draw: draws the groups of one of them.
    """
    if len(names) < 2:
        return
    name = st.selectbox(
        "By another column",
        list(names[1:]),
        index=None,
        placeholder=f"the chart below is by {tamed(names[0])}",
        format_func=tamed,
        key=f"{shown.analyzer.name}-another-group",
    )
    chart = None if name is None else draw(shown.measurements, name)
    if chart is not None:
        chart_view(chart, shown.measurements, area=shown.analyzer.name, place="another")
