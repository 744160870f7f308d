"""Edit a row and see at once what the model answers: the model itself, kept open in its sandbox."""

from typing import Any

import streamlit as st

from analyzers.core.dataset import Predictions
from analyzers.core.errors import AssayError
from analyzers.explanation import (
    MOST_EDITED,
    EditableField,
    Question,
    ask_about,
    editable_fields,
    editable_rows,
    edits_chart,
    read_answer,
)
from analyzers.jobs.live import LiveModel
from analyzers.toolkit.markup import shown as tamed
from dashboard import engine, session
from dashboard.analysis_page import Shown
from dashboard.components.chart_view import chart_view
from dashboard.components.words import as_text

_FIRST_EDITED = 3
_COLUMNS = 3
_MISSING = "missing"


@st.fragment
def what_if(shown: Shown, row: int) -> None:
    """Show the form and the answers; nothing where the result holds no rows to edit."""
    rows = editable_rows(shown.measurements)
    if not rows or shown.subject.files.model is None:
        return
    st.header(f"What if row {row:,} were another?", anchor=False)
    if row not in rows:
        st.info(not_at_hand(row, len(rows)))
        return
    is_open = st.toggle(
        "Edit a row and ask the model",
        key="explanation-what-if",
        help="Opens the model in a sandbox of its own. It closes by itself when it is not asked "
        "for a few minutes.",
    )
    if not is_open:
        return
    fields = {field.name: field for field in editable_fields(shown.measurements, row)}
    if not fields:
        st.info("No column of this row can be edited: none of them varies in the data.")
        return
    names = st.multiselect(
        "Columns to edit",
        list(fields),
        default=list(fields)[:_FIRST_EDITED],
        max_selections=MOST_EDITED,
        format_func=tamed,
        key="explanation-what-if-columns",
        help="From the most to the least important. The other columns stay as they are.",
    )
    _edit(shown, row, tuple(fields[name] for name in names))


@st.fragment
def _edit(shown: Shown, row: int, fields: tuple[EditableField, ...]) -> None:
    """Show the row's fields and the answer: an edit runs this part of the page alone."""
    edits = {}
    places = st.columns(_COLUMNS)
    for place, field in enumerate(fields):
        with places[place % _COLUMNS]:
            edits[field.name] = _field(field, key=f"explanation-what-if-{row}-{field.name}")
    _answer(shown, row, edits)


def _field(field: EditableField, *, key: str) -> Any:  # noqa: ANN401  each kind has its own type
    if field.levels:
        options = [*field.levels, *([None] if field.may_be_missing else [])]
        if field.value not in options:
            options.append(field.value)
        return st.selectbox(
            as_text(field.name),
            options,
            index=options.index(field.value),
            format_func=lambda level: _MISSING if level is None else tamed(level),
            key=key,
        )
    is_whole = field.decimals == 0 and not isinstance(field.value, float)
    number: type[int] | type[float] = int if is_whole and field.value is not None else float
    low, high = number(field.low), number(field.high)
    is_missing = field.may_be_missing and st.checkbox(
        f"{as_text(field.name)} is missing", value=field.value is None, key=f"{key}-missing"
    )
    entered = st.number_input(
        as_text(field.name),
        min_value=low,
        max_value=high,
        value=low if field.value is None else number(field.value),
        step=number(1) if field.decimals == 0 else None,
        format=None if number is int else "%g",
        disabled=bool(is_missing),
        help=f"From {field.low:,g} to {field.high:,g}, as in the data.",
        key=key,
    )
    return None if is_missing else entered


def _answer(shown: Shown, row: int, edits: dict[str, Any]) -> None:
    try:
        question = ask_about(shown.measurements, row, edits)
        answers = open_model(shown).predict(question.rows)
    except AssayError as error:
        st.error(f"**The model gave no answer.** {as_text(error)}", icon=":material/error:")
        return
    show_answers(shown, question, answers, hint="Change a value above.")


def not_at_hand(row: int, n_rows: int) -> str:
    """Say why the values of an explained row are not there to work with."""
    return (
        f"The values of row {row:,} were not kept: with this many columns {n_rows:,} rows have "
        "theirs. Choose one from the top of the list, or name this row in the settings and run "
        "again."
    )


def show_answers(shown: Shown, question: Question, answers: Predictions, *, hint: str) -> None:
    """Show the answers before and after the edits, and what each edit did.

    Args:
        shown: the result.
        question: what was asked.
        answers: of the model.
        hint: what to do where nothing was edited.
    """
    answered = read_answer(shown.measurements, shown.subject, question, answers)
    before, after = (as_text(answered.facts[f"predicted_{word}"]) for word in ("before", "after"))
    if not question.edited:
        st.info(f"As it stands the model predicts **{before}**. {hint}")
    elif before == after:
        st.info(f"The model still predicts **{after}**.", icon=":material/trending_flat:")
    else:
        st.success(f"Was **{before}**, now **{after}**.", icon=":material/swap_horiz:")
    st.dataframe(answered.tables["answers"], hide_index=True)
    chart = edits_chart(answered)
    if chart is not None:
        chart_view(chart, answered, area=shown.analyzer.name, place="edited")


def open_model(shown: Shown) -> LiveModel:
    """Return the model, open in a sandbox of its own and shared by all controls of the page."""
    return _model(str(session.home()), session.workspace(), shown.subject.digest)


def _still_open(model: LiveModel) -> bool:
    return model.is_open


@st.cache_resource(max_entries=16, show_spinner="Opening the model", validate=_still_open)
def _model(home: str, workspace: str, digest: str) -> LiveModel:
    del home, workspace  # they are there to be part of the key
    return engine.runner().open_live(engine.store().subject(digest))
