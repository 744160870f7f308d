"""Explanation, with one row to look at: its reasons, its neighbours, and what would change it."""

import streamlit as st

from analyzers.explanation import (
    ANALYZER,
    GROUPS,
    account_of,
    coloured_words_chart,
    dependence_chart,
    draw_beside_lime,
    draw_groups,
    effect_chart,
    explained_features,
    grouped_by,
    local_chart,
    overlay_chart,
    picture_rows,
    rows_with_lime,
)
from analyzers.toolkit.markup import shown as tamed
from dashboard.analysis_page import Shown, show_analysis
from dashboard.components.another_group import another_group
from dashboard.components.chart_view import chart_view
from dashboard.components.forecast import forecast
from dashboard.components.row_picker import contrast, near_rows, row_picker
from dashboard.components.text_what_if import text_what_if
from dashboard.components.ways_out import ways_out
from dashboard.components.what_if import what_if
from dashboard.components.words import as_text


@st.fragment
def one_row(shown: Shown) -> None:
    """Choose a row; everything below is about that one."""
    _BY_MODALITY[shown.subject.modality](shown)


def _one_row(shown: Shown) -> None:
    if not explained_features(shown.measurements):
        return
    st.header("Look at one row, or one column", anchor=False)
    left, right = st.columns(2)
    with left:
        row = row_picker(shown)
        if row is not None:
            _reasons(shown, row)
            contrast(shown, row)
            near_rows(shown, row)
    with right:
        feature = st.selectbox(
            "Column",
            explained_features(shown.measurements),
            format_func=tamed,
            key="explanation-picked-column",
            help="From the most to the least important.",
        )
        for chart in (
            dependence_chart(shown.measurements, feature),
            effect_chart(shown.measurements, feature, row),
        ):
            if chart is not None:
                chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")
    if row is not None:
        what_if(shown, row)
        ways_out(shown, row)


def _reasons(shown: Shown, row: int) -> None:
    """Show what SHAP says of a row, and LIME beside it where it was run."""
    for chart in (
        local_chart(shown.measurements, row), draw_beside_lime(shown.measurements, row)
    ):  # fmt: skip
        if chart is not None:
            chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")
        elif n_rows := rows_with_lime(shown.measurements):
            st.caption(
                f"LIME was run on {n_rows:,} of the explained rows, drawn at random, and not on "
                f"row {row:,}. Name it in the settings and run again to have it."
            )


def _one_text(shown: Shown) -> None:
    st.header("Read one text", anchor=False)
    row = row_picker(shown)
    if row is None:
        return
    chart = coloured_words_chart(shown.measurements, row)
    if chart is None:
        st.info(f"Row {row:,} has no words, so there is nothing to explain in it.")
        return
    chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")
    contrast(shown, row)
    text_what_if(shown, row)


def _one_picture(shown: Shown) -> None:
    rows = picture_rows(shown.measurements)
    st.header("Look at one picture", anchor=False)
    row = row_picker(shown, among=rows)
    chart = None if row is None else overlay_chart(shown.measurements, row)
    if chart is not None:
        chart_view(chart, shown.measurements, area=ANALYZER.name, place="picked")


def live(shown: Shown) -> None:
    """Say how it was explained, and show the controls that answer at once."""
    explainer, *rest = account_of(shown.measurements)
    st.markdown(as_text(explainer))
    with st.expander("How this was explained, and how exactly", icon=":material/straighten:"):
        st.markdown("\n".join(f"- {as_text(words)}" for words in rest))
    one_row(shown)


def other_groups(shown: Shown) -> None:
    """Let any column tell the rows apart, not only the first."""
    another_group(shown, grouped_by(shown.measurements), draw_groups)


_BY_MODALITY = {"tabular": _one_row, "text": _one_text, "image": _one_picture}

show_analysis(ANALYZER, live=live, beside={GROUPS: other_groups}, foretell=forecast)
