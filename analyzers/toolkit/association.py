"""How much one column tells of another, from counts."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.toolkit.bootstrap import redraw_counts
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.intervals import percentile_interval


class Told(NamedTuple):
    """Share of the uncertainty about one column that another removes, and its 95 % interval."""

    value: float
    low: float | None
    high: float | None


def what_tells(about: Attribute, by: Attribute, *, n_draws: int, rng: np.random.Generator) -> Told:
    """Say how much one column tells of another.

    Args:
        about: the column that is uncertain.
        by: the column that is known, of the same rows.
        n_draws: bootstrap draws of the counts.
        rng: source of randomness.
    """
    cells = about.codes.astype(np.int64) * len(by.levels) + by.codes
    counts = np.bincount(cells, minlength=len(about.levels) * len(by.levels))
    table = counts.reshape(len(about.levels), len(by.levels))
    value = float(uncertainty_coefficient(table))
    spread = percentile_interval(uncertainty_coefficient(redraw_counts(table, n_draws, rng)))
    if spread is None:
        return Told(value, None, None)
    return Told(value, min(spread.low, value), max(spread.high, value))


def uncertainty_coefficient(table: NDArray[np.int64]) -> NDArray[np.float64]:
    """Share of the entropy of the rows' variable that knowing the columns' variable removes.

    Args:
        table: `(..., n_levels, n_values)` counts.

    Returns:
        `(...)` in [0, 1]; 0 where the rows' variable never varies.

    References:
        Theil 1970; Miller 1955.
    """
    total = table.sum(axis=(-2, -1))
    rows, columns = table.sum(axis=-1), table.sum(axis=-2)
    shared = _entropy(rows) + _entropy(columns) - _entropy(table.reshape(*table.shape[:-2], -1))
    # Miller and Madow: by chance alone, independent variables share this much.
    chance = ((rows > 0).sum(axis=-1) - 1) * ((columns > 0).sum(axis=-1) - 1) / (2 * total)
    entropy = _entropy(rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.clip((shared - chance) / entropy, 0.0, 1.0)
    return np.where(entropy > 0, share, 0.0)


def _entropy(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    share = counts / counts.sum(axis=-1, keepdims=True)
    return -np.where(share > 0, share * np.log(np.where(share > 0, share, 1.0)), 0.0).sum(axis=-1)
