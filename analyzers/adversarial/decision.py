"""Labels-only attack on pictures, all pictures in step (HopSkipJump).

Each picture starts from one that gets another answer, walks back to the boundary by bisection,
estimates the boundary's direction from the answers to random steps, jumps along it, and walks back.

References:
    Chen, Jordan and Wainwright 2020 (HopSkipJumpAttack), algorithms 1 and 2, both norms.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.gradient import Broken, kept
from analyzers.adversarial.moves import values_of
from analyzers.adversarial.params import Norm
from analyzers.adversarial.pixels import Images, per_picture
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked

FIRST_PROBES = 100
FIRST_PROBE_REACH = 0.1
MOST_HALVINGS = 12
START_TRIES = 20
MOST_ROUNDS = 64
# Small enough for a network's layers to stay in a processor's cache.
VALUES_A_CALL = 1 << 17


class Walked(NamedTuple):
    """What the walk reached.

    Attributes:
        broken: the nearest pictures found that reach the goal.
        queries: `(n_rows,)` questions asked about each.
    """

    broken: Broken
    queries: NDArray[np.int64]


def walk_boundary(
    model: Model,
    originals: Images,
    aim: Aim,
    norm: Norm,
    *,
    pool: Images,
    pool_answers: NDArray[np.int64],
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> Walked:
    """Search the nearest picture that reaches the goal, asking for answers only.

    Args:
        model: anything that answers.
        originals: `(n_rows, height, width, channels)` in [0, 1].
        aim: the goal for every row.
        norm: what "nearest" means.
        pool: `(n_pool, height, width, channels)` pictures to start from.
        pool_answers: `(n_pool,)` what the model says of them.
        queries: questions per picture; a round that would go beyond is left out.
        rng: draws the steps.
        track: reports progress.
    """
    oracle = _Oracle(model, originals, aim, norm)
    start_rng, walk_rng = rng.spawn(2)
    current = _starts(oracle, pool, pool_answers, start_rng)
    rows = np.flatnonzero(oracle.is_started)
    current = _walk_back(oracle, rows, current[rows])
    best, best_size = current.copy(), oracle.sizes(current, rows)
    found = originals.copy()
    rounds = walk_rng.spawn(MOST_ROUNDS)
    for step in track(range(MOST_ROUNDS), "Walking along the boundary with answers only"):
        n_probes = int(FIRST_PROBES * np.sqrt(step + 1))
        spare = queries - oracle.queries[rows] - oracle.bisections - MOST_HALVINGS
        # Every picture has asked about as much; those that would run out rest.
        going = spare >= min(n_probes, FIRST_PROBES // 4)
        found[rows[~going]] = best[~going]
        rows, current = rows[going], current[going]
        best, best_size = best[going], best_size[going]
        if not len(rows):
            break
        n_probes = min(n_probes, int(spare[going].min()))
        slope = _direction(oracle, rows, current, step, n_probes, rounds[step])
        jumped = _jump(oracle, rows, current, slope, step)
        current = _walk_back(oracle, rows, jumped)
        sizes = oracle.sizes(current, rows)
        nearer = sizes < best_size
        best[nearer], best_size[nearer] = current[nearer], sizes[nearer]
    found[rows] = best
    return Walked(kept(originals, found, oracle.is_started), oracle.queries)


class _Oracle:
    """Answers whether pictures reach the goal, and counts how often it was asked of each row."""

    def __init__(self, model: Model, originals: Images, aim: Aim, norm: Norm) -> None:
        self.model, self.originals, self.aim, self.norm = model, originals, aim, norm
        self.values = values_of(originals)
        self.queries = np.zeros(len(originals), dtype=np.int64)
        self.is_started = np.zeros(len(originals), dtype=bool)
        # The papers' precision of the walk back, in shares of the way; no finer than float32 can.
        finest = self.values**-1.5 if norm == "L2" else float(self.values) ** -2
        self.share = max(finest, 2.0**-14)
        self.bisections = int(np.ceil(-np.log2(self.share)))

    def is_reached(self, pictures: Images, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        np.add.at(self.queries, rows, 1)
        if not len(rows):
            return np.zeros(0, dtype=bool)
        return self.aim.take(rows).is_reached(self.model.predict(pictures))

    def sizes(self, pictures: Images, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        change = (pictures.astype(np.float64) - self.originals[rows]).reshape(len(rows), -1)
        if self.norm == "L-inf":
            return np.asarray(np.abs(change).max(axis=1, initial=0))
        return np.asarray(np.linalg.norm(change, axis=1))


def _starts(
    oracle: _Oracle, pool: Images, pool_answers: NDArray[np.int64], rng: np.random.Generator
) -> Images:
    """The nearest picture of the data that reaches the goal, or noise that does."""
    originals, aim = oracle.originals, oracle.aim
    current = originals.copy()
    flat = pool.reshape(len(pool), -1)
    for row, original in enumerate(originals):
        goal = None if aim.wanted is None else aim.wanted[row]
        fits = pool_answers != aim.codes[row] if goal is None else pool_answers == goal
        others = np.flatnonzero(fits)
        if len(others):
            far = ((flat[others] - original.ravel()) ** 2).sum(axis=1)
            current[row] = pool[others[far.argmin()]]
            oracle.is_started[row] = True
    for draw in rng.spawn(START_TRIES):
        rows = np.flatnonzero(~oracle.is_started)
        if not len(rows):
            break
        tried = draw.random((len(rows), *originals.shape[1:]), dtype=np.float32)
        reached = oracle.is_reached(tried, rows)
        current[rows[reached]], oracle.is_started[rows[reached]] = tried[reached], True
    return current


def _walk_back(oracle: _Oracle, rows: NDArray[np.int64], points: Images) -> Images:
    """Move towards the original until just before the answer changes back."""
    home = oracle.originals[rows]
    reach = oracle.sizes(points, rows)
    low, high = np.zeros(len(rows)), np.ones(len(rows))
    best = points.copy()
    for _ in range(oracle.bisections):
        middle = (low + high) / 2
        tried = _between(home, points, middle, reach, oracle.norm)
        reached = oracle.is_reached(tried, rows)
        best[reached] = tried[reached]
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    return best


def _between(
    home: Images,
    points: Images,
    share: NDArray[np.float64],
    reach: NDArray[np.float64],
    norm: Norm,
) -> Images:
    if norm == "L2":
        way = per_picture(share.astype(np.float32))
        return np.asarray(home + way * (points - home), dtype=np.float32)
    limit = per_picture((share * reach).astype(np.float32))
    return np.clip(points, home - limit, home + limit)


def _direction(
    oracle: _Oracle,
    rows: NDArray[np.int64],
    current: Images,
    step: int,
    n_probes: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Estimate where the changed answer lies, from answers at random steps; length 1 or signs."""
    sizes = oracle.sizes(current, rows)
    reach = np.full(len(rows), FIRST_PROBE_REACH)
    if step > 0:
        root = np.sqrt(oracle.values)
        reach = (root if oracle.norm == "L2" else oracle.values) * oracle.share * sizes
        reach = np.maximum(reach, 1e-4 * root)
    slope = np.zeros((len(rows), oracle.values))
    at_a_time = max(1, VALUES_A_CALL // (oracle.values * n_probes))
    shape = oracle.originals.shape[1:]
    # One stream a picture: what is drawn does not depend on how many fit a call.
    for first in range(0, len(rows), at_a_time):
        part = np.arange(first, min(len(rows), first + at_a_time))
        shape_drawn = (len(part), n_probes, oracle.values)
        if oracle.norm == "L-inf":
            drawn = rng.uniform(-1, 1, shape_drawn).astype(np.float32)
        else:
            drawn = rng.standard_normal(shape_drawn, dtype=np.float32)
        drawn /= np.linalg.norm(drawn, axis=2, keepdims=True)
        centre = current[part].reshape(len(part), 1, -1)
        probes = np.clip(centre + reach[part, None, None].astype(np.float32) * drawn, 0, 1)
        # Black and white bend the drawn step; what was really asked is what counts.
        asked = (probes - centre) / reach[part, None, None]
        owners = np.repeat(rows[part], n_probes)
        reached = oracle.is_reached(probes.reshape(-1, *shape), owners)
        answers = np.where(reached, 1.0, -1.0).reshape(len(part), n_probes)
        mean = answers.mean(axis=1, keepdims=True)
        weights = np.where(np.abs(mean) == 1, answers, answers - mean)
        slope[part] = np.einsum("ij,ijk->ik", weights, asked)
    if oracle.norm == "L-inf":
        return np.sign(slope)
    length = np.linalg.norm(slope, axis=1, keepdims=True)
    return np.divide(slope, length, out=np.zeros_like(slope), where=length > 0)


def _jump(
    oracle: _Oracle,
    rows: NDArray[np.int64],
    current: Images,
    slope: NDArray[np.float64],
    step: int,
) -> Images:
    """Step along `slope`, by half as much as long as the answer is the original one."""
    reach = oracle.sizes(current, rows) / np.sqrt(step + 1)
    jumped = current.copy()
    open_ = np.arange(len(rows))
    way = slope.reshape(current.shape).astype(np.float32)
    for _ in range(MOST_HALVINGS):
        if not len(open_):
            break
        far = per_picture(reach[open_].astype(np.float32)) * way[open_]
        tried = np.clip(current[open_] + far, 0, 1)
        reached = oracle.is_reached(tried, rows[open_])
        jumped[open_[reached]] = tried[reached]
        reach[open_] /= 2
        open_ = open_[~reached]
    return jumped
