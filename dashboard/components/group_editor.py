"""Which columns are compared and where their numbers are cut, as they were and to be changed."""

from typing import Any

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.core.params import check_params
from analyzers.fairness.grouped_columns import cut_points_text, grouped_columns
from analyzers.toolkit.markup import shown as tamed
from dashboard import engine, session
from dashboard.analysis_page import Shown
from dashboard.components.words import as_text


def group_editor(shown: Shown) -> None:
    """Show how each column became groups; measure again with other columns or cut points."""
    columns = grouped_columns(shown.measurements)
    area, subject = shown.analyzer.name, shown.subject
    names = [column.name for column in subject.columns if column.name != subject.target]
    marked = [column.name for column in subject.sensitive]
    compared = [column.name for column in columns]
    with st.form(f"{area}-groups"):
        chosen = st.multiselect(
            "Columns compared",
            names,
            default=[name for name in compared if name in names],
            format_func=tamed,
            key=f"{area}-groups-columns",
            help="At first those marked sensitive; any other column can be compared too.",
        )
        points: dict[str, str] = {}
        for column in columns:
            if column.edges:
                points[column.name] = st.text_input(
                    f"Cut points of {as_text(column.name)}",
                    value=cut_points_text(column.edges),
                    max_chars=500,
                    key=f"{area}-groups-cut-{column.position}",
                    help=f"Now {column.made_by}. Increasing numbers with commas between.",
                )
        pressed = st.form_submit_button(
            "Measure again with these groups", icon=":material/play_arrow:", key=f"{area}-regroup"
        )
    if pressed:
        edited = {
            name: text
            for name, text in points.items()
            if name in chosen and text != _as_measured(shown, name)
        }
        _measure_again(shown, [] if sorted(chosen) == sorted(marked) else chosen, edited)


def _as_measured(shown: Shown, name: str) -> str:
    """The automatic cut points of a column, which another run finds again by itself."""
    for column in grouped_columns(shown.measurements):
        if column.name == name and not column.is_by_hand:
            return cut_points_text(column.edges)
    return ""


def _measure_again(shown: Shown, chosen: list[str], points: dict[str, str]) -> None:
    values: dict[str, Any] = {
        **shown.params,
        "attributes": list(chosen),
        "cut_points": "; ".join(f"{name}: {text}" for name, text in points.items()),
    }
    try:
        params = check_params(shown.analyzer.params, values)
        job = engine.runner().submit(shown.analyzer, shown.subject, params)
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
        return
    session.remember_job(job)
    st.rerun()
