"""Decision-based search along the boundary, all rows in step: labels are all it needs.

Each row starts from another row of the data that gets a different answer, walks back towards the
original until just before the answer changes again, estimates the direction of the boundary from
random questions around that point, steps along it and walks back once more.

References:
    Chen, Jordan and Wainwright 2020 (HopSkipJumpAttack); Brendel, Rauber and Bethge 2018 (boundary
    attack).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Tracker, untracked

BISECTIONS = 8
STEP_HALVINGS = 6
NEAREST_STARTS = 6
RANDOM_STARTS = 6
FEWEST_DIRECTIONS = 10
# Fewer rounds with as many directions as this say more than many rounds with a handful.
WORTHWHILE_DIRECTIONS = 20
ROUNDS = 8
SOURCE = "along the boundary (labels only)"
START = "another row of the data"


def start_from_data(
    target: Target,
    found: Found,
    pool: NDArray[np.float64],
    pool_codes: NDArray[np.int64],
    *,
    rng: np.random.Generator,
) -> None:
    """Feed `found` with mixtures: the row's fixed values and another row's free ones.

    Args:
        target: the model and the rows.
        found: receives every flip.
        pool: `(n_pool, n_features)` rows to borrow from.
        pool_codes: `(n_pool,)` what the model answers for them.
        rng: chooses those rows that are not the nearest.
    """
    space = target.space
    owners, donors = [], []
    for row in range(len(target.codes)):
        goal = target.aim(np.full(len(pool_codes), row))
        others = np.flatnonzero(goal.is_reached(pool_codes))
        if not len(others):
            continue
        wide = np.broadcast_to(target.originals[row], (len(others), pool.shape[1]))
        far = np.where(space.is_free, space.steps(pool[others], wide), 0.0)
        near = others[np.argsort((far**2).sum(axis=1), kind="stable")[:NEAREST_STARTS]]
        more = rng.choice(others, min(RANDOM_STARTS, len(others)), replace=False)
        chosen = np.r_[near, more]
        owners.append(np.full(len(chosen), row))
        donors.append(chosen)
    if not owners:
        return
    rows = np.concatenate(owners)
    given = pool[np.concatenate(donors)]
    mixed = np.where(space.is_free & ~np.isnan(given), given, target.originals[rows])
    mixed = space.repair(mixed, target.originals[rows])
    found.offer(mixed, rows, target.margins(mixed, rows), source=START)


def approach(
    target: Target, points: NDArray[np.float64], owners: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Walk back from points that change the answer towards their originals, by bisection.

    Returns:
        The nearest points on the way that still change it, and margins that say so (1).
    """
    space = target.space
    originals = target.originals[owners]
    best = points.copy()
    low, high = np.zeros(len(points)), np.ones(len(points))
    for _ in range(BISECTIONS):
        share = (low + high) / 2
        tried = originals + share[:, None] * (points - originals)
        # Categories have no half-way; they stay as in the far point.
        tried = space.repair(np.where(space.is_level, points, tried), originals)
        changed = target.margins(tried, owners) > 0
        best[changed] = tried[changed]
        high = np.where(changed, share, high)
        low = np.where(changed, low, share)
    return best, np.ones(len(best))


def walk(
    target: Target,
    found: Found,
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> None:
    """Move along the boundary to nearer points, starting from what is found.

    Args:
        target: the model and the rows.
        found: gives the starting points and receives nearer ones.
        queries: questions per row after which the row rests, counted over all searches.
        rng: draws the directions.
        track: reports progress.
    """
    space = target.space
    numbers = np.flatnonzero(space.is_free & ~space.is_level)
    if not len(numbers):
        return
    rows = found.rows
    current = found.points[rows].copy()
    overhead = BISECTIONS + STEP_HALVINGS
    most = int((queries - target.queries[rows]).max(initial=0))
    n_rounds = max(1, min(ROUNDS, most // (overhead + WORTHWHILE_DIRECTIONS)))
    for step in track(range(n_rounds), "Walking along the boundary"):
        left = queries - target.queries[rows]
        share = left // (n_rounds - step) - overhead
        going = share >= FEWEST_DIRECTIONS
        rows, current, share = rows[going], current[going], share[going]
        if not len(rows):
            return
        n_directions = int(share.min())
        sizes = space.distance(current, target.originals[rows])
        slope = _direction(target, current, rows, sizes, n_directions, numbers, step, rng)
        jumped, is_over = _jump(target, current, rows, slope, sizes / np.sqrt(step + 1))
        if is_over.any():
            near, margins = approach(target, jumped[is_over], rows[is_over])
            found.offer(near, rows[is_over], margins, source=SOURCE)
            current[is_over] = near


def _direction(
    target: Target,
    current: NDArray[np.float64],
    rows: NDArray[np.int64],
    sizes: NDArray[np.float64],
    n_directions: int,
    numbers: NDArray[np.int64],
    step: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Estimate where the changed answer lies, in standardised units, length 1 or 0."""
    space = target.space
    n_features = current.shape[1]
    drawn = np.zeros((len(rows), n_directions, n_features))
    drawn[..., numbers] = rng.standard_normal((len(rows), n_directions, len(numbers)))
    drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
    reach = 0.3 * sizes / np.sqrt(step + 1)
    owners = np.repeat(rows, n_directions)
    centre = np.repeat(current, n_directions, axis=0)
    wanted = centre + (drawn * reach[:, None, None]).reshape(-1, n_features) * space.scales
    probes = space.repair(wanted, target.originals[owners])
    # Integers and ranges bend the drawn direction; what was really asked is what counts.
    asked = np.where(space.is_level, 0.0, space.steps(probes, centre))
    answers = np.where(target.margins(probes, owners) > 0, 1.0, -1.0)
    answers = answers.reshape(len(rows), n_directions)
    mean = answers.mean(axis=1, keepdims=True)
    weights = np.where(np.abs(mean) == 1, answers, answers - mean)
    slope = np.einsum("ij,ijk->ik", weights, asked.reshape(len(rows), n_directions, n_features))
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    return np.divide(slope, length, out=np.zeros_like(slope), where=length > 0)


def _jump(
    target: Target,
    current: NDArray[np.float64],
    rows: NDArray[np.int64],
    slope: NDArray[np.float64],
    reach: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Step along `slope`, by half as much as long as the answer is the original one."""
    space = target.space
    jumped = current.copy()
    is_over = np.zeros(len(rows), dtype=bool)
    reach = reach.copy()
    for _ in range(STEP_HALVINGS):
        open_ = np.flatnonzero(~is_over)
        if not len(open_):
            break
        wanted = current[open_] + (reach[open_, None] * slope[open_]) * space.scales
        tried = space.repair(wanted, target.originals[rows[open_]])
        changed = target.margins(tried, rows[open_]) > 0
        jumped[open_[changed]] = tried[changed]
        is_over[open_[changed]] = True
        reach[open_] /= 2
    return jumped, is_over
