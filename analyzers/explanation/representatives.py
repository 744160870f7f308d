"""A few rows that together show what the model rests on, and typical rows of each answer.

SP-LIME takes rows one after the other so that the columns their explanations lean on cover as much
importance as possible; a column counts once. Greedy picking reaches at least 63 % of what the best
choice of so many rows covers, because coverage only ever grows by less. Prototypes stand close to
many rows of their own answer (least maximum mean discrepancy, picked greedily, then
exchanged one by one).

References: Ribeiro, Singh and Guestrin 2016 (section 4); Kim, Khanna and Koyejo 2016 (MMD-critic).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.explanation.agreement import top_of
from analyzers.toolkit.feasible import FeasibleSpace

MOST_PICKED = 6
_EXCHANGES = 3


class Picked(NamedTuple):
    """Rows in the order in which they were picked.

    Attributes:
        places: `(n_picked,)` among the explained rows.
        covered: `(n_picked,)` share of all importance covered so far, in [0, 1].
    """

    places: NDArray[np.int64]
    covered: NDArray[np.float64]


def pick_representatives(weights: NDArray[np.float64], n_wanted: int = MOST_PICKED) -> Picked:
    """Pick rows whose explanations cover the most (SP-LIME).

    Args:
        weights: `(n_rows, n_features)` LIME's weights.
        n_wanted: rows at most; fewer where nothing is left to cover.

    Returns:
        The rows; of equal ones the first.
    """
    sizes = np.abs(weights)
    total = np.sqrt(sizes.sum(axis=0))
    # An explanation names few columns, and none where a ridge left a crumb: else one row would
    # seem to cover everything.
    tops = sizes.max(axis=1, keepdims=True)
    ranks = np.argsort(np.argsort(-sizes, axis=1, kind="stable"), axis=1)
    leans = (ranks < top_of(weights.shape[1])) & (sizes >= 0.1 * tops) & (tops > 0)
    reachable = total[leans.any(axis=0)].sum()
    places: list[int] = []
    covered: list[float] = []
    seen = np.zeros(weights.shape[1], dtype=bool)
    while len(places) < min(n_wanted, len(weights)):
        gains = (leans & ~seen) @ total
        best = int(gains.argmax())
        if gains[best] <= 0:
            break
        places.append(best)
        seen |= leans[best]
        covered.append(float(total[seen].sum() / reachable))
    return Picked(np.array(places, dtype=np.int64), np.array(covered))


def pick_prototypes(points: NDArray[np.float64], n_wanted: int) -> NDArray[np.int64]:
    """Pick rows that stand for all of them by least maximum mean discrepancy.

    Args:
        points: `(n_rows, n_columns)` in comparable units, without gaps.
        n_wanted: rows at most.

    Returns:
        `(n_picked,)` places; of equal ones the first.
    """
    alike = _likeness(points)
    mean = alike.mean(axis=1)
    picked: list[int] = []
    while len(picked) < min(n_wanted, len(points)):
        picked.append(_best_beside(picked, alike, mean))
    # The first was picked as if it had to stand for all rows alone; each may be exchanged now.
    for at in range(len(picked) * _EXCHANGES):
        rest = [place for rank, place in enumerate(picked) if rank != at % len(picked)]
        picked[at % len(picked)] = _best_beside(rest, alike, mean)
    return np.array(picked, dtype=np.int64)


def _best_beside(picked: list[int], alike: NDArray[np.float64], mean: NDArray[np.float64]) -> int:
    n = len(picked) + 1
    among = alike[:, picked].sum(axis=1)
    # Twice closeness to all rows, less closeness to those picked already.
    gains = 2 * mean - (2 * among + alike.diagonal()) / n
    gains[picked] = -np.inf
    return int(gains.argmax())


def nearest(
    space: FeasibleSpace, points: NDArray[np.float64], place: int, among: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Order the rows `among` by their distance from one row, which is left out.

    Args:
        space: gives the units: standard deviations of a number, 1 for another category.
        points: `(n_rows, n_columns)` encoded rows; a gap against a value counts 1.
        place: of the row.
        among: `(n_rows,)`.
    """
    own = points[place]
    gap = np.isnan(points) != np.isnan(own)
    steps = np.where(gap, 1.0, space.steps(points, np.broadcast_to(own, points.shape)))
    distance = np.sqrt((steps**2).sum(axis=1))
    others = np.flatnonzero(among & (np.arange(len(points)) != place))
    return others[np.argsort(distance[others], kind="stable")]


def comparable(space: FeasibleSpace, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scale encoded rows so that differences can be added up; levels become indicators."""
    parts = []
    for place, field in enumerate(space.fields):
        column = points[:, place]
        if field.levels:
            parts += [(column == code) / np.sqrt(2) for code in range(len(field.levels))]
        elif not np.isnan(column).all():
            middle = np.nanmedian(column)
            parts.append(np.nan_to_num(column - middle) / field.scale)
    return np.column_stack(parts) if parts else np.zeros((len(points), 1))


def _likeness(points: NDArray[np.float64]) -> NDArray[np.float64]:
    squares = (points**2).sum(axis=1)
    distance = np.maximum(squares[:, None] + squares - 2 * points @ points.T, 0.0)
    apart = distance[np.triu_indices(len(points), 1)]
    width = float(np.median(apart)) if len(apart) and np.median(apart) > 0 else 1.0
    likeness: NDArray[np.float64] = np.exp(-distance / width)
    return likeness
