"""How far two explanations of the same row agree, and how far chance alone would take them.

References: Krishna et al. 2024, "The disagreement problem in explainable machine learning".
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.result import Estimate
from analyzers.toolkit.intervals import mean_estimate

TOP = 5


class Agreement(NamedTuple):
    """Two explanations of the same rows, compared row by row.

    Attributes:
        spearman: `(n_rows,)` rank correlation of the sizes; NaN where one of them is constant.
        kendall: `(n_rows,)` the same as tau-b.
        overlap: `(n_rows,)` share of the largest that both name.
        conflicts: `(n_rows,)` number of columns, among the largest of both, pushed opposite ways.
        top: how many count as the largest.
        chance: share two random orders would have in common.
    """

    spearman: NDArray[np.float64]
    kendall: NDArray[np.float64]
    overlap: NDArray[np.float64]
    conflicts: NDArray[np.int64]
    top: int
    chance: float


def compare(first: NDArray[np.float64], second: NDArray[np.float64]) -> Agreement:
    """Compare `(n_rows, n_features)` explanations by the size and the sign of their values."""
    n_rows, n_features = first.shape
    top = top_of(n_features)
    spearman, kendall = np.full(n_rows, np.nan), np.full(n_rows, np.nan)
    overlap, conflicts = np.zeros(n_rows), np.zeros(n_rows, dtype=np.int64)
    for row in range(n_rows):
        sizes, others = np.abs(first[row]), np.abs(second[row])
        if n_features > 1 and np.ptp(sizes) > 0 and np.ptp(others) > 0:
            spearman[row] = stats.spearmanr(sizes, others).statistic
            kendall[row] = stats.kendalltau(sizes, others).statistic
        both = np.intersect1d(_largest(sizes, top), _largest(others, top))
        overlap[row] = len(both) / top
        conflicts[row] = int((first[row, both] * second[row, both] < 0).sum())
    return Agreement(spearman, kendall, overlap, conflicts, top, top / n_features)


def compare_each(pairs: Sequence[tuple[NDArray[np.float64], NDArray[np.float64]]]) -> Agreement:
    """Compare pairs of explanations of rows that each have features of their own, such as texts."""
    each = [compare(first[None], second[None]) for first, second in pairs]
    return Agreement(
        spearman=np.concatenate([item.spearman for item in each]),
        kendall=np.concatenate([item.kendall for item in each]),
        overlap=np.concatenate([item.overlap for item in each]),
        conflicts=np.concatenate([item.conflicts for item in each]),
        top=each[0].top,
        chance=float(np.mean([item.chance for item in each])),
    )


def top_of(n_features: int) -> int:
    """How many columns count as the largest: five, or half of them where there are few."""
    return min(TOP, max(1, n_features // 2))


def mean_pairwise(runs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank correlations of the sizes between all pairs of `(n_runs, n_features)` runs."""
    pairs = [
        compare(runs[first : first + 1], runs[second : second + 1]).spearman[0]
        for first in range(len(runs))
        for second in range(first + 1, len(runs))
    ]
    return np.array(pairs)


def mean_known(values: NDArray[np.float64], reason: str) -> Estimate:
    """Average what is not NaN; unmeasured for `reason` where nothing is."""
    known = values[~np.isnan(values)]
    return mean_estimate(known) if len(known) else Estimate.unmeasured(reason)


def stability_estimate(runs: NDArray[np.float64], reason: str) -> Estimate:
    """Mean rank correlation of all pairs of `(n_runs, n_features)` runs.

    Pairs of a few runs are not independent: no interval is to be had from them.
    """
    found = mean_known(mean_pairwise(runs), reason)
    if found.value is None:
        return found
    return Estimate(
        value=found.value,
        n=len(runs),
        method=f"mean Spearman correlation of all pairs of {len(runs)} runs",
    )


def _largest(sizes: NDArray[np.float64], top: int) -> NDArray[np.int64]:
    return np.argsort(-sizes, kind="stable")[:top]
