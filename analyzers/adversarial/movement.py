"""Regression on tables: how far a prediction can be moved within the budget.

There is no wrong answer to reach, so the attack looks for the largest change of the prediction, up
and down, all rows in step. Every single change is asked about once; what they should add up to
(along the slope that they show, and the most useful ones that the budget can pay for) is asked
about at every size, and the best of it is improved one feature at a time.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.noise import DRAWS, random_changes
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.single_changes import single_moves
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Tracker, untracked

ROUNDS = 3
# Of the questions, for single changes.
FIRST_SHARE = 3
_NOTHING = 1e-12


def largest_changes(
    target: Target,
    budgets: NDArray[np.float64],
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Search for the largest change of each prediction at each budget.

    Args:
        target: the model and the rows.
        budgets: `(n_budgets,)` ascending, in standardised units.
        queries: questions per row over all budgets and both directions.
        rng: chooses moves where a row cannot afford to try all.
        track: reports progress.

    Returns:
        Points `(n_budgets, n_rows, n_features)` and absolute changes `(n_budgets, n_rows)`, which
        never fall with the budget, in the unit of the outcome.
    """
    originals = target.originals
    owners = np.arange(len(originals))
    start = target.values(originals, owners)
    points = np.repeat(originals[None], len(budgets), axis=0)
    changes = np.zeros((len(budgets), len(originals)))
    singles = _singles(target, start, float(budgets[-1]), queries // FIRST_SHARE, rng)
    n_asked = 0 if singles is None else len(singles.fields) + 2 * len(_GUESSES) * len(budgets)
    left = queries - 1 - n_asked
    most = max(1, left // (2 * ROUNDS * len(budgets)))
    for sign in (1.0, -1.0):
        current, reached = originals.copy(), np.zeros(len(originals))
        for place, budget in enumerate(track(budgets, "Moving predictions")):
            for guessed in _guesses(target, singles, sign, budget):
                gains = sign * (target.values(guessed, owners) - start)
                is_better = gains > reached
                current[is_better], reached[is_better] = guessed[is_better], gains[is_better]
            for _ in range(ROUNDS):
                tried, rows = _tries(target, current, owners, budget, most, rng)
                if not len(rows):
                    break
                gains = sign * (target.values(tried, rows) - start[rows])
                order = np.lexsort((-gains, rows))
                first = order[np.r_[True, np.diff(rows[order]) != 0]]
                better = first[gains[first] > reached[rows[first]]]
                if not len(better):
                    break
                current[rows[better]] = tried[better]
                reached[rows[better]] = gains[better]
            larger = reached > changes[place]
            changes[place, larger] = reached[larger]
            points[place, larger] = current[larger]
    return points, changes


def noise_changes(
    target: Target,
    budgets: NDArray[np.float64],
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> NDArray[np.float64]:
    """Largest absolute change over ten random changes of each size, `(n_budgets, n_rows)`."""
    owners = np.arange(len(target.originals))
    start = target.values(target.originals, owners)
    largest = np.zeros((len(budgets), len(owners)))
    for place, budget in enumerate(track(budgets, "Changing rows at random")):
        for draw in rng.spawn(DRAWS):
            points = random_changes(target.space, target.originals, float(budget), draw)
            moved = np.abs(target.values(points, owners) - start)
            largest[place] = np.maximum(largest[place], moved)
    return largest


class _Singles(NamedTuple):
    """Single changes of every row and what they do.

    Attributes:
        fields: `(n_moves,)` which feature.
        values: `(n_rows, n_moves)` its new value.
        gains: `(n_rows, n_moves)` what the prediction rises by.
        costs: `(n_rows, n_moves)` squared size; infinite where nothing changes.
    """

    fields: NDArray[np.int64]
    values: NDArray[np.float64]
    gains: NDArray[np.float64]
    costs: NDArray[np.float64]


def _singles(
    target: Target, start: NDArray[np.float64], unit: float, most: int, rng: np.random.Generator
) -> _Singles | None:
    """Ask about single changes of every row; None where no feature can change."""
    owners = np.arange(len(target.originals))
    moves = single_moves(target, target.originals, owners, most=most, rng=rng, unit=unit)
    if not len(moves.rows):
        return None
    n_moves = len(moves.rows) // len(owners)
    originals = target.originals[moves.rows]
    points, at = originals.copy(), np.arange(len(originals))
    points[at, moves.fields] = moves.values
    points = target.space.repair(points, originals)
    costs = target.space.distance(points, originals) ** 2
    gains = target.values(points, moves.rows) - start[moves.rows]
    shape = (len(owners), n_moves)
    return _Singles(
        moves.fields[:n_moves], points[at, moves.fields].reshape(shape), gains.reshape(shape),
        np.where(costs > 0, costs, np.inf).reshape(shape),
    )  # fmt: skip


def _along_slope(
    target: Target, singles: _Singles, sign: float, budget: float
) -> NDArray[np.float64]:
    """Step along what single changes of numbers show as the slope, by the whole budget."""
    space, points = target.space, target.originals.copy()
    steps = np.zeros_like(points)
    for place in np.unique(singles.fields[~space.is_level[singles.fields]]):
        mine = np.flatnonzero(singles.fields == place)
        worth = sign * singles.gains[:, mine] / np.sqrt(singles.costs[:, mine])
        best = worth.argmax(axis=1)
        at = np.arange(len(points))
        moved = singles.values[at, mine[best]] - points[:, place]
        steps[:, place] = np.where(worth[at, best] > 0, np.sign(moved) * worth[at, best], 0.0)
    length = np.sqrt((steps**2).sum(axis=1, keepdims=True))
    unit_steps = np.divide(steps, length, out=np.zeros_like(steps), where=length > _NOTHING)
    return np.asarray(points + np.nan_to_num(budget * unit_steps * space.scales))


def _most_useful(
    target: Target, singles: _Singles, sign: float, budget: float
) -> NDArray[np.float64]:
    """Take the single changes that add most for their cost, one a feature, while they fit."""
    points, at = target.originals.copy(), np.arange(len(target.originals))
    gains = sign * singles.gains
    order = np.argsort(-gains / singles.costs, axis=1, kind="stable")
    room = np.full(len(points), budget**2)
    is_used = np.zeros(points.shape, dtype=bool)
    for move in order.T:
        field, cost = singles.fields[move], singles.costs[at, move]
        use = (gains[at, move] > 0) & (cost <= room) & ~is_used[at, field]
        points[at[use], field[use]] = singles.values[at[use], move[use]]
        room = np.where(use, room - cost, room)
        is_used[at[use], field[use]] = True
    return points


_GUESSES = (_along_slope, _most_useful)


def _guesses(
    target: Target, singles: _Singles | None, sign: float, budget: float
) -> Iterator[NDArray[np.float64]]:
    """Yield points for every row; those too large after repair are back where they came from."""
    if singles is None:
        return
    for guess in _GUESSES:
        repaired = target.space.repair(guess(target, singles, sign, budget), target.originals)
        fits = target.space.distance(repaired, target.originals) <= budget * WITHIN
        yield np.where(fits[:, None], repaired, target.originals)


def _tries(
    target: Target,
    current: NDArray[np.float64],
    owners: NDArray[np.int64],
    budget: float,
    most: int,
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Single moves pulled back into the budget; those that cannot be are left out."""
    space = target.space
    moves = single_moves(target, current, owners, most=most, rng=rng, unit=budget)
    if not len(moves.rows):
        return current[:0], moves.rows
    originals = target.originals[moves.rows]
    wanted = current[moves.rows]
    wanted[np.arange(len(wanted)), moves.fields] = moves.values
    steps = space.steps(space.repair(wanted, originals), originals)
    of_levels = (np.where(space.is_level, steps, 0.0) ** 2).sum(axis=1)
    of_numbers = (np.where(space.is_level, 0.0, steps) ** 2).sum(axis=1)
    room = budget**2 - of_levels
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = np.where(of_numbers > room, np.sqrt(np.maximum(room, 0.0) / of_numbers), 1.0)
    inward = originals + pull[:, None] * (wanted - originals)
    tried = space.repair(np.where(space.is_level, wanted, inward), originals)
    fits = space.distance(tried, originals) <= budget * (1 + 1e-9)
    return tried[fits], moves.rows[fits]
