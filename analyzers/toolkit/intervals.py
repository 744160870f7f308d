"""Intervals for rates, differences and means; each is the textbook one, checked against scipy."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.result import Estimate


class Interval(NamedTuple):
    """The two ends, in the unit of the value."""

    low: float
    high: float


def wilson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Score interval of a proportion; keeps its coverage at small n and near 0 and 1.

    Args:
        successes: count in [0, n].
        n: number of trials, at least 1.
        confidence: in (0, 1).

    Returns:
        Ends in [0, 1].

    References:
        Wilson 1927; Brown, Cai and DasGupta 2001.
    """
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * float(np.sqrt(p * (1 - p) / n + z * z / (4 * n * n)))
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high)


def clopper_pearson(successes: int, n: int, *, confidence: float = 0.95) -> Interval:
    """Exact interval of a proportion: never covers less than it says.

    Args:
        successes: count in [0, n].
        n: number of trials, at least 1.
        confidence: in (0, 1).

    Returns:
        Ends in [0, 1].

    References:
        Clopper and Pearson 1934.
    """
    tail = (1 - confidence) / 2
    low = 0.0 if successes == 0 else float(stats.beta.ppf(tail, successes, n - successes + 1))
    high = 1.0 if successes == n else float(stats.beta.ppf(1 - tail, successes + 1, n - successes))
    return Interval(low, high)


def rate_estimate(
    successes: int, n: int, *, exact: bool = False, confidence: float = 0.95
) -> Estimate:
    """A proportion with its Wilson interval, or its Clopper-Pearson one where `exact`."""
    if n == 0:
        return Estimate.unmeasured("No rows to count.")
    interval = (clopper_pearson if exact else wilson)(successes, n, confidence=confidence)
    return Estimate(
        value=successes / n,
        low=interval.low,
        high=interval.high,
        n=n,
        method="Clopper-Pearson" if exact else "Wilson",
        confidence=confidence,
    )


def percentile_interval(draws: NDArray[np.float64], *, confidence: float = 0.95) -> Interval | None:
    """Ends of the central `confidence` share of bootstrap draws; draws that are NaN are left out.

    Args:
        draws: `(n_draws,)` values of the statistic.
        confidence: in (0, 1).

    Returns:
        The ends, or None where fewer than half of the draws have a value.
    """
    kept = draws[~np.isnan(draws)]
    if len(kept) < max(1, len(draws) // 2):
        return None
    tail = (1 - confidence) / 2
    low, high = np.quantile(kept, [tail, 1 - tail])
    return Interval(float(low), float(high))


def mean_estimate(values: NDArray[np.float64], *, confidence: float = 0.95) -> Estimate:
    """A mean with Student's interval; added up exactly, so that row order cannot matter.

    Args:
        values: `(n_rows,)` finite.
        confidence: in (0, 1).
    """
    n = len(values)
    if n == 0:
        return Estimate.unmeasured("No rows to average.")
    mean = math.fsum(values) / n
    if n == 1:
        return Estimate(value=mean, n=1, reason="One row gives no interval.")
    error = math.sqrt(math.fsum((values - mean) ** 2) / (n - 1) / n)
    half = float(stats.t.ppf(0.5 + confidence / 2, n - 1)) * error
    return Estimate(
        value=mean, low=mean - half, high=mean + half, n=n, method="Student's t",
        confidence=confidence,
    )  # fmt: skip


def mean_share_estimate(values: NDArray[np.float64], *, least: float = 0.0) -> Estimate:
    """A mean of shares with Student's interval, held to what a share can be.

    Args:
        values: `(n_rows,)`, at most 1; a few may be above where more was changed than was there.
        least: smallest value there can be; -1 for a cosine.
    """
    mean = mean_estimate(values)
    if mean.low is None or mean.high is None:
        return mean
    most = max(1.0, float(values.max()))
    low, high = max(mean.low, least), min(mean.high, most)
    return mean.model_copy(update={"low": low, "high": high})


def difference_estimate(first: Estimate, second: Estimate) -> Estimate:
    """First minus second, both measured on different rows, from their own intervals (MOVER).

    References:
        Newcombe 1998; Zou and Donner 2008.
    """
    if first.value is None or second.value is None:
        return Estimate.unmeasured(first.reason or second.reason, n=min(first.n, second.n))
    value = first.value - second.value
    n = min(first.n, second.n)
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value=value, n=n, reason="One of the two has no interval.")
    below = math.hypot(first.value - first.low, second.high - second.value)
    above = math.hypot(first.high - first.value, second.value - second.low)
    return Estimate(
        value=value, low=value - below, high=value + above, n=n,
        method="MOVER, from both intervals", confidence=first.confidence,
    )  # fmt: skip
