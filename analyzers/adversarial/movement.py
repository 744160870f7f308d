"""Regression on tables: how far a prediction can be moved within the budget.

There is no wrong answer to reach, so the attack looks for the largest change of the prediction, up
and down, one feature at a time, all rows in step.
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.noise import DRAWS, random_changes
from analyzers.adversarial.single_changes import single_moves
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Tracker, untracked

ROUNDS = 3


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
    most = max(1, queries // (2 * ROUNDS * len(budgets)))
    for sign in (1.0, -1.0):
        current, reached = originals.copy(), np.zeros(len(originals))
        for place, budget in enumerate(track(budgets, "Moving predictions")):
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
