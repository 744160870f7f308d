"""Exchange a part of a change for a cheaper one, all rows in step.

Searches that add one feature after another end where no single change helps, and putting features
back finds only smaller parts of the same change. Here one feature goes back, wholly or half-way,
and another one moves as far as still makes the whole change smaller. Only answers are needed, so it
works where scores are flat, as between the cuts of trees.

References:
    Kernighan and Lin 1970 (exchanging pairs to leave a local optimum).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.shrink import shrink
from analyzers.adversarial.target import Target, rank_in_row
from analyzers.core.workbench import Tracker, untracked

ROUNDS = 20
MOST_PUT_BACK = 3
MOST_TRIED = 40
MOST_SCATTERED = 3
# What saves less than a hundredth is not worth a question.
WORTHWHILE = 0.99
SOURCE = "exchange of features"
_KEPT_SHARES = (0.0, 0.5)
_REACHES = (-1.0, 1.0, -0.5, 0.5)


def exchange(
    target: Target,
    found: Found,
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> None:
    """Feed `found` with smaller changes of other features.

    Args:
        target: the model and the rows.
        found: gives the points and receives smaller ones.
        queries: questions per row after which the row rests, counted over all searches.
        rng: chooses exchanges where there are more than a round tries.
        track: reports progress.
    """
    rows = found.rows
    is_new = np.ones(len(target.originals), dtype=bool)
    for _ in track(range(ROUNDS), "Exchanging features", total=ROUNDS):
        rows = rows[target.queries[rows] < queries]
        if not len(rows):
            return
        before = found.distances[rows].copy()
        tried = (
            _exchanged(target, found, rows[is_new[rows]], rng),
            _scattered(target, found, rows[~is_new[rows]], rng),
        )
        points, owners = (np.concatenate([part[at] for part in tried]) for at in (0, 1))
        points = target.space.repair(points, target.originals[owners])
        sizes = target.space.distance(points, target.originals[owners])
        smaller = (sizes > 0) & (sizes < WORTHWHILE * found.distances[owners])
        points, owners = points[smaller], owners[smaller]
        affordable = rank_in_row(owners) < (queries - target.queries)[owners]
        points, owners = points[affordable], owners[affordable]
        if len(points):
            found.offer(points, owners, target.margins(points, owners), source=SOURCE)
        is_new[rows] = found.distances[rows] < before
        shrink(target, found, queries=queries, rows=rows[is_new[rows]])


def _scattered(
    target: Target, found: Found, rows: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Draw changes of one to three features, nearly as large as the nearest one known."""
    space = target.space
    owners = np.repeat(rows, MOST_TRIED)
    points, at = target.originals[owners].copy(), np.arange(len(owners))
    free = np.flatnonzero(space.is_free)
    n_moved = min(len(free), MOST_SCATTERED)
    if not len(owners):
        return points, owners
    order = np.argsort(rng.random((len(owners), len(free))), axis=1)[:, :n_moved]
    fields, moves = free[order], np.arange(n_moved) < rng.integers(1, n_moved + 1, len(at))[:, None]
    # Large changes flip more than small ones; what is too large is put back afterwards.
    room = (WORTHWHILE * found.distances[owners]) ** 2 * rng.uniform(0.6, 1.0, len(owners))
    n_levels = np.array([max(1, len(field.levels)) for field in space.fields])
    for rank in range(n_moved):
        field = fields[:, rank]
        price = 1.0 / space.scales[field] ** 2
        use = moves[:, rank] & space.is_level[field] & (price <= room)
        level = np.floor(rng.random(len(owners)) * n_levels[field])
        points[at[use], field[use]] = level[use]
        room = np.where(use, room - price, room)
    # The numbers share what the categories leave.
    numbers = moves & ~space.is_level[fields]
    shares = rng.exponential(size=numbers.shape) * numbers
    shares /= np.maximum(shares.sum(axis=1, keepdims=True), 1e-12)
    steps = np.sqrt(room[:, None] * shares) * rng.choice((-1.0, 1.0), shares.shape)
    for rank in range(n_moved):
        use, field = numbers[:, rank], fields[:, rank]
        points[at[use], field[use]] += steps[use, rank] * space.scales[field[use]]
    return points, owners


def _exchanged(
    target: Target, found: Found, rows: NDArray[np.int64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """List exchanged points `(n_points, n_features)` and the rows they belong to."""
    space = target.space
    steps = space.steps(found.points[rows], target.originals[rows])
    largest = np.argsort(-np.abs(steps), axis=1, kind="stable")
    most = min(MOST_PUT_BACK, steps.shape[1])
    parts: list[tuple[NDArray[np.float64], NDArray[np.int64]]] = []
    for rank in range(most):
        back = largest[:, rank]
        changed = steps[np.arange(len(rows)), back] != 0
        for share in _KEPT_SHARES:
            # A category goes back wholly or not at all.
            use = changed & ~(space.is_level[back] & (share > 0))
            if use.any():
                parts += _moved(target, found, rows[use], back[use], share)
    if not parts:
        return np.zeros((0, steps.shape[1])), np.zeros(0, dtype=np.int64)
    points = np.concatenate([part[0] for part in parts])
    owners = np.concatenate([part[1] for part in parts])
    shuffled = rng.permutation(len(owners))
    order = shuffled[np.argsort(owners[shuffled], kind="stable")]
    kept = rank_in_row(owners[order]) < MOST_TRIED
    return points[order[kept]], owners[order[kept]]


def _moved(
    target: Target,
    found: Found,
    rows: NDArray[np.int64],
    back: NDArray[np.int64],
    share: float,
) -> list[tuple[NDArray[np.float64], NDArray[np.int64]]]:
    """Put one feature of each row back to a share of its change and move each other one."""
    space, at = target.space, np.arange(len(rows))
    originals, base = target.originals[rows], found.points[rows].copy()
    base[at, back] = originals[at, back] + share * (base[at, back] - originals[at, back])
    steps = space.steps(base, originals)
    total = (steps**2).sum(axis=1)
    aim = (WORTHWHILE * found.distances[rows]) ** 2
    parts = []
    for place, field in enumerate(space.fields):
        if field.rule == "fixed":
            continue
        room = np.sqrt(np.maximum(aim - total + steps[:, place] ** 2, 0.0))
        use = (back != place) & (room > 0) & ~np.isnan(originals[:, place])
        if field.rule == "level":
            use &= room >= 1.0 / space.scales[place]
            values = [np.full(len(rows), float(code)) for code in range(len(field.levels))]
        else:
            reach = room * space.scales[place]
            values = [originals[:, place] + sign * reach for sign in _REACHES]
        for value in values:
            kept = use & (value != base[:, place])
            if kept.any():
                points = base[kept]
                points[:, place] = value[kept]
                parts.append((points, rows[kept]))
    return parts
