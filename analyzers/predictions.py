"""What the model says of every row, computed once per subject and shared by every analyzer.

Question: what does the model answer on the rows that were given?
Method: one pass over the data, and over the training data where it was given, in batches.
Limits: a table of predictions without a model is taken as it is.
"""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.analyzer import Analyzer, Needs, no_charts, no_findings
from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.errors import ModelMisbehaved, RefusedFile
from analyzers.core.model import Capability, Model
from analyzers.core.params import NoParams
from analyzers.core.result import Fact, Measurements
from analyzers.core.subject import Role, Subject
from analyzers.core.workbench import Workbench

BATCH_ROWS = 4096

PREDICTION_SCHEMA = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False),
        pa.field("label", pa.float64()),
        pa.field("predicted", pa.float64(), nullable=False),
        pa.field("scores", pa.list_(pa.float64())),
    ]
)


def predict(model: Model, data: Dataset) -> Predictions:
    """Ask the model about every row at once.

    Args:
        model: matched to the subject of `data`.
        data: at least one row.

    Raises:
        ModelMisbehaved: the answers are not one class or one finite value a row.
    """
    if data.subject.task == "regression" or Capability.PREDICT_PROBA not in model.capabilities:
        answers = model.predict(data.inputs)
        return Predictions(rows=data.rows, labels=data.labels, predicted=answers, scores=None)
    # One call for both: the class is the one with the highest score, the first where equal.
    scores = model.predict_proba(data.inputs)
    codes = scores.argmax(axis=1).astype(np.int64)
    return Predictions(rows=data.rows, labels=data.labels, predicted=codes, scores=scores)


def measure(bench: Workbench, params: NoParams) -> Measurements:
    """Predict the data and, where given, the training data."""
    del params
    if bench.model is None:
        return _given(bench)
    model = bench.need_model()
    tables = {"predictions": _predict_all(model, bench.data, bench, "Predicting the data")}
    if bench.training_data is not None:
        tables["training_predictions"] = _predict_all(
            model, bench.training_data, bench, "Predicting the training data"
        )
    return Measurements(tables=tables, facts={"source": "the model"})


def _given(bench: Workbench) -> Measurements:
    """Take the answers from the tables; those on the training data only where they are whole."""
    tables = {"predictions": table_of(predictions_given(bench.data))}
    facts: dict[str, Fact] = {"source": "the uploaded table"}
    if bench.training_data is not None:
        try:
            tables["training_predictions"] = table_of(predictions_given(bench.training_data))
        except RefusedFile as refusal:
            # Most questions do not need them; the one that does says this.
            facts["training_obstacle"] = f"In the training table: {refusal.message}"
    return Measurements(tables=tables, facts=facts)


def predictions_given(data: Dataset) -> Predictions:
    """Take the answers from the columns of a table that came without a model.

    A column of class names is what was predicted. One numeric column of a binary task is the
    probability of the positive class; several are one probability each, matched to the classes by
    name. Where only probabilities are given, the class with the highest one is predicted.

    Raises:
        RefusedFile: no such column, a row without an answer, or numbers that are not probabilities.
    """
    subject = data.subject
    columns = [column.name for column in subject.columns if column.role == Role.PREDICTION]
    if not columns:
        raise RefusedFile(
            "Expected a model or a column with the model's answers, got neither.",
            remedy="Upload the model file, or set the column's role to prediction.",
        )
    gaps = [name for name in columns if data.frame[name].isna().any()]
    if gaps:
        raise RefusedFile(
            f"Expected an answer in every row, got empty cells in {', '.join(gaps[:5])}.",
            remedy="Fill them or leave those rows out.",
        )
    if subject.task == "regression":
        predicted = _as_numbers(data, columns[0])
        return Predictions(rows=data.rows, labels=data.labels, predicted=predicted, scores=None)
    named = [name for name in columns if _holds_classes(data, name)]
    numeric = [name for name in columns if name not in named]
    scores = _scores_given(data, numeric) if numeric else None
    if named:
        known = {name: code for code, name in enumerate(subject.classes)}
        words = data.frame[named[0]].astype(str)
        codes = np.asarray(words.map(known), dtype=np.int64)
    elif scores is not None:
        codes = scores.argmax(axis=1).astype(np.int64)
    else:  # pragma: no cover  one of the two lists holds the first column
        raise AssertionError(columns)
    return Predictions(rows=data.rows, labels=data.labels, predicted=codes, scores=scores)


def table_of(predictions: Predictions) -> pa.Table:
    """Return predictions as a table in `PREDICTION_SCHEMA`; a missing label is null."""
    labels = pa.nulls(len(predictions), pa.float64())
    if predictions.labels is not None:
        known = predictions.labels.astype(np.float64)
        is_code = np.issubdtype(predictions.labels.dtype, np.integer)
        labels = pa.array(known, mask=(known < 0) if is_code else np.isnan(known))
    scores = pa.nulls(len(predictions), PREDICTION_SCHEMA.field("scores").type)
    if predictions.scores is not None:
        n_rows, n_classes = predictions.scores.shape
        offsets = np.arange(n_rows + 1, dtype=np.int32) * n_classes
        scores = pa.ListArray.from_arrays(
            pa.array(offsets), pa.array(predictions.scores.astype(np.float64).ravel())
        )
    columns = [
        pa.array(predictions.rows, pa.int64()),
        labels,
        pa.array(predictions.predicted.astype(np.float64)),
        scores,
    ]
    return pa.Table.from_arrays(columns, schema=PREDICTION_SCHEMA)


