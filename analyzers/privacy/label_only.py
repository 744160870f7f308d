"""Membership from labels alone: how much noise a record stands before its label changes.

A record the model was fitted on tends to lie further from the boundary of its class. The distance
is not asked for; noisy copies of several sizes are, and the share that keep the true label stands
for it.

References:
    Choquette-Choo et al. 2021, Label-Only Membership Inference Attacks.
    Li and Zhang 2021, Membership Leakage in Label-Only Exposures.
"""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Model
from analyzers.core.subject import Subject
from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.refitting import joined_inputs
from analyzers.privacy.signals import Signal

NAME, TITLE = "label_only", "Labels alone (noisy copies)"

# In standard deviations of a column, and in shares of the range from black to white.
_TABLE_SIZES = (0.1, 0.2, 0.4, 0.8, 1.6)
_IMAGE_SIZES = (0.02, 0.05, 0.1, 0.2, 0.4)
_MOST_SWAPPED = 0.5


def label_only_signal(
    model: Model | None,
    evidence: Evidence,
    *,
    n_copies: int,
    rng: np.random.Generator,
    track: Tracker,
) -> Signal:
    """Ask for the labels of noisy copies of every record, and for nothing else.

    Args:
        model: the live model; only its `predict` is used.
        evidence: members and non-members.
        n_copies: of each record, spread over five sizes of noise.
        rng: draws the noise.
        track: reports copies asked about.

    Returns:
        For each record the share of copies with its true label, less one where the record itself
        is labelled wrongly: its distance to the boundary is then on the other side.

    Raises:
        UnsuitableSubject: no model, a regression, or texts, which noise of this kind cannot change.
    """
    subject = evidence.members.data.subject
    if model is None or subject.task == "regression" or subject.modality == "text":
        raise UnsuitableSubject(
            "Expected a model that puts rows of a table or pictures into classes, because records "
            "are asked about again with noise."
        )
    inputs = joined_inputs(evidence.members.data, evidence.non_members.data)
    sides = (evidence.members, evidence.non_members)
    truth = evidence.labels.astype(np.int64)
    is_right = np.concatenate([side.predicted == side.labels for side in sides])
    kept = np.zeros(len(truth))
    for number in track(range(n_copies), "Asking for labels of noisy copies", total=n_copies):
        copy = _noised(inputs, subject, number, rng)
        kept += np.asarray(model.predict(copy)) == truth
    value = kept / n_copies - ~is_right
    cut = len(evidence.members)
    return Signal(NAME, TITLE, value[:cut], value[cut:])


def _noised(inputs: Any, subject: Subject, number: int, rng: np.random.Generator) -> Any:  # noqa: ANN401  what the model takes
    if isinstance(inputs, pd.DataFrame):
        size = _TABLE_SIZES[number % len(_TABLE_SIZES)]
        integers = {column.name for column in subject.columns if column.kind == "integer"}
        return pd.DataFrame(
            {
                name: noisy_column(inputs[name], size, rng, is_integer=name in integers)
                for name in inputs.columns
            }
        )
    pictures: NDArray[np.float32] = np.asarray(inputs)
    size = _IMAGE_SIZES[number % len(_IMAGE_SIZES)]
    noise = rng.standard_normal(pictures.shape, dtype=np.float32)
    return np.clip(pictures + np.float32(size) * noise, 0.0, 1.0)


def noisy_column(
    column: pd.Series, size: float, rng: np.random.Generator, *, is_integer: bool
) -> pd.Series:
    """Return a column with noise, of its own type and within its own range.

    Args:
        column: `(n_rows,)`.
        size: in standard deviations; of words, twice the share replaced by another row's.
        rng: draws the noise.
        is_integer: whether its values are whole.
    """
    if not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        is_swapped = rng.random(len(column)) < min(size / 2, _MOST_SWAPPED)
        others = column.iloc[rng.integers(len(column), size=len(column))].set_axis(column.index)
        return column.where(~is_swapped, others)
    numbers = column.to_numpy(np.float64, na_value=np.nan)
    known = numbers[np.isfinite(numbers)]
    if not len(known):
        return column
    noisy = numbers + size * known.std() * rng.standard_normal(len(numbers))
    noisy = np.clip(noisy, known.min(), known.max())
    if is_integer or pd.api.types.is_integer_dtype(column):
        noisy = np.rint(noisy)
    return pd.Series(noisy, index=column.index).astype(column.dtype)
