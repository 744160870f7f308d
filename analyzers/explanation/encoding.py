"""What encoded columns contribute, added up to the user's own columns."""

import numpy as np
from numpy.typing import NDArray


def sum_by_owner(
    contributions: NDArray[np.float64], owners: NDArray[np.int64], n_features: int
) -> NDArray[np.float64]:
    """Add encoded columns up to the user's columns.

    Args:
        contributions: `(n_rows, n_encoded, ...)`.
        owners: `(n_encoded,)`.
        n_features: number of the user's columns.

    Returns:
        `(n_rows, n_features, ...)`.
    """
    if len(owners) == n_features and (owners == np.arange(n_features)).all():
        return contributions
    summed = np.zeros((len(contributions), n_features, *contributions.shape[2:]))
    for encoded, owner in enumerate(owners):
        summed[:, owner] += contributions[:, encoded]
    return summed
