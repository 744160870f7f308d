"""Metrics of a model that predicts a number."""

import math
from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.dataset import Predictions
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Workbench
from analyzers.performance.gap import gap_rows
from analyzers.performance.tables import TABLES, metric_rows
from analyzers.toolkit.intervals import mean_estimate

_GRID = 40
_BINS = 50


def measure(bench: Workbench, *, n_bins: int, n_draws: int) -> Measurements:
    """Measure the errors; `n_bins` and `n_draws` serve the other tasks."""
    del n_bins, n_draws
    actual, predicted = _known(bench.need_predictions())
    errors = predicted - actual
    r_squared = explained_variance(actual, predicted)
    computed: tuple[tuple[str, Callable[[], Estimate]], ...] = (
        ("mean_absolute_error", lambda: mean_estimate(np.abs(errors))),
        ("median_absolute_error", lambda: median_estimate(np.abs(errors))),
        ("root_mean_squared_error", lambda: root_mean_square(errors)),
        ("mean_error", lambda: mean_estimate(errors)),
        ("r_squared", lambda: r_squared),
    )
    found = [(name, compute()) for name, compute in bench.track(computed, "Measuring the errors")]
    training = bench.training_predictions
    on_training = None
    if training is not None and training.labels is not None:
        on_training = explained_variance(*_known(training))
    gap, gap_table = gap_rows(("r_squared", r_squared), on_training)
    tables = {"metrics": pa.concat_tables([metric_rows(found), gap_table])}
    if len(errors):
        tables["predicted_actual"] = _grid_table(actual, predicted)
        tables["error_histogram"] = _histogram_table(errors)
    n_all = len(bench.need_predictions())
    return Measurements(
        estimates=dict([*found, ("train_test_gap", gap)]),
        facts={"task": "regression", "n": len(errors), "n_unlabelled": n_all - len(errors)},
        tables=tables,
    )


def root_mean_square(errors: NDArray[np.float64]) -> Estimate:
    """Root of the mean square, with the roots of the ends of the mean square's interval."""
    square = mean_estimate(errors**2)
    if square.value is None:
        return square
    if square.low is None or square.high is None:
        return square.model_copy(update={"value": math.sqrt(square.value)})
    return square.model_copy(
        update={
            "value": math.sqrt(square.value), "low": math.sqrt(max(square.low, 0.0)),
            "high": math.sqrt(square.high), "method": "root of Student's t on squares",
        }
    )  # fmt: skip


def median_estimate(values: NDArray[np.float64], *, confidence: float = 0.95) -> Estimate:
    """Median with the order statistics that cover it at least as often as asked."""
    n = len(values)
    if n == 0:
        return Estimate.unmeasured("No row has a known outcome.")
    ordered = np.sort(values)
    value = float(np.median(ordered))
    rank = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    # Ranks r and n - r + 1 cover the median with 1 - 2 P(Bin(n, 1/2) < r).
    if rank < 1:
        return Estimate(value=value, n=n, reason="Too few rows for an interval.")
    return Estimate(
        value=value, low=float(ordered[rank - 1]), high=float(ordered[n - rank]), n=n,
        method="order statistics", confidence=confidence,
    )  # fmt: skip


def explained_variance(
    actual: NDArray[np.float64], predicted: NDArray[np.float64], *, confidence: float = 0.95
) -> Estimate:
    """R squared, 1 minus squared error over squared deviation, with the delta method's interval."""
    n = len(actual)
    if n < 2:
        return Estimate.unmeasured("Fewer than two rows have a known outcome.", n=n)
    squared = (actual - predicted) ** 2
    deviations = (actual - math.fsum(actual) / n) ** 2
    mean_squared, variance = math.fsum(squared) / n, math.fsum(deviations) / n
    if variance == 0:
        return Estimate.unmeasured("The outcome is the same in every row.", n=n)
    value = 1 - mean_squared / variance
    influence = squared / variance - deviations * mean_squared / variance**2
    error = math.sqrt(math.fsum(influence**2) / (n - 1) / n)
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * error
    return Estimate(
        value=value, low=value - half, high=min(1.0, value + half), n=n, method="delta method",
        confidence=confidence,
    )  # fmt: skip


def _known(predictions: Predictions) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    labels = np.asarray(predictions.labels, dtype=np.float64)
    known = np.isfinite(labels)
    return labels[known], np.asarray(predictions.predicted, dtype=np.float64)[known]


def _grid_table(actual: NDArray[np.float64], predicted: NDArray[np.float64]) -> pa.Table:
    both = np.concatenate([actual, predicted])
    edges = np.linspace(*_ends(both), _GRID + 1)
    counts, _, _ = np.histogram2d(actual, predicted, bins=(edges, edges))
    rows, columns = np.nonzero(counts)
    arrays = [
        edges[rows], edges[rows + 1], edges[columns], edges[columns + 1],
        counts[rows, columns].astype(np.int64),
    ]  # fmt: skip
    return pa.Table.from_arrays(
        [pa.array(item) for item in arrays], schema=TABLES["predicted_actual"]
    )


def _histogram_table(errors: NDArray[np.float64]) -> pa.Table:
    counts, edges = np.histogram(errors, bins=_BINS, range=_ends(errors))
    arrays = [edges[:-1], edges[1:], counts.astype(np.int64)]
    return pa.Table.from_arrays(
        [pa.array(item) for item in arrays], schema=TABLES["error_histogram"]
    )


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low - 0.5, high + 0.5)
