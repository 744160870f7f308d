"""How much one column tells of another, from counts."""

import numpy as np
from numpy.typing import NDArray


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
