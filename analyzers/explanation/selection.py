"""Which class, which rows and which row to show: each choice with its reason."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.errors import InvalidParameter
from analyzers.core.workbench import Workbench
from analyzers.explanation.params import MOST_ASKED_BACKGROUND, ExplanationParams
from analyzers.toolkit.sampling import content_order, sample_rows, sampling_note

_MOST_REFERENCE_ROWS = 5000


class Selection(NamedTuple):
    """The rows at work.

    Attributes:
        positions: `(n_rows,)` positions in the data to explain; those that matter most first.
        background: rows that stand for unknown values.
        reference: rows LIME takes its distributions from.
        source: where the background comes from, in words.
        notes: one sentence for every place where fewer than all rows are used.
    """

    positions: NDArray[np.int64]
    background: Dataset
    reference: Dataset
    source: str
    notes: tuple[str, ...]


class Shown(NamedTuple):
    """The row that is explained in full, as a place among the explained rows, and why."""

    place: int
    why: str


def choose_class(bench: Workbench, params: ExplanationParams) -> int | None:
    """Position of the class to explain; None for regression.

    Raises:
        InvalidParameter: the class asked for does not exist.
    """
    subject = bench.subject
    if subject.task == "regression":
        return None
    if params.output_class:
        if params.output_class not in subject.classes:
            raise InvalidParameter(
                f"Expected a class of the model, got {params.output_class!r}.",
                remedy=f"Choose one of: {', '.join(subject.classes)}; or leave it empty.",
            )
        return subject.classes.index(params.output_class)
    if subject.task == "binary":
        return subject.positive_index
    predicted = bench.need_predictions().predicted.astype(np.int64)
    return int(np.bincount(predicted[predicted >= 0], minlength=len(subject.classes)).argmax())


def choose_rows(
    bench: Workbench, params: ExplanationParams, n_wanted: int, rng: np.random.Generator
) -> Selection:
    """Draw rows, background and reference, in proportion to what the model predicts.

    Raises:
        InvalidParameter: the row to show does not exist.
    """
    data = bench.data
    strata = _strata(bench.need_predictions(), data.subject.task)
    draw, again, behind, around = rng.spawn(4)
    order = content_order(data)
    large = sample_rows(data, n_wanted, draw, strata=strata, order=order)
    # What was drawn is in content order already.
    small = sample_rows(
        data.take(large),
        params.sampled_rows,
        again,
        strata=strata[large],
        order=np.arange(len(large)),
    )
    positions = np.concatenate([large[small], np.delete(large, small)])
    if params.row is not None:
        asked = np.flatnonzero(data.rows == params.row)
        if not len(asked):
            raise InvalidParameter(
                f"Expected a row number of the file, got {params.row:,}.",
                remedy=f"Choose a row from 0 to {int(data.rows.max()):,}, or leave it open.",
            )
        positions = np.concatenate([asked, positions[positions != asked[0]]])
    source = data if bench.training_data is None else bench.training_data
    word = "data under examination" if bench.training_data is None else "training data"
    if source is not data:
        order = content_order(source)
    n_behind = params.background_rows
    if params.method != "interventional":
        n_behind = min(n_behind, MOST_ASKED_BACKGROUND)
    background = source.take(sample_rows(source, n_behind, behind, order=order))
    reference = source.take(sample_rows(source, _MOST_REFERENCE_ROWS, around, order=order))
    notes = (
        sampling_note(len(background), len(source), f"Background rows, from the {word}"),
        sampling_note(len(reference), len(source), "Rows LIME takes its distributions from"),
    )
    return Selection(positions, background, reference, word, tuple(filter(None, notes)))


def choose_shown(
    predictions: Predictions,
    positions: NDArray[np.int64],
    asked: int | None,
    outputs: NDArray[np.float64],
    class_index: int | None,
) -> Shown:
    """Choose the row to show among the explained ones.

    Args:
        predictions: of all rows.
        positions: `(n_rows,)` the explained ones, in an order that does not depend on the file's.
        asked: the row number asked for, if any.
        outputs: `(n_rows,)` the explained output of the explained rows.
        class_index: the explained class; mistakes that concern it come first.
    """
    if asked is not None:
        return Shown(0, "It is the row you asked for.")
    predicted = predictions.predicted[positions]
    if predictions.labels is not None:
        labels = predictions.labels[positions]
        if predictions.scores is None and predicted.dtype.kind == "f":
            distance = np.nan_to_num(np.abs(predicted - labels), nan=-1.0)
            return Shown(int(distance.argmax()), "Its prediction is the furthest from the truth.")
        wrong = (labels != predicted) & (labels >= 0)
        if wrong.any():
            concerned = wrong & ((labels == class_index) | (predicted == class_index))
            wrong = concerned if concerned.any() else wrong
            sure = np.ones(len(positions))
            if predictions.scores is not None:
                sure = predictions.scores[positions, predicted.astype(np.int64)]
            place = int(np.where(wrong, sure, -1.0).argmax())
            return Shown(place, "Among the explained rows the model was most sure of it and wrong.")
        return Shown(
            int(outputs.argmax()),
            "No explained row is predicted wrongly; it has the largest output.",
        )
    return Shown(int(outputs.argmax()), "It has the largest output; no true outcome is known.")


def _strata(predictions: Predictions, task: str) -> NDArray[np.int64]:
    if task != "regression":
        return predictions.predicted.astype(np.int64)
    quarters = np.quantile(predictions.predicted, [0.25, 0.5, 0.75])
    return np.searchsorted(quarters, predictions.predicted).astype(np.int64)
