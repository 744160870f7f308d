"""What a network's numbers are: probabilities, their logarithms, or logits. Files do not say."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Outputs = Literal["values", "logits", "probabilities", "log-probabilities"]
_TOLERANCE = 1e-3


def tell_outputs(scores: NDArray[np.float64]) -> Outputs:
    """Tell from answers to some rows what a classifier's numbers are.

    Args:
        scores: `(n_rows, n_outputs)` as the network gave them.
    """
    if not scores.size or not np.isfinite(scores).all():
        return "logits"
    is_one = scores.shape[1] == 1
    low, high = scores.min(), scores.max()
    sums = scores.sum(axis=1)
    if low >= 0 and high <= 1 and (is_one or np.abs(sums - 1).max() < _TOLERANCE):
        return "probabilities"
    if not is_one and high <= 0 and np.abs(np.exp(scores).sum(axis=1) - 1).max() < _TOLERANCE:
        return "log-probabilities"
    return "logits"


def to_probabilities(raw: NDArray[np.float64], outputs: Outputs) -> NDArray[np.float64]:
    """Turn a classifier's numbers into probabilities.

    Args:
        raw: `(n_rows, n_outputs)`; one output is the second of two classes.
        outputs: what they are.
    """
    if outputs == "log-probabilities":
        return np.exp(raw)
    if outputs != "logits":
        return raw
    if raw.shape[1] == 1:
        return np.asarray(1.0 / (1.0 + np.exp(-np.clip(raw, -700, 700))))
    shifted = np.exp(raw - raw.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