def predictions_from(table: pa.Table, subject: Subject) -> Predictions:
    """Return a table in `PREDICTION_SCHEMA` as arrays.

    Args:
        table: validated against the schema.
        subject: says the task and the classes.

    Raises:
        ModelMisbehaved: class codes or scores that do not belong to the subject's classes.
    """
    predicted = _numbers(table["predicted"], missing=np.nan)
    labels = None
    if subject.target is not None:
        labels = _numbers(table["label"], missing=np.nan)
    rows = table["row"].to_numpy().astype(np.int64)
    if subject.task == "regression":
        return Predictions(rows=rows, labels=labels, predicted=predicted, scores=None)
    n_classes = len(subject.classes)
    if not np.isin(predicted, np.arange(n_classes)).all():
        raise ModelMisbehaved(
            f"Expected one of {n_classes} classes for every row, got another answer.",
            remedy="Check that the model was fitted on the classes of this data.",
        )
    codes = None
    if labels is not None:
        codes = np.where(np.isin(labels, np.arange(n_classes)), labels, -1).astype(np.int64)
    return Predictions(
        rows=rows,
        labels=codes,
        predicted=predicted.astype(np.int64),
        scores=_scores(table["scores"], n_classes),
    )


def _holds_classes(data: Dataset, name: str) -> bool:
    return bool(data.frame[name].astype(str).isin(data.subject.classes).all())


def _as_numbers(data: Dataset, name: str) -> NDArray[np.float64]:
    try:
        values = data.frame[name].astype(np.float64).to_numpy()
    except (TypeError, ValueError):
        values = np.array([np.nan])
    if not np.isfinite(values).all():
        raise RefusedFile(
            f"Expected finite numbers in the column {name!r}, got other values.",
            remedy="Choose the column with the model's answers, or correct it.",
        )
    return np.asarray(values, dtype=np.float64)


def _scores_given(data: Dataset, columns: list[str]) -> NDArray[np.float64]:
    classes = data.subject.classes
    if len(classes) == 2 and len(columns) == 1:
        positive = _as_numbers(data, columns[0])
        scores = np.column_stack([1 - positive, positive])
        if data.subject.positive_index == 0:
            scores = scores[:, ::-1]
    else:
        by_class = [_column_of_class(columns, name) for name in classes]
        missing = [name for name, column in zip(classes, by_class, strict=True) if column is None]
        if missing:
            raise RefusedFile(
                f"Expected one score column for each class, got none for {', '.join(missing[:5])}.",
                remedy="Name the columns after the classes, such as score_<class>.",
            )
        scores = np.column_stack([_as_numbers(data, column) for column in by_class if column])
    if ((scores < 0) | (scores > 1)).any():
        raise RefusedFile(
            "Expected probabilities in [0, 1] in the score columns, got other numbers.",
            remedy="Turn the scores into probabilities, or upload the predicted classes.",
        )
    return scores


def _column_of_class(columns: list[str], name: str) -> str | None:
    endings = (name, *(f"{mark}{name}" for mark in ("_", " ", "-", ":")))
    for column in columns:
        if column == name or any(column.endswith(ending) for ending in endings[1:]):
            return column
    return None


def _scores(column: pa.ChunkedArray, n_classes: int) -> NDArray[np.float64] | None:
    if column.null_count == len(column):
        return None
    lists = column.combine_chunks()
    lengths = np.diff(np.asarray(lists.offsets)) if len(lists) else np.zeros(0)
    values = np.asarray(lists.flatten().to_numpy(zero_copy_only=False), dtype=np.float64)
    is_regular = column.null_count == 0 and bool((lengths == n_classes).all())
    if not is_regular or not np.isfinite(values).all() or ((values < 0) | (values > 1)).any():
        raise ModelMisbehaved(
            f"Expected {n_classes} probabilities in [0, 1] for every row, got something else.",
            remedy="Check that the model's scores are probabilities, one for each class.",
        )
    return values.reshape(len(column), n_classes)


def _numbers(column: pa.ChunkedArray, *, missing: float) -> NDArray[np.float64]:
    return column.fill_null(missing).to_numpy().astype(np.float64)


def _predict_all(model: Model, data: Dataset, bench: Workbench, what: str) -> pa.Table:
    if len(data) == 0:
        return PREDICTION_SCHEMA.empty_table()
    starts = range(0, len(data), BATCH_ROWS)
    parts: Iterator[Predictions] = (
        predict(model, data.take(np.arange(start, min(start + BATCH_ROWS, len(data)))))
        for start in bench.track(starts, what, total=len(starts))
    )
    return pa.concat_tables([table_of(part) for part in parts]).combine_chunks()


PREDICTIONS = Analyzer(
    name="predictions",
    version=2,
    title="Predictions",
    question="What does the model answer on the rows that were given?",
    about=__doc__ or "",
    params=NoParams,
    needs=Needs(),
    tables={"predictions": PREDICTION_SCHEMA, "training_predictions": PREDICTION_SCHEMA},
    measure=measure,
    judge=no_findings,
    draw=no_charts,
)
