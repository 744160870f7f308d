"""Points of a beeswarm laid out once, so that a chart only draws them."""

import numpy as np
from numpy.typing import NDArray

_BINS = 80


def swarm_heights(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Heights in [-0.4, 0.4] that keep points of nearly equal value apart.

    Args:
        values: `(n_points,)` SHAP values of one column.

    Returns:
        `(n_points,)`: points of one narrow bin are stacked around the middle; the fullest bin
        fills the whole height.
    """
    spread = float(np.ptp(values)) if len(values) else 0.0
    if spread == 0.0:
        bins = np.zeros(len(values), dtype=np.int64)
    else:
        bins = np.minimum(((values - values.min()) / spread * _BINS).astype(np.int64), _BINS - 1)
    order = np.lexsort((values, bins))
    counts = np.bincount(bins, minlength=1)
    starts = np.cumsum(counts) - counts
    place = np.empty(len(values))
    place[order] = np.arange(len(values)) - starts[bins[order]]
    middle = (counts[bins] - 1) / 2
    return (place - middle) / max(1.0, (counts.max() - 1) / 2) * 0.4 if len(values) else values


def value_shares(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rank of each number in [0, 1], ties together; NaN stays NaN."""
    shares = np.full(len(numbers), np.nan)
    known = ~np.isnan(numbers)
    distinct, codes = np.unique(numbers[known], return_inverse=True)
    shares[known] = codes / max(1, len(distinct) - 1)
    return shares
