"""Set what a person may change and how, and search the smallest changes with another answer."""

from typing import Any

import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.explanation import (
    Constraint,
    EditableField,
    Reach,
    answer_now,
    draw_counterfactuals,
    editable_fields,
    editable_rows,
    find_ways,
    kept_columns,
    middle_output,
    way_words,
)
from analyzers.toolkit.markup import shown as tamed
from dashboard.analysis_page import Shown
from dashboard.components.chart_view import chart_view
from dashboard.components.what_if import not_at_hand, open_model
from dashboard.components.words import as_text

_ANY_OTHER = "any other answer"
_SIDES = {"across the median of the explained rows": None, "above": True, "below": False}
_NUMBER_DIRECTIONS = {
    "any": "either way", "rise": "only up", "fall": "only down", "keep": "not at all",
}  # fmt: skip
_MOST_KEPT = 12
_LEVEL_DIRECTIONS = {"any": "freely", "keep": "not at all"}


@st.fragment
def ways_out(shown: Shown, row: int) -> None:
    """Show the rules and, on request, the changes found under them."""
    rows = editable_rows(shown.measurements)
    if not rows or shown.subject.files.model is None:
        return
    st.header(f"What would have to change for another answer to row {row:,}?", anchor=False)
    if row not in rows:
        st.info(not_at_hand(row, len(rows)))
        return
    is_open = st.toggle(
        "Set rules and search",
        key="explanation-ways",
        help="Opens the model in a sandbox of its own and asks it a few hundred to a few thousand "
        "questions, which takes seconds for most models.",
    )
    if not is_open:
        return
    left, right = st.columns([1, 2])
    with left:
        wanted = _wanted(shown)
    kept = dict(kept_columns(shown.measurements))
    fields = [f for f in editable_fields(shown.measurements, row) if f.name not in kept]
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


def _wanted(shown: Shown) -> str | Reach | None:
    classes = shown.subject.classes
    if not classes:
        return _wanted_number(shown)
    if len(classes) == 2:
        st.caption(f"Answer to reach: the other of {as_text(' and '.join(classes))}.")
        return None
    picked = st.selectbox(
        "Answer to reach",
        [_ANY_OTHER, *shown.subject.classes],
        format_func=tamed,
        key="explanation-ways-wanted",
    )
    return None if picked == _ANY_OTHER else picked


def _wanted_number(shown: Shown) -> Reach | None:
    side = st.selectbox("Answer to reach", list(_SIDES), key="explanation-ways-side")
    is_upward = _SIDES[side]
    if is_upward is None:
        return None
    value = st.number_input(
        "Number",
        value=middle_output(shown.measurements),
        format="%g",
        key="explanation-ways-number",
        help="At first the median over the explained rows.",
    )
    return Reach(is_upward, float(value))


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


def _search(shown: Shown, row: int, rules: list[Constraint], wanted: str | Reach | None) -> None:
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
        tried = (
            f"No change within these rules was found in {facts['n_questions']:,} questions to the "
            f"model; {facts['n_free']} of {facts['n_columns']} columns may change. One that was "
            "not tried may exist."
            if facts["n_free"]
            else f"Under these rules none of the {facts['n_columns']} columns may change, so no "
            "other answer can be reached."
        )
        st.info(
            f"As it stands the model says {as_text(answer_now(found))}. {tried}",
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
