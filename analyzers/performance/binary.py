"""Metrics of a two-class model: decisions, scores, curves."""

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.dataset import Predictions
from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Workbench
from analyzers.performance.decisions import decision_metrics
from analyzers.performance.gap import accuracy_of, gap_rows, lift_over_majority
from analyzers.performance.scores import curve_tables, error_if_calibrated, score_metrics
from analyzers.performance.tables import TABLES, confusion_rows, metric_rows
from analyzers.toolkit.curves import (
    GRID_STEP,
    MOST_EXACT_SCORES,
    ScoreCounts,
    count_scores,
    on_grid,
    roc_auc,
)
from analyzers.toolkit.rates import N_OUTCOMES, outcome_codes

NO_SCORE = "The predictions are decisions only; no score was given."
_SCORE_METRICS = (
    "roc_auc", "average_precision", "kolmogorov_smirnov", "brier_score", "log_loss",
    "expected_calibration_error", "calibration_slope", "calibration_slope_distance",
    "calibration_intercept",
)  # fmt: skip


def measure(bench: Workbench, *, n_bins: int, n_draws: int) -> Measurements:
    """Measure decisions as the model made them, and scores where it gives them."""
    subject = bench.subject
    predictions = bench.need_predictions()
    positive = subject.positive_index
    classes = (subject.classes[1 - positive], subject.classes[positive])
    seed = int(bench.rng.integers(2**31))
    rng = np.random.default_rng(seed)
    labels, decisions, scores = _as_binary(predictions, positive)
    counts = np.bincount(outcome_codes(labels, decisions), minlength=N_OUTCOMES)
    n_unlabelled = int(counts[:2].sum())
    counts[:2] = 0
    found = decision_metrics(counts, n_draws=n_draws, rng=rng)
    found.append(("lift_over_majority", lift_over_majority(labels, decisions)))
    facts: dict[str, Fact] = {
        "task": "binary", "n": int(counts.sum()), "n_unlabelled": n_unlabelled,
        "negative_class": classes[0], "positive_class": classes[1], "bootstrap_seed": seed,
        "draws": n_draws, "n_bins": n_bins,
    }  # fmt: skip
    tables: dict[str, pa.Table] = {"confusion": confusion_table(counts, classes)}
    sampling: tuple[str, ...] = ()
    first = ("accuracy", accuracy_of(predictions))
    if scores is None:
        found += [(name, Estimate.unmeasured(NO_SCORE)) for name in _SCORE_METRICS]
    else:
        exact = count_scores(scores[labels >= 0], labels[labels >= 0])
        found += score_metrics(exact, n_bins=n_bins, n_draws=n_draws, rng=rng, track=bench.track)
        facts["calibration_error_if_calibrated"] = (
            error_if_calibrated(exact, n_bins, n_draws, rng) if len(exact.scores) else None
        )
        kept = exact
        facts["threshold_step"] = 0.0
        if len(exact.scores) > MOST_EXACT_SCORES:
            kept = count_scores(on_grid(scores[labels >= 0]), labels[labels >= 0])
            facts["threshold_step"] = GRID_STEP
            sampling = (f"Threshold slider: exact at multiples of {GRID_STEP}, not in between.",)
        tables |= curve_tables(exact, n_bins=n_bins, classes=classes)
        tables["scores"] = pa.Table.from_arrays(
            [pa.array(column) for column in kept], schema=TABLES["scores"]
        )
        first = ("roc_auc", roc_auc(exact))
    test_rows = metric_rows(found)
    gap, training_rows = gap_rows(first, _training(bench, positive, first[0]))
    tables["metrics"] = pa.concat_tables([test_rows, training_rows])
    return Measurements(
        estimates=dict([*found, ("train_test_gap", gap)]),
        facts=facts,
        tables=tables,
        sampling=sampling,
    )


def confusion_table(counts: NDArray[np.int64], classes: tuple[str, str]) -> pa.Table:
    """The confusion matrix of `(6,)` counts."""
    tn, fp, fn, tp = (int(counts[place]) for place in (2, 3, 4, 5))
    return confusion_rows([[tn, fp], [fn, tp]], classes)


def _as_binary(
    predictions: Predictions, positive: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64] | None]:
    """Labels -1, 0, 1, decisions 0, 1 and the positive class's scores."""
    codes = np.asarray(predictions.labels)
    labels = np.where(codes < 0, -1, (codes == positive).astype(np.int64))
    decisions = (predictions.predicted == positive).astype(np.int64)
    scores = None if predictions.scores is None else predictions.scores[:, positive]
    return labels, decisions, scores


def _training(bench: Workbench, positive: int, name: str) -> Estimate | None:
    predictions = bench.training_predictions
    if predictions is None or predictions.labels is None:
        return None
    if name == "accuracy":
        return accuracy_of(predictions)
    labels, _, scores = _as_binary(predictions, positive)
    if scores is None:
        return Estimate.unmeasured(NO_SCORE)
    counts: ScoreCounts = count_scores(scores[labels >= 0], labels[labels >= 0])
    return roc_auc(counts)
