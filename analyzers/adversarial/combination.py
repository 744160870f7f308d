"""Score-based search for the cheapest set of changes, all rows in step.

Every single change is asked about once. On the scale of log-odds the effects of changes to
different features add up exactly in additive models and nearly so in forests and boosters, so the
sets that should flip the answer are known without asking, and the cheapest are asked about. What
the guess misses, where features act together, the searches after it look for.

References:
    Chen et al. 2017 (ZOO, one coordinate at a time without gradients); Kireev, Kulynych and
    Troncoso 2023 (search under cost on tables).
"""

from functools import cache
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.single_changes import single_moves
from analyzers.adversarial.target import Target, rank_in_row
from analyzers.core.workbench import Tracker, untracked
from analyzers.toolkit.feasible import FeasibleSpace

OFFSETS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0)
# Boosted trees flip within narrow steps of one number, and few numbers leave questions for them.
FINER = (0.0025, 0.005, 0.01)
MOST_MOVES = 20
MOST_TOGETHER = 4
ROUNDS, SETS_A_ROUND = 4, 16
_SURE = 0.999
SOURCE = "several features at once"


class _Moves(NamedTuple):
    """The most useful single changes of each row, padded with changes of no use.

    Attributes:
        fields: `(n_rows, n_moves)` which feature.
        values: `(n_rows, n_moves)` its new value.
        gains: `(n_rows, n_moves)` what it adds to the score, in log-odds.
        costs: `(n_rows, n_moves)` what it adds to the squared size; infinite for padding.
    """

    fields: NDArray[np.int64]
    values: NDArray[np.float64]
    gains: NDArray[np.float64]
    costs: NDArray[np.float64]


