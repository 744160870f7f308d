"""What a model and a table seem to be, guessed with a reason each and open to change.

The worker reads the files and calls the guessing functions here; the host turns its answer into a
`Subject` and applies the user's edits. Nothing here opens a file or knows a model's library.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
from pydantic import Field

from analyzers.core.errors import InvalidParameter, ResultError
from analyzers.core.params import Params
from analyzers.core.result import Result
from analyzers.core.subject import (
    MODALITIES,
    TASKS,
    Column,
    Files,
    Role,
    Subject,
    Trust,
)
from analyzers.core.value import Value

INSPECTION_TABLES: Mapping[str, pa.Schema] = {
    "columns": pa.schema(
        [
            ("name", pa.string()),
            ("kind", pa.string()),
            ("role", pa.string()),
            ("is_feature", pa.bool_()),
            ("is_sensitive", pa.bool_()),
            ("is_immutable", pa.bool_()),
            ("reason", pa.string()),
            ("levels", pa.list_(pa.string())),
            ("minimum", pa.float64()),
            ("maximum", pa.float64()),
            ("n_missing", pa.int64()),
        ]
    ),
    "classes": pa.schema([("code", pa.int64()), ("label", pa.string()), ("n_rows", pa.int64())]),
    "changes": pa.schema([("about", pa.string()), ("sentence", pa.string())]),
}


class InspectionParams(Params):
    """What the user already said; empty means guess."""

    target: str = ""
    positive_class: str = ""
    sensitive: tuple[str, ...] = ()
    immutable: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    score_column: str = ""


class InspectionFacts(Value):
    """The facts of an inspection, read strictly from a result."""

    task: str
    modality: str
    target: str
    target_reason: str
    positive_class: str
    positive_reason: str
    model_kind: str
    trust: str
    data_format: str
    model_format: str
    n_rows: int = Field(ge=0)
    n_training_rows: int | None = None


def propose_subject(result: Result, files: Files, *, name: str) -> Subject:
    """Turn an inspection's result into the subject it proposes.

    Args:
        result: of the inspection job; already checked against `INSPECTION_TABLES`.
        files: the uploaded files.
        name: what the user calls it, at most 200 characters.

    Raises:
        ResultError: the result does not describe a subject.
    """
    tables = result.measurements.tables
    try:
        facts = InspectionFacts.model_validate(dict(result.measurements.facts))
        columns = tuple(_column(row) for row in tables["columns"].to_pylist())
        classes = tuple(str(row["label"]) for row in tables["classes"].to_pylist())
        return Subject(
            name=name[:200],
            files=files,
            task=_one_of(facts.task, TASKS),
            modality=_one_of(facts.modality, MODALITIES),
            target=facts.target or None,
            classes=classes,
            positive_class=facts.positive_class or None,
            columns=columns,
            n_rows=facts.n_rows,
            model_kind=facts.model_kind[:200],
            trust=Trust(facts.trust),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ResultError(
            "Expected the description of a model and its data, got something else.",
            remedy="Upload the files again.",
        ) from error


def notes_of(result: Result) -> tuple[str, ...]:
    """List what was changed or guessed, and what a missing training table forbids."""
    table = result.measurements.tables.get("changes")
    return () if table is None else tuple(str(item) for item in table["sentence"].to_pylist())


def _column(row: Mapping[str, Any]) -> Column:
    role = Role(row["role"])
    return Column(
        name=row["name"],
        kind=row["kind"],
        role=role,
        is_feature=row["is_feature"],
        is_sensitive=row["is_sensitive"],
        is_immutable=row["is_immutable"],
        reason=row["reason"],
        levels=tuple(row["levels"]),
        minimum=row["minimum"],
        maximum=row["maximum"],
        n_missing=row["n_missing"],
    )


def _one_of(word: str, words: Sequence[Any]) -> Any:  # noqa: ANN401  one of the given literals
    if word not in words:
        raise ValueError(word)
    return word


# --- Edits -------------------------------------------------------------------------------------


def edit_sensitive(subject: Subject, names: Sequence[str]) -> Subject:
    """Mark exactly the named columns as saying who a person is.

    Raises:
        InvalidParameter: no such column, or the target itself.
    """
    _require_columns(subject, names)
    if subject.target in names:
        raise InvalidParameter(
            "Expected columns beside the target, got the target itself.",
            remedy="Choose columns that say who a person is.",
        )
    return _with_columns(
        subject,
        [
            _flagged(column, "is_sensitive", column.name in names, Role.SENSITIVE)
            for column in subject.columns
        ],
    )


def edit_immutable(subject: Subject, names: Sequence[str]) -> Subject:
    """Mark exactly the named columns as what a person cannot change.

    Raises:
        InvalidParameter: no such column.
    """
    _require_columns(subject, names)
    return _with_columns(
        subject,
        [
            column.model_copy(
                update={"is_immutable": column.name in names}
                | _said(column.is_immutable, column.name in names)
            )
            for column in subject.columns
        ],
    )


def edit_role(subject: Subject, name: str, role: Role) -> Subject:
    """Give a column that the model does not see another role.

    Changing the target needs a new inspection (`InspectionParams.target`), because the model's
    features, classes and task follow from it.

    Raises:
        InvalidParameter: no such column, a feature of the model, or the target.
    """
    _require_columns(subject, [name])
    column = subject.column(name)
    if Role.LABEL in (role, column.role) and role != column.role:
        raise InvalidParameter(
            "Expected another role than the target.",
            remedy="Choose the target in the first field; the files are then read again.",
        )
    if column.is_feature and role != column.role:
        raise InvalidParameter(
            f"Expected a column the model does not see, got {name!r}, which the model was fitted "
            "on.",
            remedy="Mark it sensitive or unchangeable instead.",
        )
    changed = column.model_copy(
        update={
            "role": role,
            "is_sensitive": role == Role.SENSITIVE
            or (column.is_sensitive and role != Role.IGNORED),
            "reason": "You said so.",
        }
    )
    return _with_columns(
        subject, [changed if item.name == name else item for item in subject.columns]
    )


def edit_positive_class(subject: Subject, label: str) -> Subject:
    """Name the class that counts as the outcome of interest.

    Raises:
        InvalidParameter: not one of the classes, or the task is not binary.
    """
    if subject.task != "binary" or label not in subject.classes:
        raise InvalidParameter(
            f"Expected one of {', '.join(subject.classes) or 'two classes'}, got {label!r}.",
            remedy="Choose one of the classes of a task with two.",
        )
    return subject.model_copy(update={"positive_class": label})


def edit_name(subject: Subject, name: str) -> Subject:
    """Give the subject another name, at most 200 characters."""
    return subject.model_copy(update={"name": name.strip()[:200] or subject.name})


def _require_columns(subject: Subject, names: Sequence[str]) -> None:
    known = {column.name for column in subject.columns}
    strange = [name for name in names if name not in known]
    if strange:
        raise InvalidParameter(
            f"Expected columns of the table, got {', '.join(map(repr, strange))}.",
            remedy="Choose among the columns shown.",
        )


def _with_columns(subject: Subject, columns: Sequence[Column]) -> Subject:
    return subject.model_copy(update={"columns": tuple(columns)})


def _flagged(column: Column, flag: str, is_on: bool, role: Role) -> Column:
    was_on = bool(getattr(column, flag))
    changes: dict[str, Any] = {flag: is_on} | _said(was_on, is_on)
    if not column.is_feature and column.role in (role, Role.IGNORED):
        changes["role"] = role if is_on else Role.IGNORED
    return column.model_copy(update=changes)


def _said(was_on: bool, is_on: bool) -> dict[str, str]:
    return {} if was_on == is_on else {"reason": "You said so."}
