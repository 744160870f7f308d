"""Explanation, with any row and any column drawn at once."""

import streamlit as st

from analyzers.explanation import (
    ANALYZER,
    account_of,
    coloured_words_chart,
    dependence_chart,
    effect_chart,
    explained_features,
    explained_row_numbers,
    local_chart,
)
from analyzers.toolkit.markup import shown as tamed
from dashboard.analysis_page import Shown, show_analysis
from dashboard.components.chart_view import chart_view
from dashboard.components.forecast import forecast
from dashboard.components.row_picker import contrast, near_rows, row_picker
from dashboard.components.ways_out import ways_out
from dashboard.components.what_if import what_if
from dashboard.components.words import as_text


@st.fragment
def pick(shown: Shown) -> None:
    """Choose a row and a column, and see their charts."""
    rows = explained_row_numbers(shown.measurements)
    features = explained_features(shown.measurements)
    if not rows or not features:
        return
    if local_chart(shown.measurements, rows[0]) is None:
        pick_text(shown, rows[0])  # texts and pictures have no columns to choose from
        return
    st.header("Look at one row, or one column", anchor=False)
    left, right = st.columns(2)
    with left:
        row = row_picker(shown)
        chart = None if row is None else local_chart(shown.measurements, row)
        if chart is not None:
            chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")
        if row is not None:
            contrast(shown, row)
            near_rows(shown, row)
    with right:
        feature = st.selectbox(
            "Column",
            features,
            format_func=tamed,
            key="explanation-picked-column",
            help="From the most to the least important.",
        )
        for draw in (dependence_chart, effect_chart):
            chart = draw(shown.measurements, feature)
            if chart is not None:
                chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")


def pick_text(shown: Shown, first: int) -> None:
    """Choose a text, and read which of its words count."""
    if coloured_words_chart(shown.measurements, first) is None:
        return
    st.header("Read one text", anchor=False)
    row = row_picker(shown)
    chart = None if row is None else coloured_words_chart(shown.measurements, row)
    if chart is not None:
        chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")


def live(shown: Shown) -> None:
    """Say how it was explained, and show the controls that answer at once."""
    explainer, *rest = account_of(shown.measurements)
    st.markdown(as_text(explainer))
    with st.expander("How this was explained, and how exactly", icon=":material/straighten:"):
        st.markdown("\n".join(f"- {as_text(words)}" for words in rest))
    pick(shown)
    what_if(shown)
    ways_out(shown)


show_analysis(ANALYZER, live=live, foretell=forecast)
