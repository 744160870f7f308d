"""What a single answer of the model says about membership; higher means more like a member."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.privacy.evidence import Side

_TINY = 1e-300


class Signal(NamedTuple):
    """One attack's value for every row.

    Attributes:
        name: full name, part of table rows.
        title: for the eye.
        members: `(n_members,)`.
        non_members: `(n_non_members,)`.
    """

    name: str
    title: str
    members: NDArray[np.float64]
    non_members: NDArray[np.float64]


def signals_of(members: Side, non_members: Side) -> list[Signal]:
    """List the attacks that the model's outputs allow, the usual strongest first.

    With probabilities: loss, margin, modified entropy, confidence, entropy (the last two do not
    need the true outcome). With labels only: whether the answer is right. For regression: the
    absolute error. In a task with two classes loss, margin and modified entropy rank alike.

    References:
        Yeom et al. 2018; Salem et al. 2019; Song and Mittal 2021.
    """
    if np.issubdtype(members.labels.dtype, np.floating):
        return [Signal("absolute_error", "Absolute error", _error(members), _error(non_members))]
    right = Signal("correctness", "Correctness", _is_right(members), _is_right(non_members))
    if members.scores is None or non_members.scores is None:
        return [right]
    inside = _from_scores(members.scores, np.asarray(members.labels, dtype=np.int64))
    outside = _from_scores(non_members.scores, np.asarray(non_members.labels, dtype=np.int64))
    titles = {
        "loss": "Loss",
        "margin": "Margin",
        "modified_entropy": "Modified entropy",
        "confidence": "Confidence",
        "entropy": "Entropy",
    }
    found = [Signal(name, title, inside[name], outside[name]) for name, title in titles.items()]
    return [*found, right]


def log_odds(scores: NDArray[np.float64], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-odds of the true class, log p - log(1 - p), with 1 - p added up from the other classes.

    Args:
        scores: `(n_rows, n_classes)` probabilities.
        labels: `(n_rows,)` class codes.

    References:
        Carlini et al. 2022, section V-B.
    """
    true, others = _split(scores, labels)
    return np.asarray(np.log(true) - np.log(np.maximum(others.sum(axis=1), _TINY)))


def _from_scores(
    scores: NDArray[np.float64], labels: NDArray[np.int64]
) -> dict[str, NDArray[np.float64]]:
    true, others = _split(scores, labels)
    clipped = np.maximum(scores, _TINY)
    # The complement from the other classes, since 1 - p is 0 long before p stops growing.
    rest = np.maximum(scores.sum(axis=1, keepdims=True) - scores, 0.0)
    rest = np.where(rest > 0, rest, np.finfo(np.float64).tiny)
    top = scores.argmax(axis=1)
    other_terms = scores * np.log(np.maximum(rest, _TINY))
    other_terms[np.arange(len(scores)), labels] = 0.0
    return {
        "loss": log_odds(scores, labels),
        "margin": np.log(true) - np.log(np.maximum(others.max(axis=1), _TINY)),
        "modified_entropy": others.sum(axis=1) * np.log(true) + other_terms.sum(axis=1),
        "confidence": log_odds(scores, top),
        "entropy": (scores * np.log(clipped)).sum(axis=1),
    }


def _split(
    scores: NDArray[np.float64], labels: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The true class's probability and a matrix of the others', with 0 in the true place."""
    place = np.arange(len(scores))
    others = scores.copy()
    others[place, labels] = 0.0
    return np.maximum(scores[place, labels], _TINY), others


def _error(side: Side) -> NDArray[np.float64]:
    return -np.abs(np.asarray(side.predicted - side.labels, dtype=np.float64))


def _is_right(side: Side) -> NDArray[np.float64]:
    return np.asarray(side.predicted == side.labels, dtype=np.float64)
