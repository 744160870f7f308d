"""Resampling of counts, the widest gap between groups, and many comparisons at once.

Rows drawn with replacement fall into cells of (group, label, decision) as one multinomial draw with
the observed shares: drawing the cell counts directly gives the row bootstrap of every number that
is computed from the counts, at a cost that does not grow with the number of rows (Efron and
Tibshirani 1993, chapter 6).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

MOST_PAIRED_GROUPS = 64


class Spread(NamedTuple):
    """What is needed to compare groups on one scale.

    Attributes:
        values: `(n_groups,)` estimates on the scale on which they are compared.
        errors: `(n_groups,)` their standard errors, above 0.
        deviations: `(n_draws, n_groups)` redrawn estimates minus `values`.
    """

    values: NDArray[np.float64]
    errors: NDArray[np.float64]
    deviations: NDArray[np.float64]


class Band(NamedTuple):
    """Simultaneous limits of the widest gap on the scale of a `Spread`."""

    low: float
    high: float
    p_value: float


def redraw_counts(
    counts: NDArray[np.int64], n_draws: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw the cell counts that a row bootstrap would give.

    Args:
        counts: observed counts, any shape.
        n_draws: how many, at least 1.
        rng: source of randomness.

    Returns:
        `(n_draws, *counts.shape)`, each draw adding up to the observed total.
    """
    flat = counts.ravel()
    drawn = np.zeros((n_draws, flat.size), dtype=np.int64)
    filled = np.flatnonzero(flat)
    if len(filled):
        total = int(flat.sum())
        drawn[:, filled] = rng.multinomial(total, flat[filled] / total, size=n_draws)
    return drawn.reshape(n_draws, *counts.shape)


def rate_spread(
    successes: NDArray[np.int64],
    trials: NDArray[np.int64],
    redrawn_successes: NDArray[np.int64],
    redrawn_trials: NDArray[np.int64],
    *,
    is_ratio: bool,
) -> Spread:
    """Put rates on the scale for differences (as they are) or for ratios (logarithm).

    One success and one failure are added to every group (Agresti and Caffo 2000), so that groups
    at 0 or 1 still have an error.

    Args:
        successes: `(n_groups,)`.
        trials: `(n_groups,)`, at least 1 each.
        redrawn_successes: `(n_draws, n_groups)`.
        redrawn_trials: `(n_draws, n_groups)`.
        is_ratio: compare quotients instead of differences.
    """
    share = (successes + 1) / (trials + 2)
    redrawn = (redrawn_successes + 1) / (redrawn_trials + 2)
    if is_ratio:
        errors = np.sqrt(1 / (successes + 1) - 1 / (trials + 2))
        return Spread(np.log(share), errors, np.log(redrawn) - np.log(share))
    return Spread(share, np.sqrt(share * (1 - share) / (trials + 2)), redrawn - share)


def normal_spread(
    values: NDArray[np.float64],
    errors: NDArray[np.float64],
    n_draws: int,
    rng: np.random.Generator,
) -> Spread:
    """A spread for independent estimates that are close to normal, such as means and AUCs."""
    errors = np.maximum(errors, np.finfo(np.float64).tiny)
    return Spread(values, errors, rng.standard_normal((n_draws, len(values))) * errors)


def widest_band(*spreads: Spread, confidence: float = 0.95) -> Band:
    """Limits of the widest gap that hold for all pairs of groups, in all `spreads`, at once.

    The largest standardised difference over all pairs is redrawn (a max-t bootstrap); because its
    limits hold for every pair together, they hold for the widest one, whichever it is, and they
    reach 0 where the groups are equal. A plain percentile interval of a maximum never does.

    Args:
        spreads: one, or several where the worst of them counts.
        confidence: in (0, 1).

    References:
        Romano and Wolf 2005; Hothorn, Bretz and Westfall 2008.
    """
    parts = [_pairs(spread) for spread in spreads]
    redrawn = np.max([part[2] for part in parts], axis=0)
    # Draws from counts that are all 0 or all 1 do not move; the normal quantile is the least.
    reach = max(
        float(np.quantile(redrawn, confidence)), float(stats.norm.ppf(0.5 + confidence / 2))
    )
    low = max(float((gaps - reach * errors).max()) for gaps, errors, _ in parts)
    high = max(_upper_limit(spread, reach) for spread in spreads)
    largest = max(float((gaps / errors).max()) for gaps, errors, _ in parts)
    beyond = int((redrawn >= largest).sum())
    p_value = (1 + beyond) / (1 + len(redrawn))
    if beyond == 0:
        # Finer than the draws can tell: Bonferroni's bound over the pairs.
        n_pairs = sum(len(gaps) for gaps, _, _ in parts)
        p_value = min(p_value, n_pairs * 2 * float(stats.norm.sf(largest)))
    return Band(max(low, 0.0), high, p_value)


def benjamini_hochberg(p_values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adjust p-values so that, of those below a level, at most that share is expected false.

    Args:
        p_values: `(n_comparisons,)` in [0, 1], no NaN.

    Returns:
        `(n_comparisons,)` adjusted p-values, in the same order.

    References:
        Benjamini and Hochberg 1995.
    """
    n = len(p_values)
    if n == 0:
        return np.zeros(0)
    order = np.argsort(p_values, kind="stable")
    scaled = p_values[order] * n / np.arange(1, n + 1)
    adjusted = np.empty(n)
    adjusted[order] = np.minimum(np.minimum.accumulate(scaled[::-1])[::-1], 1.0)
    return adjusted


def _pairs(
    spread: Spread,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Absolute differences, their errors, and the largest standardised one of each draw."""
    values, errors, deviations = spread
    if len(values) <= MOST_PAIRED_GROUPS:
        first, second = np.triu_indices(len(values), k=1)
        error = np.hypot(errors[first], errors[second])
        redrawn = np.abs(deviations[:, first] - deviations[:, second])
        return np.abs(values[first] - values[second]), error, (redrawn / error).max(axis=1)
    # With many groups: |a - b| / hypot(s, t) <= hypot(a / s, b / t), so the two largest of the
    # standardised deviations bound every pair; pairs with an extreme group do for the lower limit.
    standardised = np.sort(np.abs(deviations / errors), axis=1)
    bound = np.hypot(standardised[:, -1], standardised[:, -2])
    gaps, all_errors = [], []
    for extreme in (int(values.argmin()), int(values.argmax())):
        others = np.delete(np.arange(len(values)), extreme)
        gaps.append(np.abs(values[others] - values[extreme]))
        all_errors.append(np.hypot(errors[others], errors[extreme]))
    return np.concatenate(gaps), np.concatenate(all_errors), bound


def _upper_limit(spread: Spread, reach: float) -> float:
    values, errors, _ = spread
    if len(values) <= MOST_PAIRED_GROUPS:
        first, second = np.triu_indices(len(values), k=1)
        limits = np.abs(values[first] - values[second])
        return float((limits + reach * np.hypot(errors[first], errors[second])).max())
    return float((values + reach * errors).max() - (values - reach * errors).min())
