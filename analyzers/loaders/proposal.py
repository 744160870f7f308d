"""What a model and a table seem to be together: features, target, classes, roles."""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from analyzers.core.result import Measurements
from analyzers.core.subject import Files, Subject, Trust
from analyzers.inspection import INSPECTION_TABLES, InspectionParams
from analyzers.loaders import guesses
from analyzers.loaders.column_roles import columns_of
from analyzers.loaders.feature_columns import chosen_features, known_features, modality_of
from analyzers.loaders.headers import clean
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.outcome_columns import (
    positive_class,
    score_columns,
    spell_answers,
    target_column,
    task_of,
)
from analyzers.loaders.raw_table import RawTable
from analyzers.loaders.table_match import TableMatch

NO_TRAINING = (
    "No training table was given. Whether the model gives away who it was trained on (membership "
    "inference) cannot be measured without the rows it was fitted on."
)
NO_MODEL = (
    "No model was given: the table's score column is judged as it stands. Explanations and attacks "
    "need the model itself."
)
NO_TARGET = (
    "No column holds the true outcome. Accuracy and error rates cannot be measured without it."
)


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A subject with everything that was guessed, and why."""

    subject: Subject
    target_reason: str
    positive_reason: str
    class_counts: tuple[int, ...]
    changes: tuple[tuple[str, str], ...]

    def measurements(
        self,
        *,
        data_format: str,
        model_format: str,
        n_training_rows: int | None,
        more: Iterable[str],
    ) -> Measurements:
        """Put the proposal into the tables of `INSPECTION_TABLES`."""
        subject = self.subject
        rows = [
            column.model_dump(mode="python") | {"role": str(column.role)}
            for column in subject.columns
        ]
        classes = [
            {"code": code, "label": label, "n_rows": n_rows}
            for code, (label, n_rows) in enumerate(
                zip(subject.classes, self.class_counts, strict=True)
            )
        ]
        said = dict.fromkeys([*self.changes, *(("model", sentence) for sentence in more)])
        changes = [{"about": about, "sentence": clean_sentence(text)} for about, text in said]
        made = {"columns": rows, "classes": classes, "changes": changes}
        return Measurements(
            facts={
                "task": subject.task,
                "modality": subject.modality,
                "target": subject.target or "",
                "target_reason": self.target_reason,
                "positive_class": subject.positive_class or "",
                "positive_reason": self.positive_reason,
                "model_kind": subject.model_kind,
                "trust": str(subject.trust),
                "data_format": data_format,
                "model_format": model_format,
                "n_rows": subject.n_rows,
                "n_training_rows": n_training_rows,
            },
            tables={
                name: pa.Table.from_pylist(made[name], schema=schema)
                for name, schema in INSPECTION_TABLES.items()
            },
        )


def clean_sentence(text: str) -> str:
    """Take control characters out of a sentence with names from the file in it."""
    return "".join(char if char.isprintable() else " " for char in text)[:1000]


def propose(
    files: Files,
    table: RawTable,
    training: RawTable | None,
    loaded: LoadedModel | None,
    params: InspectionParams,
) -> Proposal:
    """Match model and table, and guess what was not said.

    Raises:
        RefusedFile: they do not fit; the names say where.
    """
    match = TableMatch(table, training, loaded, params)
    modality = modality_of(match)
    known = known_features(match) if modality == "tabular" else None
    match.settle({place: name for name, place in (known or {}).items()})
    features = None if known is None else tuple(known)
    scores = score_columns(match, features)
    target = target_column(match, features, scores, modality)
    if features is None:
        features = chosen_features(match, target.value, scores, modality)
    task, classes, counts, task_reason = task_of(match, target.value, scores)
    positive = positive_class(match, classes) if task == "binary" else guesses.Guess("", "")
    spell_answers(match, scores, classes)
    columns = columns_of(match, features=features, target=target, scores=scores, modality=modality)
    _say_what_is_missing(match, target.value, has_training=training is not None)
    subject = Subject(
        name="upload",
        files=files,
        task=task,
        modality=modality,
        target=target.value or None,
        classes=classes,
        positive_class=positive.value or None,
        columns=columns,
        n_rows=table.n_rows,
        model_kind="" if loaded is None else clean(loaded.kind),
        trust=Trust.DATA if loaded is None else loaded.trust,
    )
    return Proposal(
        subject=subject,
        target_reason=f"{target.reason} {task_reason}".strip(),
        positive_reason=positive.reason,
        class_counts=counts,
        changes=tuple(match.said),
    )


def _say_what_is_missing(match: TableMatch, target: str, *, has_training: bool) -> None:
    if match.loaded is None:
        match.say(NO_MODEL, about="missing")
    elif not has_training:
        match.say(NO_TRAINING, about="missing")
    if not target:
        match.say(NO_TARGET, about="missing")
    for note in () if match.loaded is None else match.loaded.notes:
        match.say(note, about="model")
