"""Exchange a part of a change for a cheaper one, all rows in step.

Searches that add one feature after another end where no single change helps, and putting features
back finds only smaller parts of the same change. Here one feature goes back, wholly or half-way,
and another one moves as far as still makes the whole change smaller. Only answers are needed, so it
works where scores are flat, as between the cuts of trees.

References:
    Kernighan and Lin 1970 (exchanging pairs to leave a local optimum).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.shrink import shrink
from analyzers.adversarial.target import Target, rank_in_row
from analyzers.core.workbench import Tracker, untracked

ROUNDS = 20
MOST_PUT_BACK = 3
MOST_TRIED = 40
LADDER = 8
MOST_RUNGS, MOST_LADDERS = 2, 2
RUNG_BISECTIONS = 4
LADDER_QUESTIONS = MOST_LADDERS * (LADDER + MOST_RUNGS * RUNG_BISECTIONS)
_FLAT = 1e-9
MOST_SCATTERED = 3
# What saves less than a hundredth is not worth a question.
WORTHWHILE = 0.99
SOURCE = "exchange of features"
# What a feature keeps of its change: a tree may have a cut anywhere on the way, and one that is
# kept for three quarters passes most of them and leaves two thirds of the room to another.
_KEPT_SHARES = (0.0, 0.5, 0.75)
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
            _exchanged(target, found, rows[is_new[rows]], queries, rng),
            _scattered(target, found, rows[~is_new[rows]], rng),
        )
        points, owners = (np.concatenate([part[at] for part in tried]) for at in (0, 1))
        points = target.space.repair(points, target.originals[owners])
        sizes = target.space.distance(points, target.originals[owners])
        # What takes all the room there is must not be lost to the last digit.
        smaller = (sizes > 0) & (sizes <= WORTHWHILE * WITHIN * found.distances[owners])
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
    target: Target, found: Found, rows: NDArray[np.int64], queries: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """List exchanged points `(n_points, n_features)` and the rows they belong to."""
    space = target.space
    steps = space.steps(found.points[rows], target.originals[rows])
    largest = np.argsort(-np.abs(steps), axis=1, kind="stable")
    most = min(MOST_PUT_BACK, steps.shape[1])
    parts: list[_Part] = []
    if target.sight == "scores":
        can_pay = queries - target.queries[rows] >= 2 * LADDER_QUESTIONS
        ladders = largest[can_pay, :MOST_LADDERS]
        for rung in _rungs(target, found, rows[can_pay], ladders):
            parts += _moved(target, found, *rung, is_rung=True)
    for rank in range(most):
        back = largest[:, rank]
        changed = steps[np.arange(len(rows)), back] != 0
        for share in _KEPT_SHARES:
            # A category goes back wholly or not at all.
            use = changed & ~(space.is_level[back] & (share > 0))
            if use.any():
                parts += _moved(target, found, rows[use], back[use], np.full(use.sum(), share))
    if not parts:
        return np.zeros((0, steps.shape[1])), np.zeros(0, dtype=np.int64)
    points = np.concatenate([part.points for part in parts])
    owners = np.concatenate([part.owners for part in parts])
    turn = np.concatenate([np.full(len(part.owners), part.turn) for part in parts])
    shuffled = rng.permutation(len(owners))
    order = shuffled[np.lexsort((turn[shuffled], owners[shuffled]))]
    # Half of what is left, so that what is found can be looked into in turn.
    most = np.maximum(MOST_TRIED, (queries - target.queries) // 2)
    kept = rank_in_row(owners[order]) < most[owners[order]]
    return points[order[kept]], owners[order[kept]]


class _Part(NamedTuple):
    """Points to be asked about, and in which turn.

    Attributes:
        points: `(n_points, n_features)`.
        owners: `(n_points,)` the rows they belong to.
        turn: those of the first turn are asked about first.
    """

    points: NDArray[np.float64]
    owners: NDArray[np.int64]
    turn: int


def _rungs(
    target: Target, found: Found, rows: NDArray[np.int64], largest: NDArray[np.int64]
) -> list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]:
    """Find where a score steps up on the way to a flip: what is enough for half of the way.

    Trees answer in steps. A feature that flips the answer alone often passes a cut on its way,
    behind which a small change of another feature would be enough. The first place behind such a
    cut is found by bisection.

    Args:
        target: gives scores.
        found: the flips.
        rows: those to look at.
        largest: `(n_rows, n_ladders)` features that change most, which are followed.

    Returns:
        Rows, features and the shares of their changes, for every rung that was found.
    """
    space, rungs = target.space, []
    shares = np.arange(LADDER) / LADDER
    for fields in largest.T:
        use = ~space.is_level[fields] & (
            found.points[rows, fields] != target.originals[rows, fields]
        )
        mine, field = rows[use], fields[use]
        if not len(mine):
            continue
        there = np.repeat(np.arange(len(mine)), LADDER)
        margins = _at_share(
            target, found, mine[there], field[there], np.tile(shares, len(mine))
        ).reshape(len(mine), LADDER)
        rises = (np.diff(margins, axis=1) > _FLAT) & (margins[:, 1:] <= 0)
        # Where a score moves all the way there are no steps to stand on.
        rises &= (rises.sum(axis=1) <= LADDER // 2)[:, None]
        place, rung = np.nonzero(rises & (np.cumsum(rises[:, ::-1], axis=1)[:, ::-1] <= MOST_RUNGS))
        if not len(place):
            continue
        low, high = shares[rung].copy(), shares[rung + 1].copy()
        reached = margins[place, rung + 1]
        for _ in range(RUNG_BISECTIONS):
            middle = (low + high) / 2
            is_up = _at_share(target, found, mine[place], field[place], middle) >= reached - _FLAT
            low, high = np.where(is_up, low, middle), np.where(is_up, middle, high)
        rungs.append((mine[place], field[place], high))
    return rungs


def _at_share(
    target: Target,
    found: Found,
    rows: NDArray[np.int64],
    fields: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Ask about flips of which one feature goes a share of its way only, `(n_rows,)`."""
    points = _put_back(target, found, rows, fields, shares)
    points = target.space.repair(points, target.originals[rows])
    margins = target.margins(points, rows)
    found.offer(points, rows, margins, source=SOURCE)
    return margins


def _put_back(
    target: Target,
    found: Found,
    rows: NDArray[np.int64],
    fields: NDArray[np.int64],
    shares: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return flips of which one feature keeps a share of its change only, not repaired."""
    points, at = found.points[rows].copy(), np.arange(len(rows))
    start = target.originals[rows, fields]
    points[at, fields] = start + shares * (points[at, fields] - start)
    return points


def _moved(
    target: Target,
    found: Found,
    rows: NDArray[np.int64],
    back: NDArray[np.int64],
    share: NDArray[np.float64],
    *,
    is_rung: bool = False,
) -> list[_Part]:
    """Put one feature of each row back to a share of its change and move each other one."""
    space, originals = target.space, target.originals[rows]
    base = _put_back(target, found, rows, back, share)
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
            is_whole = [True] * len(values)
        else:
            reach = room * space.scales[place]
            values = [originals[:, place] + sign * reach for sign in _REACHES]
            is_whole = [abs(sign) == 1 for sign in _REACHES]
        for value, whole in zip(values, is_whole, strict=True):
            kept = use & (value != base[:, place])
            if kept.any():
                points = base[kept]
                points[:, place] = value[kept]
                # The whole room of one other feature is the best guess, most of all behind a cut.
                parts.append(_Part(points, rows[kept], 2 - whole - (is_rung and whole)))
    return parts
