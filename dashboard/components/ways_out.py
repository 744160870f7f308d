"""Set what a person may change and how, and search the smallest changes with another answer."""

from typing import Any

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.explanation import (
    Constraint,
    EditableField,
    answer_now,
    draw_counterfactuals,
    editable_fields,
    editable_rows,
    find_ways,
    kept_columns,
    rows_in_order,
    way_words,
)
from analyzers.toolkit.markup import shown as tamed
from dashboard.analysis_page import Shown
from dashboard.components.chart_view import chart_view
from dashboard.components.what_if import open_model
from dashboard.components.words import as_text

_ANY_OTHER = "any other answer"
_NUMBER_DIRECTIONS = {
    "any": "either way", "rise": "only up", "fall": "only down", "keep": "not at all",
}  # fmt: skip
_MOST_KEPT = 12
_LEVEL_DIRECTIONS = {"any": "freely", "keep": "not at all"}


@st.fragment
def ways_out(shown: Shown) -> None:
    """Show the rules and, on request, the changes found under them."""
    rows = editable_rows(shown.measurements)
    if not rows or shown.subject.files.model is None:
        return
    st.header("What would have to change for another answer?", anchor=False)
    is_open = st.toggle(
        "Set rules and search",
        key="explanation-ways",
        help="Opens the model in a sandbox of its own and asks it a few hundred to a few thousand "
        "questions, which takes seconds for most models.",
    )
    if not is_open:
        return
    left, right = st.columns([1, 2])
    names = rows_in_order(shown.measurements, "as in the file")
    with left:
        row = st.selectbox(
            "Row to change",
            rows,
            format_func=lambda number: names.get(number, str(number)),
            key="explanation-ways-row",
            help=f"{len(rows):,} explained rows can be changed.",
        )
        wanted = _wanted(shown)
    fields = editable_fields(shown.measurements, row)
    with right:
        ruled = st.multiselect(
            "Columns with a rule of their own",
            [field.name for field in fields],
            format_func=tamed,
            placeholder="none: all may change within the data's own range",
            key="explanation-ways-columns",
            help="Choose a column to keep it as it is, to let it only rise or only fall, to set "
            "its range, or to allow whole numbers only. The others may change freely within the "
            "data's own range.",
        )
    _say_kept(shown)
    rules = [
        _rule(field, key=f"explanation-ways-{row}-{field.name}")
        for field in fields
        if field.name in ruled
    ]
    if st.button("Search", key="explanation-ways-search", type="primary"):
        _search(shown, row, rules, wanted)


def _say_kept(shown: Shown) -> None:
    kept = kept_columns(shown.measurements)
    if kept:
        words = "; ".join(f"{tamed(name)} ({tamed(reason)})" for name, reason in kept[:_MOST_KEPT])
        more = f"; and {len(kept) - _MOST_KEPT:,} more" if len(kept) > _MOST_KEPT else ""
        st.caption(as_text(f"These stay as they are: {words}{more}."))


def _wanted(shown: Shown) -> str | None:
    if len(shown.subject.classes) < 3:
        return None
    picked = st.selectbox(
        "Answer to reach",
        [_ANY_OTHER, *shown.subject.classes],
        format_func=tamed,
        key="explanation-ways-wanted",
    )
    return None if picked == _ANY_OTHER else picked


def _rule(field: EditableField, *, key: str) -> Constraint:
    directions: dict[Any, str] = _LEVEL_DIRECTIONS if field.levels else _NUMBER_DIRECTIONS
    first, second, third = st.columns([2, 1, 1], vertical_alignment="bottom")
    with first:
        direction = st.segmented_control(
            f"{as_text(field.name)} may change",
            list(directions),
            format_func=directions.__getitem__,
            default="any",
            required=True,
            key=f"{key}-direction",
        )
    if field.levels or direction == "keep":
        return Constraint(field.name, direction)
    with second:
        low = st.number_input(
            "From", value=None, placeholder=f"{field.low:g}", format="%g", key=f"{key}-low",
            help="Smallest value a change may lead to; empty for the data's own.",
        )  # fmt: skip
    with third:
        high = st.number_input(
            "To", value=None, placeholder=f"{field.high:g}", format="%g", key=f"{key}-high",
            help="Largest value a change may lead to; empty for the data's own.",
        )  # fmt: skip
    # A column whose data are whole numbers keeps to them anyway.
    is_whole = field.can_be_rounded and st.checkbox(
        f"Whole numbers only for {as_text(field.name)}", key=f"{key}-whole"
    )
    return Constraint(field.name, direction, low, high, bool(is_whole))


def _search(shown: Shown, row: int, rules: list[Constraint], wanted: str | None) -> None:
    try:
        model = open_model(shown)
        with st.spinner("Searching small changes and checking each with the model"):
            found = find_ways(
                shown.measurements, shown.subject, row, rules, model.predict, wanted=wanted
            )
    except AssayError as error:
        st.error(f"**No search was made.** {as_text(error)}", icon=":material/error:")
        return
    facts = found.facts
    chart = draw_counterfactuals(found)
    if chart is None:
        st.info(
            f"As it stands the model says {as_text(answer_now(found))}. No change within these "
            f"rules was found in {facts['n_questions']:,} questions to the model; "
            f"{facts['n_free']} of {facts['n_columns']} columns may change. One that was not tried "
            "may exist.",
            icon=":material/block:",
        )
        return
    st.markdown(f"As it stands the model says **{as_text(answer_now(found))}**.")
    st.markdown("\n".join(f"1. {as_text(words)}" for words in way_words(found)))
    chart_view(chart, found, area=shown.analyzer.name, place="ways")
    st.caption(
        f"{facts['n_questions']:,} questions to the model; {facts['n_free']} of "
        f"{facts['n_columns']} columns may change."
    )
