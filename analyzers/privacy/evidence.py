"""The two sides an attacker tells apart, as rows with known outcome that are on one side only."""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.subject import Role, Subject

FEWEST_ROWS = 10
_PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, kw_only=True)
class Side:
    """Members or non-members, in an order that does not depend on the files' order.

    Attributes:
        data: `(n_rows,)` the rows.
        labels: `(n_rows,)` class codes, or values for regression; none missing.
        predicted: `(n_rows,)` the model's answers.
        scores: `(n_rows, n_classes)` probabilities, or None.
    """

    data: Dataset
    labels: NDArray[np.int64] | NDArray[np.float64]
    predicted: NDArray[np.int64] | NDArray[np.float64]
    scores: NDArray[np.float64] | None

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """Both sides and what was left out to get them.

    Attributes:
        members: rows the model was fitted on.
        non_members: rows it has not seen.
        n_overlapping_members: training rows left out because the other table has them too.
        n_overlapping_non_members: rows of the data left out for the same reason.
        n_without_outcome: rows left out because their outcome is missing, on both sides.
    """

    members: Side
    non_members: Side
    n_overlapping_members: int
    n_overlapping_non_members: int
    n_without_outcome: int

    @property
    def labels(self) -> NDArray[np.int64] | NDArray[np.float64]:
        """The outcomes of members, then of non-members."""
        return np.concatenate([self.members.labels, self.non_members.labels])


def gather(
    training: Dataset, training_predictions: Predictions, data: Dataset, predictions: Predictions
) -> Evidence:
    """Take the rows that are members or non-members beyond doubt.

    A row that stands in both tables with the same features and outcome is neither and is left out
    of both.

    Raises:
        UnsuitableSubject: too few rows are left on a side.
    """
    if describing_columns(data.subject) or data.images is not None:
        inside, outside = _record_keys(training), _record_keys(data)
        shared_inside, shared_outside = np.isin(inside, outside), np.isin(outside, inside)
    else:
        # Answers and outcomes alone do not tell one record from another.
        shared_inside, shared_outside = (np.zeros(len(side), dtype=np.bool_)
                                         for side in (training, data))  # fmt: skip
    known_inside, known_outside = _known(training_predictions), _known(predictions)
    members = _side(training, training_predictions, known_inside & ~shared_inside)
    non_members = _side(data, predictions, known_outside & ~shared_outside)
    for side, name, known, shared in (
        (members, "training", known_inside, shared_inside),
        (non_members, "held-out", known_outside, shared_outside),
    ):
        if len(side) < FEWEST_ROWS:
            raise UnsuitableSubject(
                f"Expected at least {FEWEST_ROWS} {name} rows that have an outcome and are not in "
                f"both tables, got {len(side)}: of {len(known):,}, {int(shared.sum()):,} are in "
                f"both and {int((~known).sum()):,} have no outcome.",
                remedy="Give the rows the model was fitted on as training data, and other rows "
                "from the same source as data.",
            )
    return Evidence(
        members=members,
        non_members=non_members,
        n_overlapping_members=int(shared_inside.sum()),
        n_overlapping_non_members=int(shared_outside.sum()),
        n_without_outcome=int((~known_inside).sum() + (~known_outside).sum()),
    )


def describing_columns(subject: Subject) -> tuple[str, ...]:
    """Name the columns that say who a record is about.

    They are what the model takes; a table of answers without a model has no such columns, and then
    they are all but numbers of rows, answers and the outcome.
    """
    names = tuple(column.name for column in subject.features)
    others = {Role.ID, Role.PREDICTION, Role.LABEL, Role.IMAGE}
    return names or tuple(column.name for column in subject.columns if column.role not in others)


def fingerprints(frame: pd.DataFrame, images: NDArray[np.float32] | None) -> NDArray[np.uint64]:
    """Hash the content of every row, alike for equal values of different types.

    Returns:
        `(n_rows,)` 64-bit hashes; 1 and 1.0 are equal, and so are all missing values.
    """
    keys = np.zeros(len(frame), dtype=np.uint64)
    for place in range(frame.shape[1]):
        keys = keys * _PRIME + _column_keys(frame.iloc[:, place])
        keys ^= keys >> np.uint64(29)
    if images is not None:
        # Rounded to a byte: the same picture saved in two ways is the same picture.
        pixels = np.ascontiguousarray(np.rint(images * 255).astype(np.uint8))
        digests = [hashlib.blake2b(picture.tobytes(), digest_size=8).digest() for picture in pixels]
        keys = keys * _PRIME + np.frombuffer(b"".join(digests), dtype=np.uint64)
    return keys


def _column_keys(column: pd.Series) -> NDArray[np.uint64]:
    if pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column):
        numbers = column.to_numpy(np.float64, na_value=np.nan) + 0.0
        numbers[np.isnan(numbers)] = np.nan
        return np.asarray(pd.util.hash_array(numbers), dtype=np.uint64)
    codes, words = pd.factorize(column.astype("string"), use_na_sentinel=True)
    # Hashed without categorising, which would depend on which other words occur.
    hashed = np.asarray(
        pd.util.hash_array(np.asarray(words, dtype=object), categorize=False), dtype=np.uint64
    )
    return np.append(hashed, np.uint64(1))[codes]


def _record_keys(data: Dataset) -> NDArray[np.uint64]:
    names = [name for name in describing_columns(data.subject) if name in data.frame]
    if data.subject.target in data.frame.columns:
        names.append(str(data.subject.target))
    return fingerprints(data.frame[list(dict.fromkeys(names))], data.images)


def _known(predictions: Predictions) -> NDArray[np.bool_]:
    labels = predictions.labels
    if labels is None:
        return np.zeros(len(predictions), dtype=np.bool_)
    if np.issubdtype(labels.dtype, np.integer):
        return np.asarray(labels >= 0)
    return np.isfinite(labels)


def _side(data: Dataset, predictions: Predictions, keep: NDArray[np.bool_]) -> Side:
    keys = fingerprints(data.frame, data.images)
    order = np.argsort(keys, kind="stable")
    order = order[keep[order]]
    labels = predictions.labels
    if labels is None:
        labels = np.zeros(len(predictions), dtype=np.int64)
    scores = predictions.scores
    return Side(
        data=data.take(order),
        labels=labels[order],
        predicted=predictions.predicted[order],
        scores=None if scores is None else scores[order],
    )
