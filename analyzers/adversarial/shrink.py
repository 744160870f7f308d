"""Make every change found as small as it can be made one feature at a time."""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.target import Target

BISECTIONS = 7
MOST_FEATURES = 40


def shrink(
    target: Target, found: Found, *, queries: int, rows: NDArray[np.int64] | None = None
) -> None:
    """Put features back, first entirely and then by bisection, as long as the answer stays changed.

    Args:
        target: the model and the rows.
        found: gives the points and receives smaller ones.
        queries: questions per row after which the row rests, counted over all searches.
        rows: those to shrink; all that are known where None.
    """
    space = target.space
    rows = found.rows if rows is None else rows
    rows = rows[target.queries[rows] < queries]
    if not len(rows):
        return
    for whole in (True, False):
        steps = np.abs(space.steps(found.points[rows], target.originals[rows]))
        # Whole features first, the least one first; then parts, the largest change first.
        order = np.argsort(np.where(steps == 0, np.inf, steps) if whole else -steps, axis=1,
                           kind="stable")  # fmt: skip
        most = int(min(MOST_FEATURES, (steps > 0).sum(axis=1).max(initial=0)))
        for rank in range(most):
            fields = order[:, rank]
            _put_back(target, found, rows, fields, queries, whole=whole)


def _put_back(
    target: Target,
    found: Found,
    rows: np.ndarray,
    fields: np.ndarray,
    queries: int,
    *,
    whole: bool,
) -> None:
    space = target.space
    start = target.originals[rows, fields]
    far = found.points[rows, fields].copy()
    asked = 1 if whole else BISECTIONS
    use = (far != start) & ~np.isnan(start) & (target.queries[rows] + asked <= queries)
    if not whole:
        use &= ~space.is_level[fields]
    rows, fields, start, far = rows[use], fields[use], start[use], far[use]
    if not len(rows):
        return
    low, high = np.zeros(len(rows)), np.ones(len(rows))
    for _ in range(asked):
        share = low if whole else (low + high) / 2
        tried = found.points[rows].copy()
        tried[np.arange(len(rows)), fields] = start + share * (far - start)
        tried = space.repair(tried, target.originals[rows])
        margins = target.margins(tried, rows)
        for source in np.unique(found.sources[rows].astype(str)):
            own = found.sources[rows] == source
            found.offer(tried[own], rows[own], margins[own], source=source)
        high = np.where(margins > 0, share, high)
        low = np.where(margins > 0, low, share)
