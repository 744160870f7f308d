"""Everything that follows from scores: ROC, precision-recall, thresholds, calibration.

Scores are first counted: each distinct score with its negatives and positives. All curves and all
thresholds are then look-ups in sorted counts, exact and blind to row order.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from analyzers.core.result import Estimate
from analyzers.toolkit.intervals import clopper_pearson

ONE_CLASS = "All rows with a known outcome have the same outcome."
CLIP = 1e-12


class ScoreCounts(NamedTuple):
    """Distinct scores, ascending, with how many rows of each outcome have them.

    Attributes:
        scores: `(n_scores,)`.
        negatives: `(n_scores,)` rows of the negative class.
        positives: `(n_scores,)` rows of the positive class.
    """

    scores: NDArray[np.float64]
    negatives: NDArray[np.int64]
    positives: NDArray[np.int64]


class Curve(NamedTuple):
    """Points by falling threshold; a row is selected where its score is at least the threshold.

    Attributes:
        thresholds: `(n_points,)`; the first is infinite: nothing is selected.
        false_positives: `(n_points,)` counts.
        true_positives: `(n_points,)` counts.
        n_negatives: rows of the negative class.
        n_positives: rows of the positive class.
    """

    thresholds: NDArray[np.float64]
    false_positives: NDArray[np.int64]
    true_positives: NDArray[np.int64]
    n_negatives: int
    n_positives: int


class CalibrationBins(NamedTuple):
    """Rows put together by score.

    Attributes:
        lows: `(n_bins,)` lower edges.
        highs: `(n_bins,)` upper edges; only the last bin holds its upper edge.
        n: `(n_bins,)` rows.
        positives: `(n_bins,)` rows of the positive class.
        mean_scores: `(n_bins,)`.
    """

    lows: NDArray[np.float64]
    highs: NDArray[np.float64]
    n: NDArray[np.int64]
    positives: NDArray[np.int64]
    mean_scores: NDArray[np.float64]


class CalibrationLine(NamedTuple):
    """Recalibration by logistic regression: 1 and 0 where scores are calibrated."""

    slope: Estimate
    intercept: Estimate


def count_scores(scores: NDArray[np.float64], labels: NDArray[np.integer]) -> ScoreCounts:
    """Count the outcomes at each distinct score.

    Args:
        scores: `(n_rows,)` finite.
        labels: `(n_rows,)` 0 or 1.
    """
    distinct, place = np.unique(scores, return_inverse=True)
    positives = np.bincount(place[labels == 1], minlength=len(distinct))
    everyone = np.bincount(place, minlength=len(distinct))
    return ScoreCounts(distinct, everyone - positives, positives)


def threshold_curve(counts: ScoreCounts) -> Curve:
    """Count the selected rows at every threshold that changes a decision."""
    return Curve(
        np.r_[np.inf, counts.scores[::-1]],
        np.r_[0, np.cumsum(counts.negatives[::-1])],
        np.r_[0, np.cumsum(counts.positives[::-1])],
        int(counts.negatives.sum()),
        int(counts.positives.sum()),
    )


def selected_from(counts: ScoreCounts, threshold: float) -> tuple[int, int]:
    """Negatives and positives with a score of at least `threshold`, exactly."""
    start = int(np.searchsorted(counts.scores, threshold, side="left"))
    return int(counts.negatives[start:].sum()), int(counts.positives[start:].sum())


def roc_auc(counts: ScoreCounts, *, confidence: float = 0.95) -> Estimate:
    """Area under the ROC curve with DeLong's interval on the logit scale.

    Where the classes are perfectly separated DeLong's variance is 0; then the smaller class gives
    that many independent pairs, all in the right order, and the interval is Clopper-Pearson's.

    Returns:
        A value in [0, 1]; n counts the rows of both classes.

    References:
        DeLong, DeLong and Clarke-Pearson 1988; Qin and Hotilovac 2008 for the logit scale.
    """
    n_negatives, n_positives = int(counts.negatives.sum()), int(counts.positives.sum())
    n = n_negatives + n_positives
    if not n_negatives or not n_positives:
        return Estimate.unmeasured(ONE_CLASS, n=n)
    below = np.cumsum(counts.negatives) - counts.negatives
    placed_above = (below + counts.negatives / 2) / n_negatives
    above = n_positives - np.cumsum(counts.positives)
    placed_below = (above + counts.positives / 2) / n_positives
    value = float((placed_above * counts.positives).sum() / n_positives)
    variance = _variance_of_mean(placed_above, counts.positives) + _variance_of_mean(
        placed_below, counts.negatives
    )
    if not variance > 0 or not 0 < value < 1:
        pairs = min(n_negatives, n_positives)
        if value not in (0.0, 1.0):
            return Estimate(value=value, n=n, reason="Too few rows for an interval.")
        ends = clopper_pearson(pairs if value == 1 else 0, pairs, confidence=confidence)
        method = f"Clopper-Pearson over {pairs:,} independent pairs"
        return Estimate(
            value=value, low=ends.low, high=ends.high, n=n, method=method, confidence=confidence
        )
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    half = z * float(np.sqrt(variance)) / (value * (1 - value))
    centre = float(logit(value))
    return Estimate(
        value=value, low=float(expit(centre - half)), high=float(expit(centre + half)), n=n,
        method="DeLong, logit scale", confidence=confidence,
    )  # fmt: skip


def average_precision(counts: ScoreCounts, *, confidence: float = 0.95) -> Estimate:
    """Mean precision over recall steps, with a logit interval over the positives.

    References:
        Boyd, Eng and Page 2013.
    """
    curve = threshold_curve(counts)
    n = curve.n_negatives + curve.n_positives
    if not curve.n_positives or not curve.n_negatives:
        return Estimate.unmeasured(ONE_CLASS, n=n)
    steps = np.diff(curve.true_positives)
    selected = (curve.false_positives + curve.true_positives)[1:]
    value = min(
        float((steps * (curve.true_positives[1:] / selected)).sum() / curve.n_positives), 1.0
    )
    if value == 1.0:
        ends = clopper_pearson(curve.n_positives, curve.n_positives, confidence=confidence)
        return Estimate(
            value=value, low=ends.low, high=1.0, n=n, method="Clopper-Pearson over the positives",
            confidence=confidence,
        )  # fmt: skip
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    half = z / float(np.sqrt(curve.n_positives * value * (1 - value)))
    centre = float(logit(value))
    return Estimate(
        value=value, low=float(expit(centre - half)), high=float(expit(centre + half)), n=n,
        method="logit interval over the positives", confidence=confidence,
    )  # fmt: skip


def kolmogorov_smirnov(counts: ScoreCounts) -> float:
    """Largest distance between the score distributions of the two classes, in [0, 1]."""
    negatives = np.cumsum(counts.negatives) / counts.negatives.sum()
    positives = np.cumsum(counts.positives) / counts.positives.sum()
    return float(np.abs(negatives - positives).max())


def coarsen(counts: ScoreCounts, n_cells: int) -> ScoreCounts:
    """Merge neighbouring scores into at most `n_cells` runs of about equal size."""
    if len(counts.scores) <= n_cells:
        return counts
    running = np.cumsum(counts.negatives + counts.positives)
    cell = np.minimum((running - 1) * n_cells // running[-1], n_cells - 1)
    starts = np.flatnonzero(np.r_[True, np.diff(cell) > 0])
    return ScoreCounts(
        counts.scores[starts],
        np.add.reduceat(counts.negatives, starts),
        np.add.reduceat(counts.positives, starts),
    )


def calibration_bins(counts: ScoreCounts, n_bins: int) -> CalibrationBins:
    """Group scores into bins of equal width on [0, 1], leaving out empty ones."""
    place = np.minimum((counts.scores * n_bins).astype(np.int64), n_bins - 1)
    everyone = counts.negatives + counts.positives
    n = np.bincount(place, weights=everyone, minlength=n_bins).astype(np.int64)
    positives = np.bincount(place, weights=counts.positives, minlength=n_bins).astype(np.int64)
    sums = np.bincount(place, weights=everyone * counts.scores, minlength=n_bins)
    kept = np.flatnonzero(n)
    edges = np.arange(n_bins + 1) / n_bins
    return CalibrationBins(
        edges[kept], edges[kept + 1], n[kept], positives[kept], sums[kept] / n[kept]
    )


def calibration_line(counts: ScoreCounts, *, confidence: float = 0.95) -> CalibrationLine:
    """Slope and intercept of the outcome on the logit of the score, with Wald intervals.

    The slope comes from a logistic regression with both terms. The intercept is
    calibration-in-the-large: the constant alone, with the slope held at 1.

    References:
        Cox 1958; Van Calster et al. 2019.
    """
    n_negatives, n_positives = int(counts.negatives.sum()), int(counts.positives.sum())
    n = n_negatives + n_positives
    if not n_negatives or not n_positives:
        nothing = Estimate.unmeasured(ONE_CLASS, n=n)
        return CalibrationLine(nothing, nothing)
    position = logit(np.clip(counts.scores, CLIP, 1 - CLIP))
    ones = np.ones_like(position)
    separated = "The scores separate the outcomes perfectly; no finite value fits."
    slope = Estimate.unmeasured("All scores are equal.", n=n)
    if len(counts.scores) > 1:
        slope = _fit(np.stack([ones, position], axis=1), 0.0, counts, n, separated, confidence)
    intercept = _fit(ones[:, None], position, counts, n, separated, confidence)
    return CalibrationLine(slope, intercept)


def _variance_of_mean(values: NDArray[np.float64], counts: NDArray[np.int64]) -> float:
    """Variance of the mean of values that occur `counts` times; NaN with fewer than two."""
    n = int(counts.sum())
    if n < 2:
        return float("nan")
    # Sums instead of dot products: their result does not depend on the number of threads.
    mean = (values * counts).sum() / n
    return float(((values - mean) ** 2 * counts).sum() / (n - 1) / n)


def _fit(
    design: NDArray[np.float64],
    offset: NDArray[np.float64] | float,
    counts: ScoreCounts,
    n: int,
    separated: str,
    confidence: float,
) -> Estimate:
    """Newton's method for a logistic regression with one or two terms; returns the last one."""
    everyone = counts.negatives + counts.positives
    weights = np.zeros(design.shape[1])
    if design.shape[1] > 1:
        weights[-1] = 1.0
    information = np.eye(design.shape[1])
    for _ in range(100):
        fitted = expit(design @ weights + offset)
        gradient = design.T @ (counts.positives - everyone * fitted)
        information = (design * (everyone * fitted * (1 - fitted))[:, None]).T @ design
        try:
            step = np.linalg.solve(information, gradient)
        except np.linalg.LinAlgError:
            return Estimate.unmeasured(separated, n=n)
        # Halved where it is long: the plain step can overshoot from a far start.
        weights = weights + step / max(1.0, float(np.abs(step).max()) / 2)
        if float(np.abs(step).max()) < 1e-10:
            break
    else:
        return Estimate.unmeasured(separated, n=n)
    if not np.isfinite(weights).all() or float(np.abs(weights).max()) > 1e3:
        return Estimate.unmeasured(separated, n=n)
    variance = float(np.linalg.inv(information)[-1, -1])
    half = float(stats.norm.ppf(0.5 + confidence / 2)) * float(np.sqrt(variance))
    value = float(weights[-1])
    return Estimate(
        value=value, low=value - half, high=value + half, n=n, method="Wald, logistic regression",
        confidence=confidence,
    )  # fmt: skip


MOST_EXACT_SCORES = 1_000_000
GRID_STEP = 1e-4


def on_grid(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Round scores down to a multiple of 1/10,000.

    A row is selected where its score is at least the threshold; for thresholds on the grid the
    rounded score selects the same rows, so these stay exact.
    """
    n_steps = round(1 / GRID_STEP)
    steps = np.floor(scores * n_steps)
    # The product rounds: step back where it crossed the next multiple, and forward where it fell
    # short, so that `rounded >= threshold` and `score >= threshold` agree on the grid.
    steps = np.where(steps / n_steps > scores, steps - 1, steps)
    steps = np.where((steps + 1) / n_steps <= scores, steps + 1, steps)
    return steps / n_steps
