"""Metrics and curves of scores, from the counts of outcomes at each distinct score."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.result import Estimate
from analyzers.core.workbench import Tracker
from analyzers.performance.tables import TABLES
from analyzers.toolkit.bootstrap import redraw_counts
from analyzers.toolkit.curves import (
    ONE_CLASS,
    Curve,
    ScoreCounts,
    average_precision,
    calibration_bins,
    calibration_line,
    coarsen,
    kolmogorov_smirnov,
    roc_auc,
    threshold_curve,
)
from analyzers.toolkit.intervals import percentile_interval
from analyzers.toolkit.rates import wilson_ends

MOST_POINTS = 500
_CELLS = 400
_EPSILON = float(np.finfo(np.float64).eps)


def score_metrics(
    counts: ScoreCounts, *, n_bins: int, n_draws: int, rng: np.random.Generator, track: Tracker
) -> list[tuple[str, Estimate]]:
    """Compute the metrics that need scores and not decisions."""
    computed: tuple[tuple[str, Callable[[], Estimate]], ...] = (
        ("roc_auc", lambda: roc_auc(counts)),
        ("average_precision", lambda: average_precision(counts)),
        ("kolmogorov_smirnov", lambda: _kolmogorov_smirnov(counts, n_draws, rng)),
        ("brier_score", lambda: brier_score(counts)),
        ("log_loss", lambda: log_loss(counts)),
        ("expected_calibration_error", lambda: calibration_error(counts, n_bins, n_draws, rng)),
    )
    found = [(name, compute()) for name, compute in track(computed, "Measuring the scores")]
    line = calibration_line(counts)
    return [
        *found,
        ("calibration_slope", line.slope),
        ("calibration_slope_distance", _distance_from_one(line.slope)),
        ("calibration_intercept", line.intercept),
    ]


def brier_score(counts: ScoreCounts) -> Estimate:
    """Mean squared difference between score and outcome."""
    return _weighted_mean(counts, counts.scores**2, (1 - counts.scores) ** 2)


def log_loss(counts: ScoreCounts) -> Estimate:
    """Mean negative log-likelihood; scores are kept one machine epsilon from 0 and 1."""
    scores = np.clip(counts.scores, _EPSILON, 1 - _EPSILON)
    return _weighted_mean(counts, -np.log1p(-scores), -np.log(scores))


def calibration_error(
    counts: ScoreCounts, n_bins: int, n_draws: int, rng: np.random.Generator
) -> Estimate:
    """Expected calibration error with its basic bootstrap interval.

    The row bootstrap of the bins' residual sums is drawn from its normal limit. The interval is the
    basic one, because the error is a sum of absolute values and so biased upwards.
    """
    bins = calibration_bins(counts, n_bins)
    n = int(bins.n.sum())
    if n == 0:
        return Estimate.unmeasured("No row has a known outcome.")
    residual = bins.mean_scores * bins.n - bins.positives
    value = float(np.abs(residual).sum() / n)
    squares = _squared_residuals(counts, bins.lows, n_bins)
    covariance = np.diag(squares) - np.outer(residual, residual) / n
    drawn = rng.multivariate_normal(residual, covariance, size=n_draws, method="eigh")
    spread = percentile_interval(np.abs(drawn).sum(axis=1) / n)
    if spread is None:
        return Estimate(value=value, n=n, reason="Too few rows for an interval.")
    return Estimate(
        value=value, low=max(0.0, min(value, 2 * value - spread.high)),
        high=min(1.0, max(value, 2 * value - spread.low)), n=n,
        method=f"basic bootstrap, {n_bins} bins of equal width",
    )  # fmt: skip


def error_if_calibrated(
    counts: ScoreCounts, n_bins: int, n_draws: int, rng: np.random.Generator
) -> float:
    """The calibration error that 95 % of perfectly calibrated models would stay below at this n.

    References:
        Broecker and Smith 2007.
    """
    everyone = counts.negatives + counts.positives
    place = np.minimum((counts.scores * n_bins).astype(np.int64), n_bins - 1)
    variance = np.bincount(
        place, weights=everyone * counts.scores * (1 - counts.scores), minlength=n_bins
    )
    drawn = rng.standard_normal((n_draws, n_bins)) * np.sqrt(variance)
    return float(np.quantile(np.abs(drawn).sum(axis=1) / everyone.sum(), 0.95))


def curve_tables(
    counts: ScoreCounts, *, n_bins: int, classes: tuple[str, str]
) -> dict[str, pa.Table]:
    """Tables behind the ROC, precision-recall, calibration and histogram charts."""
    curve = threshold_curve(counts)
    tables = {
        "calibration": calibration_table(counts, n_bins),
        "score_histogram": _histogram(counts, classes),
    }
    if curve.n_negatives and curve.n_positives:
        tables["roc"] = _roc(curve)
        tables["precision_recall"] = _precision_recall(curve)
    return tables


def calibration_table(counts: ScoreCounts, n_bins: int) -> pa.Table:
    """Observed share against mean score by bin, with Wilson intervals."""
    bins = calibration_bins(counts, n_bins)
    low, high = wilson_ends(bins.positives, bins.n)
    columns = [bins.lows, bins.highs, bins.mean_scores, bins.positives / bins.n, low, high, bins.n]
    return pa.Table.from_arrays([pa.array(item) for item in columns], schema=TABLES["calibration"])


def _roc(curve: Curve) -> pa.Table:
    kept = _thin(len(curve.thresholds))
    n_positives = np.full(len(kept), curve.n_positives)
    low, high = wilson_ends(curve.true_positives[kept], n_positives)
    columns = [
        _finite(curve.thresholds[kept]),
        curve.false_positives[kept] / curve.n_negatives,
        curve.true_positives[kept] / curve.n_positives,
        low,
        high,
        np.full(len(kept), curve.n_negatives),
        n_positives,
    ]
    return pa.Table.from_arrays([pa.array(item) for item in columns], schema=TABLES["roc"])


def _precision_recall(curve: Curve) -> pa.Table:
    kept = _thin(len(curve.thresholds) - 1) + 1
    selected = curve.false_positives[kept] + curve.true_positives[kept]
    base_rate = curve.n_positives / (curve.n_positives + curve.n_negatives)
    columns = [
        curve.thresholds[kept],
        curve.true_positives[kept] / curve.n_positives,
        curve.true_positives[kept] / selected,
        selected,
        np.full(len(kept), base_rate),
    ]
    return pa.Table.from_arrays(
        [pa.array(item) for item in columns], schema=TABLES["precision_recall"]
    )


def _histogram(counts: ScoreCounts, classes: tuple[str, str], n_bins: int = 40) -> pa.Table:
    place = np.minimum((counts.scores * n_bins).astype(np.int64), n_bins - 1)
    rows = []
    for name, weights in zip(classes, (counts.negatives, counts.positives), strict=True):
        heights = np.bincount(place, weights=weights, minlength=n_bins).astype(np.int64)
        rows += [
            {
                "actual": name, "bin_low": bin_ / n_bins, "bin_high": (bin_ + 1) / n_bins,
                "count": int(height),
            }
            for bin_, height in enumerate(heights)
        ]  # fmt: skip
    return pa.Table.from_pylist(rows, schema=TABLES["score_histogram"])


def _weighted_mean(
    counts: ScoreCounts, if_negative: NDArray[np.float64], if_positive: NDArray[np.float64]
) -> Estimate:
    """Mean of a loss that takes one value per (score, outcome), with Student's interval."""
    values = np.concatenate([if_negative, if_positive])
    weights = np.concatenate([counts.negatives, counts.positives])
    n = int(weights.sum())
    if n == 0:
        return Estimate.unmeasured("No row has a known outcome.")
    mean = float((values * weights).sum() / n)
    if n == 1:
        return Estimate(value=mean, n=1, reason="One row gives no interval.")
    error = float(np.sqrt(((values - mean) ** 2 * weights).sum() / (n - 1) / n))
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return Estimate(
        value=mean, low=max(0.0, mean - half), high=mean + half, n=n, method="Student's t"
    )


