"""Whether a changed row still looks like a row of the data."""

import numpy as np
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.toolkit.feasible import FeasibleSpace
from analyzers.toolkit.intervals import rate_estimate

USUAL = 0.95
LARGEST_POOL = 1000


def nearest_distances(
    space: FeasibleSpace,
    points: NDArray[np.float64],
    pool: NDArray[np.float64],
    *,
    is_pool: bool = False,
) -> NDArray[np.float64]:
    """Distance of every point to the nearest row of the pool, all columns counted.

    Args:
        space: the rules and scales.
        points: `(n_points, n_features)`.
        pool: `(n_pool, n_features)`.
        is_pool: the points are the pool; a row is not its own neighbour.

    Returns:
        `(n_points,)` in standardised units.
    """
    nearest = np.empty(len(points))
    for place, point in enumerate(points):
        far = space.distance(np.broadcast_to(point, pool.shape), pool)
        if is_pool:
            far[place] = np.inf
        nearest[place] = far.min()
    return nearest


def plausible_share(
    space: FeasibleSpace,
    points: NDArray[np.float64],
    originals: NDArray[np.float64],
    pool: NDArray[np.float64],
) -> Estimate:
    """Share of changed rows no lonelier than 95 % of the data, among rows that were not lonely.

    Args:
        space: the rules and scales.
        points: `(n_points, n_features)` changed rows.
        originals: `(n_points, n_features)` the rows they come from.
        pool: `(n_pool, n_features)` rows of the data.
    """
    pool = pool[:LARGEST_POOL]
    if not len(points):
        return Estimate.unmeasured("No change within the budget was found.")
    if len(pool) < 20:
        return Estimate.unmeasured(f"{len(pool)} rows are too few to say what is usual.")
    usual = float(np.quantile(nearest_distances(space, pool, pool, is_pool=True), USUAL))
    others = np.array([_without(space, row, pool) for row in originals])
    was_usual = others <= usual
    if not was_usual.any():
        return Estimate.unmeasured("Every attacked row was unusual before it was changed.")
    stays = np.array(
        [
            _without(space, row, pool, point) <= usual
            for row, point in zip(originals[was_usual], points[was_usual], strict=True)
        ]
    )
    return rate_estimate(int(stays.sum()), len(stays))


def _without(
    space: FeasibleSpace,
    row: NDArray[np.float64],
    pool: NDArray[np.float64],
    point: NDArray[np.float64] | None = None,
) -> float:
    """Distance of `point` (or the row) to the nearest pool row that is not the row itself."""
    is_other = space.distance(np.broadcast_to(row, pool.shape), pool) > 0
    if not is_other.any():
        return 0.0
    wanted = row if point is None else point
    others = pool[is_other]
    return float(space.distance(np.broadcast_to(wanted, others.shape), others).min())
