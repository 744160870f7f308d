"""What each column is for, to be corrected before anything runs."""

from typing import Any, NamedTuple

import pandas as pd
import streamlit as st

from analyzers.core.errors import AssayError
from analyzers.core.subject import Column, Role, Subject
from analyzers.inspection import (
    InspectionParams,
    edit_immutable,
    edit_name,
    edit_positive_class,
    edit_role,
    edit_sensitive,
)
from analyzers.toolkit.markup import shown
from dashboard.components.words import as_text
from dashboard.uploading import answers_of

NO_TARGET = "(none)"
_TASKS = {
    "binary": "Two classes",
    "multiclass": "Several classes",
    "regression": "A number",
}


class Edited(NamedTuple):
    """What the user saved: a corrected subject, or answers with which to read the files again."""

    subject: Subject | None = None
    asks_again: InspectionParams | None = None


def columns_editor(subject: Subject) -> Edited:
    """Show the columns; return what was saved, if anything."""
    digest = subject.digest[:12]
    names = [column.name for column in subject.columns]
    with st.form(f"columns-{digest}"):
        first, second, third, fourth = st.columns([2, 2, 2, 2])
        name = first.text_input("Name", value=subject.name, max_chars=200, key=f"name-{digest}")
        targets = names if subject.target in names else [NO_TARGET, *names]
        target = second.selectbox(
            "Outcome the model predicts",
            targets,
            index=targets.index(subject.target) if subject.target in names else 0,
            format_func=shown,
            key=f"target-{digest}",
            help="The column with the true outcome. Changing it reads the files again.",
        )
        third.text_input("Task", value=_TASKS[subject.task], disabled=True, key=f"task-{digest}")
        positive = subject.positive_class
        if subject.task == "binary" and subject.classes:
            positive = fourth.selectbox(
                "Favourable outcome",
                list(subject.classes),
                index=subject.positive_index,
                format_func=shown,
                key=f"positive-{digest}",
                help="The class that counts as selected, granted or found.",
            )
        table = st.data_editor(
            _frame(subject),
            hide_index=True,
            disabled=["Column", "Kind", "Model input", "Values", "Missing", "Why"],
            column_config=_config(),
            key=f"columns-table-{digest}",
            alt="One row for each column of the data: its use, and the reason for the guess.",
        )
        pressed = st.form_submit_button("Save", icon=":material/save:", key=f"save-{digest}")
    if not pressed:
        return Edited()
    try:
        return _saved(subject, name, str(target), positive, pd.DataFrame(table))
    except AssayError as error:
        st.error(as_text(error), icon=":material/error:")
        return Edited()


def _frame(subject: Subject) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Column": [shown(column.name) for column in subject.columns],
            "Use": [column.role.value for column in subject.columns],
            "Sensitive": [column.is_sensitive for column in subject.columns],
            "Cannot change": [column.is_immutable for column in subject.columns],
            "Why": [shown(column.reason) for column in subject.columns],
            "Kind": [column.kind for column in subject.columns],
            "Values": [_values(column) for column in subject.columns],
            "Missing": [column.n_missing for column in subject.columns],
            "Model input": [column.is_feature for column in subject.columns],
        }
    )


def _config() -> dict[str, Any]:
    return {
        "Use": st.column_config.SelectboxColumn(
            options=[role.value for role in Role], required=True, help="What the column is for."
        ),
        "Model input": st.column_config.CheckboxColumn(help="The model was fitted on it."),
        "Sensitive": st.column_config.CheckboxColumn(help="Says who a person is."),
        "Cannot change": st.column_config.CheckboxColumn(
            help="A person cannot change it, so no attack may."
        ),
        "Why": st.column_config.TextColumn(width=330, help="The reason for the guess."),
    }


def _values(column: Column) -> str:
    if column.levels:
        return shown(", ".join(column.levels), longest=200)
    if column.minimum is None or column.maximum is None:
        return ""
    return f"{column.minimum:,g} to {column.maximum:,g}"


def _saved(
    subject: Subject, name: str, target: str, positive: str | None, table: pd.DataFrame
) -> Edited:
    # Rows keep their order, so names are taken from the subject: the table shows them tamed.
    columns = [column.name for column in subject.columns]
    sensitive = [name for name, is_on in zip(columns, table["Sensitive"], strict=True) if is_on]
    immutable = [name for name, is_on in zip(columns, table["Cannot change"], strict=True) if is_on]
    if target not in (NO_TARGET, subject.target):
        asked = answers_of(subject).model_copy(
            update={
                "target": target,
                "positive_class": "",
                "sensitive": tuple(item for item in sensitive if item != target),
                "immutable": tuple(item for item in immutable if item != target),
            }
        )
        return Edited(asks_again=asked)
    edited = edit_name(subject, name)
    for column, role in zip(subject.columns, table["Use"], strict=True):
        if role != column.role.value:
            edited = edit_role(edited, column.name, Role(role))
    edited = edit_immutable(edit_sensitive(edited, sensitive), immutable)
    if positive is not None and positive != subject.positive_class:
        edited = edit_positive_class(edited, positive)
    return Edited(subject=edited) if edited != subject else Edited()