def search(
    target: Target,
    found: Found,
    starts: NDArray[np.float64],
    rows: NDArray[np.int64],
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> None:
    """Feed `found` with sets of changes to `starts` that should flip the answer together.

    Args:
        target: the model and the rows.
        found: receives every flip.
        starts: `(n_starts, n_features)` where the changes begin.
        rows: `(n_starts,)` which row each belongs to.
        queries: allowed questions per row for this search.
        rng: chooses single changes where a row cannot afford to try all.
        track: reports progress.
    """
    if queries < 2 or not len(rows):
        return
    margins = target.margins(starts, rows)
    found.offer(starts, rows, margins, source=SOURCE)
    score = _log_odds(margins)
    asked = ROUNDS * SETS_A_ROUND
    most = max(1, queries - asked - 1)
    moves = _best_moves(target, found, starts, rows, score, most=most, rng=rng)
    if moves is None:
        return
    sets = _sets(moves.fields.shape[1])
    predicted, costs = _predicted(moves, sets)
    costs += (target.space.distance(starts, target.originals[rows]) ** 2)[:, None]
    missing = np.maximum(-score, 1e-9)[:, None]
    # A set that should fall short by some share is expected to cost that much more.
    short = np.maximum(missing / np.maximum(predicted, 1e-9), 1.0)
    size = np.sqrt(np.maximum(costs, 0.0))
    price = np.where(predicted > 0, size * short**2, np.inf)
    order = np.argsort(price, axis=1, kind="stable")
    for at in track(range(ROUNDS), "Changing several features at once", total=ROUNDS):
        part = order[:, at * SETS_A_ROUND : (at + 1) * SETS_A_ROUND]
        places, chosen = np.repeat(np.arange(len(rows)), part.shape[1]), part.ravel()
        use = np.isfinite(price[places, chosen])
        use &= size[places, chosen] < found.distances[rows[places]]
        places, chosen = places[use], chosen[use]
        if len(places):
            points = starts[places]
            for members in sets[chosen].T:
                there = np.flatnonzero(members >= 0)
                cell = (places[there], members[there])
                points[there, moves.fields[cell]] = moves.values[cell]
            owners = rows[places]
            points = target.space.repair(points, target.originals[owners])
            found.offer(points, owners, target.margins(points, owners), source=SOURCE)


def largest_put_back(
    target: Target, found: Found, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the nearest flips with their largest change put back, and the rows that have several.

    Args:
        target: the model and the rows.
        found: gives the flips.
        rows: those to look at.
    """
    rows = rows[np.isfinite(found.distances[rows])]
    steps = np.abs(target.space.steps(found.points[rows], target.originals[rows]))
    several = (steps > 0).sum(axis=1) > 1
    rows, largest = rows[several], steps[several].argmax(axis=1)
    starts = found.points[rows].copy()
    starts[np.arange(len(rows)), largest] = target.originals[rows, largest]
    return target.space.repair(starts, target.originals[rows]), rows


def _best_moves(
    target: Target,
    found: Found,
    starts: NDArray[np.float64],
    rows: NDArray[np.int64],
    score: NDArray[np.float64],
    *,
    most: int,
    rng: np.random.Generator,
) -> _Moves | None:
    """Ask about single changes and keep, row by row, those that add most for what they cost."""
    space, originals = target.space, target.originals[rows]
    n_rows = len(rows)
    single = single_moves(
        target, starts, np.arange(n_rows), most=most, rng=rng, offsets=_offsets(space, most)
    )
    if not len(single.rows):
        return None
    points, at = starts[single.rows], np.arange(len(single.rows))
    points[at, single.fields] = single.values
    points = space.repair(points, originals[single.rows])
    price = (space.steps(points, originals[single.rows]) ** 2).sum(axis=1)
    price -= (space.steps(starts, originals) ** 2).sum(axis=1)[single.rows]
    kept = points[at, single.fields] != starts[single.rows, single.fields]
    points, price = points[kept], price[kept]
    places, fields = single.rows[kept], single.fields[kept]
    if not len(places):
        return None
    margins = target.margins(points, rows[places])
    found.offer(points, rows[places], margins, source=SOURCE)
    gains = _log_odds(margins) - score[places]
    useful = gains > 0
    points, price = points[useful], price[useful]
    places, fields, gains = places[useful], fields[useful], gains[useful]
    # The best first in each row; what makes the change smaller and helps is best of all.
    order = np.lexsort((-gains / np.sqrt(np.maximum(price, 1e-6)), places))
    sorted_places = places[order]
    rank = rank_in_row(sorted_places)
    n_kept = int(min(MOST_MOVES, rank.max(initial=-1) + 1))
    if n_kept == 0:
        return None
    into = rank < n_kept
    shape = (n_rows, n_kept)
    made = _Moves(np.full(shape, -1), np.zeros(shape), np.zeros(shape), np.full(shape, np.inf))
    best, cell = order[into], (sorted_places[into], rank[into])
    made.fields[cell] = fields[best]
    made.values[cell] = points[best, fields[best]]
    made.gains[cell], made.costs[cell] = gains[best], price[best]
    return made


def _offsets(space: FeasibleSpace, most: int) -> tuple[float, ...]:
    """Choose by how much numbers move: more finely where there are questions for it."""
    n_levels = sum(len(field.levels) for field in space.fields if field.rule == "level")
    n_numbers = sum(field.rule not in ("level", "fixed") for field in space.fields)
    finer = (*FINER, *OFFSETS)
    return finer if n_levels + 2 * n_numbers * len(finer) <= most else OFFSETS


@cache
def _sets(n_moves: int) -> NDArray[np.int64]:
    """List sets of two to four moves, `(n_sets, MOST_TOGETHER)`, padded with -1."""
    lines = [
        (*chosen, *[-1] * (MOST_TOGETHER - size))
        for size in range(2, min(MOST_TOGETHER, n_moves) + 1)
        for chosen in combinations(range(n_moves), size)
    ]
    return np.array(lines, dtype=np.int64).reshape(-1, MOST_TOGETHER)


def _predicted(
    moves: _Moves, sets: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what each set should add to score and squared size, both `(n_rows, n_sets)`."""
    n_rows = len(moves.fields)
    gains, costs = np.zeros((n_rows, len(sets))), np.zeros((n_rows, len(sets)))
    clash = np.zeros((n_rows, len(sets)), dtype=bool)
    for place, members in enumerate(sets.T):
        there = members >= 0
        gains += np.where(there, moves.gains[:, members], 0.0)
        costs += np.where(there, moves.costs[:, members], 0.0)
        for other in sets.T[:place]:
            same = moves.fields[:, members] == moves.fields[:, other]
            clash |= same & there
    return np.where(clash | ~np.isfinite(costs), 0.0, gains), costs


def _log_odds(margins: NDArray[np.float64]) -> NDArray[np.float64]:
    """Half the logarithm of the odds of the other answer; bounded where a model is certain."""
    found: NDArray[np.float64] = np.arctanh(np.clip(margins, -_SURE, _SURE))
    return found