def _kolmogorov_smirnov(counts: ScoreCounts, n_draws: int, rng: np.random.Generator) -> Estimate:
    n_negatives, n_positives = int(counts.negatives.sum()), int(counts.positives.sum())
    n = n_negatives + n_positives
    if not n_negatives or not n_positives:
        return Estimate.unmeasured(ONE_CLASS, n=n)
    value = kolmogorov_smirnov(counts)
    cells = coarsen(counts, _CELLS)
    drawn = redraw_counts(np.stack([cells.negatives, cells.positives]), n_draws, rng)
    running = np.cumsum(drawn, axis=2)
    totals = running[:, :, -1:]
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = running / totals
    distances = np.abs(shares[:, 0] - shares[:, 1]).max(axis=1)
    spread = percentile_interval(distances)
    if spread is None:
        return Estimate(value=value, n=n, reason="Too few rows for an interval.")
    return Estimate(
        value=value, low=max(0.0, min(value, 2 * value - spread.high)),
        high=min(1.0, max(value, 2 * value - spread.low)), n=n,
        method=f"basic bootstrap, {n_draws:,} draws",
    )  # fmt: skip


def _distance_from_one(slope: Estimate) -> Estimate:
    if slope.value is None or slope.low is None or slope.high is None:
        return Estimate.unmeasured(slope.reason or "No slope was measured.", n=slope.n)
    ends = sorted((abs(slope.low - 1), abs(slope.high - 1)))
    return Estimate(
        value=abs(slope.value - 1), low=0.0 if slope.low <= 1 <= slope.high else ends[0],
        high=ends[1], n=slope.n, method=slope.method,
    )  # fmt: skip


def _squared_residuals(
    counts: ScoreCounts, lows: NDArray[np.float64], n_bins: int
) -> NDArray[np.float64]:
    place = np.minimum((counts.scores * n_bins).astype(np.int64), n_bins - 1)
    squares = counts.negatives * counts.scores**2 + counts.positives * (1 - counts.scores) ** 2
    sums: NDArray[np.float64] = np.bincount(
        place, weights=squares.astype(np.float64), minlength=n_bins
    ).astype(np.float64)
    return sums[np.rint(lows * n_bins).astype(np.int64)]


def _thin(n_points: int) -> NDArray[np.int64]:
    """Positions of at most `MOST_POINTS` points, both ends included."""
    if n_points <= MOST_POINTS:
        return np.arange(n_points)
    return np.unique(np.linspace(0, n_points - 1, MOST_POINTS).round().astype(np.int64))


def _finite(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))
