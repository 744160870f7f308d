"""Metrics of a model with more than two classes: per class against the rest, and over all."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Workbench
from analyzers.performance.decisions import drawn_estimate
from analyzers.performance.gap import accuracy_of, gap_rows, lift_over_majority
from analyzers.performance.scores import calibration_error, calibration_table
from analyzers.performance.tables import METRICS, TABLES, confusion_rows, metric_rows
from analyzers.toolkit.bootstrap import redraw_counts
from analyzers.toolkit.curves import ScoreCounts, count_scores, roc_auc
from analyzers.toolkit.intervals import mean_estimate, rate_estimate

_EPSILON = float(np.finfo(np.float64).eps)
NO_SCORE = "The predictions are decisions only; no scores were given."


def measure(bench: Workbench, *, n_bins: int, n_draws: int) -> Measurements:
    """Measure the confusion matrix, each class against the rest, and the scores."""
    predictions = bench.need_predictions()
    classes = bench.subject.classes
    n_classes = len(classes)
    labels = np.asarray(predictions.labels, dtype=np.int64)
    known = labels >= 0
    actual, predicted = labels[known], np.asarray(predictions.predicted, dtype=np.int64)[known]
    matrix = np.bincount(actual * n_classes + predicted, minlength=n_classes**2)
    matrix = matrix.reshape(n_classes, n_classes)
    drawn = redraw_counts(matrix, n_draws, bench.rng)
    accuracy = accuracy_of(predictions)
    found: list[tuple[str, Estimate]] = [
        ("accuracy", accuracy),
        ("lift_over_majority", lift_over_majority(labels, predictions.predicted.astype(np.int64))),
        (
            "balanced_accuracy",
            drawn_estimate(matrix, drawn, _mean_recall, "A class has no rows."),
        ),
        ("macro_f1", drawn_estimate(matrix, drawn, _macro_f1, "No rows.")),
    ]
    tables = {"confusion": confusion_rows(matrix.tolist(), classes)}
    per_class = [
        row
        for code, name in bench.track(list(enumerate(classes)), "Measuring each class")
        for row in _class_rows(matrix, drawn, code, name)
    ]
    if predictions.scores is None:
        missing = ("macro_roc_auc", "log_loss", "brier_score", "expected_calibration_error")
        found += [(name, Estimate.unmeasured(NO_SCORE)) for name in missing]
    else:
        scores = predictions.scores[known]
        areas = [
            roc_auc(count_scores(scores[:, code], (actual == code).astype(np.int64)))
            for code in range(n_classes)
        ]
        per_class += [
            _class_row(name, "roc_auc", area) for name, area in zip(classes, areas, strict=True)
        ]
        top = top_counts(scores, actual)
        own = np.clip(scores[np.arange(len(actual)), actual], _EPSILON, 1.0)
        squares = (scores**2).sum(axis=1) - 2 * scores[np.arange(len(actual)), actual] + 1
        found += [
            ("macro_roc_auc", _macro(areas, len(actual))),
            ("log_loss", mean_estimate(-np.log(own))),
            ("brier_score", mean_estimate(squares)),
            ("expected_calibration_error", calibration_error(top, n_bins, n_draws, bench.rng)),
        ]
        tables["calibration"] = calibration_table(top, n_bins)
    tables["per_class"] = pa.Table.from_pylist(per_class, schema=TABLES["per_class"])
    training = bench.training_predictions
    on_training = None if training is None or training.labels is None else accuracy_of(training)
    gap, gap_table = gap_rows(("accuracy", accuracy), on_training)
    tables["metrics"] = pa.concat_tables([metric_rows(found), gap_table])
    return Measurements(
        estimates=dict([*found, ("train_test_gap", gap)]),
        facts={
            "task": "multiclass", "n": int(known.sum()), "n_unlabelled": int((~known).sum()),
            "n_bins": n_bins,
        },
        tables=tables,
    )  # fmt: skip


def top_counts(scores: NDArray[np.float64], actual: NDArray[np.int64]) -> ScoreCounts:
    """Confidence of the chosen class against whether it was right."""
    if not len(actual):
        nothing = np.zeros(0, dtype=np.int64)
        return ScoreCounts(np.zeros(0), nothing, nothing)
    chosen = scores.argmax(axis=1)
    return count_scores(scores.max(axis=1), (chosen == actual).astype(np.int64))


def _class_rows(
    matrix: NDArray[np.int64], drawn: NDArray[np.int64], code: int, name: str
) -> list[dict[str, object]]:
    right, actual = int(matrix[code, code]), int(matrix[code].sum())
    predicted = int(matrix[:, code].sum())
    nobody, none_chosen = "No row has this class.", "No row was given this class."
    return [
        _class_row(
            name,
            "recall",
            rate_estimate(right, actual) if actual else Estimate.unmeasured(nobody),
        ),
        _class_row(
            name,
            "precision",
            rate_estimate(right, predicted) if predicted else Estimate.unmeasured(none_chosen),
        ),
        _class_row(
            name,
            "f1",
            drawn_estimate(matrix, drawn, lambda counts: _f1_each(counts)[..., code], nobody),
        ),
    ]


def _class_row(name: str, metric: str, estimate: Estimate) -> dict[str, object]:
    return {
        "class": name, "metric": metric, "title": METRICS[metric].title, "value": estimate.value,
        "low": estimate.low, "high": estimate.high, "n": estimate.n, "method": estimate.method,
        "reason": estimate.reason,
    }  # fmt: skip


def _diagonal(counts: NDArray[np.integer]) -> NDArray[np.integer]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _mean_recall(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean recall of the classes that have rows."""
    totals = counts.sum(axis=-1)
    recalls = _diagonal(counts) / np.maximum(totals, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return recalls.sum(axis=-1) / (totals > 0).sum(axis=-1)


def _f1_each(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * _diagonal(counts) / both


def _macro_f1(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean F1 of the classes that occur, in truth or by decision."""
    each = _f1_each(counts)
    occurs = ~np.isnan(each)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(occurs, each, 0.0).sum(axis=-1) / occurs.sum(axis=-1)


def _macro(areas: list[Estimate], n: int) -> Estimate:
    """Mean of the one-against-rest areas.

    The interval adds up the half-widths as if all areas moved together: the classes share rows, so
    this is the widest it can be.
    """
    measured = [area for area in areas if area.value is not None]
    if not measured:
        return Estimate.unmeasured("Fewer than two classes have rows.", n=n)
    ends = [
        (area.value, area.low, area.high)
        for area in measured
        if area.value is not None and area.low is not None and area.high is not None
    ]
    value = sum(area.value or 0.0 for area in measured) / len(measured)
    if len(ends) < len(measured):
        return Estimate(value=value, n=n, reason="Too few rows of a class for an interval.")
    return Estimate(
        value=value, low=sum(end[1] for end in ends) / len(ends),
        high=sum(end[2] for end in ends) / len(ends), n=n,
        method="DeLong per class, added up (conservative)",
    )  # fmt: skip
