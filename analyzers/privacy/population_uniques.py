"""A table that is a sample: how many people stand alone among all, by Pitman's model of groups.

What a sample shows of small groups does not say how many of them are small among all people; a
model of how groups grow does. Pitman's has two numbers, fitted by maximum likelihood to how many
records share each combination.

References:
    Pitman 1995, Exchangeable and partially exchangeable random partitions; Hoshino 2001, Applying
    Pitman's sampling formula to microdata disclosure risk assessment.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from analyzers.core.result import Estimate

FEWEST_GROUPS = 30
_SIDE, _ROUNDS, _NEAR = 61, 6, 10.0
_ALPHAS = (1e-4, 1 - 1e-4)


def population_uniques(sizes: NDArray[np.int64], *, population: int) -> Estimate:
    """Estimate the share of people who are the only one with their values among all people.

    The interval is that of the profile likelihood, widened by the luck of who these people are. It
    holds where groups grow as the model says, and does not know how wrong the model is.

    Args:
        sizes: `(n_combinations,)` records of each combination.
        population: people the table is a random sample of; 0 where that is not known.
    """
    n_rows, n_groups = int(sizes.sum()), len(sizes)
    if population <= n_rows:
        return Estimate.unmeasured("Needs how many more people the table is a random sample of.")
    if n_groups < FEWEST_GROUPS or n_groups == n_rows or not (sizes == 1).any():
        return Estimate.unmeasured(
            f"Needs {FEWEST_GROUPS} combinations, some of one record and some of more, got "
            f"{n_groups:,} of {n_rows:,} records.",
            n=n_rows,
        )
    levels, counts = np.unique(sizes, return_counts=True)
    theta, alpha, away = _likely_numbers(levels, counts)
    shares = share_alone(theta, alpha, population)
    value = float(shares[np.unravel_index(away.argmin(), away.shape)])
    kept = shares[away <= stats.chi2.ppf(0.95, 1)]
    luck = float(stats.norm.ppf(0.975)) * math.sqrt(value / population)
    return Estimate(
        value=value, low=max(0.0, value - math.hypot(value - kept.min(), luck)),
        high=min(1.0, value + math.hypot(kept.max() - value, luck)), n=n_rows,
        method="Pitman's model, profile likelihood",
    )  # fmt: skip


def share_alone(
    theta: NDArray[np.float64], alpha: NDArray[np.float64], population: int
) -> NDArray[np.float64]:
    """Return the expected share of people who stand alone, by Pitman's model.

    Args:
        theta: `(...)` how many groups there are; above 0.
        alpha: `(...)` how heavy small groups weigh, in [0, 1).
        population: people.
    """
    return np.asarray(
        np.exp(
            special.gammaln(theta + alpha + population - 1) - special.gammaln(theta + alpha)
            - special.gammaln(theta + population) + special.gammaln(theta + 1)
        )
    )  # fmt: skip


def _likely_numbers(
    levels: NDArray[np.int64], counts: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Theta, alpha and twice the loss of likelihood on a grid that the likely numbers fill."""
    lowest = np.array([-3.0, _ALPHAS[0]])
    highest = np.array([math.log(int(levels @ counts)) + 3.0, _ALPHAS[1]])
    low, high = lowest, highest
    theta = alpha = away = np.empty((_SIDE, _SIDE))
    for _ in range(_ROUNDS):
        theta, alpha = np.meshgrid(
            np.linspace(low[0], high[0], _SIDE), np.linspace(low[1], high[1], _SIDE), indexing="ij"
        )
        likely = _log_likelihood(np.exp(theta), alpha, levels, counts)
        away = 2 * (likely.max() - likely)
        near = np.stack([theta[away <= _NEAR], alpha[away <= _NEAR]])
        step = (high - low) / (_SIDE - 1)
        low = np.maximum(lowest, near.min(axis=1) - step)
        high = np.minimum(highest, near.max(axis=1) + step)
    return np.exp(theta), alpha, away


def _log_likelihood(
    theta: NDArray[np.float64],
    alpha: NDArray[np.float64],
    levels: NDArray[np.int64],
    counts: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Of the numbers of combinations by their sizes, without what does not depend on the two."""
    n_rows, n_groups = int(levels @ counts), int(counts.sum())
    found = n_groups * np.log(alpha) + special.gammaln(theta / alpha + n_groups)
    found += special.gammaln(theta) - special.gammaln(theta / alpha)
    found -= special.gammaln(theta + n_rows)
    for level, count in zip(levels.tolist(), counts.tolist(), strict=True):
        found += count * (special.gammaln(level - alpha) - special.gammaln(1 - alpha))
    return np.asarray(found)
