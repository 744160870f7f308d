"""Score-based search along the slope of the score, estimated by small changes of each number.

It finds the nearest boundary of smooth models (linear, neural) in a few rounds; on trees the slope
is zero and it finds nothing.

References:
    Moosavi-Dezfooli, Fawzi and Frossard 2016 (DeepFool); Chen et al. 2017 (slopes by differences).
"""

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.boundary import approach
from analyzers.adversarial.found import Found
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Tracker, untracked

PROBE = 0.1
OVERSHOOT = 1.05
LARGEST_STEP = 3.0
ROUNDS = 3
SOURCE = "along the slope of the score"


def search(
    target: Target,
    found: Found,
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> None:
    """Feed `found` with changes of many features that follow the slope.

    Args:
        target: the model and the rows.
        found: receives every flip.
        queries: allowed questions per row for this search.
        rng: chooses features where a row cannot afford to probe all.
        track: reports progress.
    """
    space = target.space
    numbers = np.flatnonzero(space.is_free & ~space.is_level)
    per_round = max(1, queries // ROUNDS - 8)
    if not len(numbers):
        return
    if len(numbers) > per_round:
        numbers = np.sort(rng.choice(numbers, per_round, replace=False))
    current = target.originals.copy()
    active = np.arange(len(current))
    margin = target.margins(current, active)
    for _ in track(range(ROUNDS), "Following the slope of the scores"):
        if not len(active):
            return
        slope = _slope(target, current, active, margin[active], numbers)
        length = np.sqrt((slope**2).sum(axis=1))
        active, slope, length = active[length > 0], slope[length > 0], length[length > 0]
        reach = np.minimum(np.maximum(-margin[active], 0.0) * OVERSHOOT / length, LARGEST_STEP)
        wanted = current[active] + (reach / length)[:, None] * slope * space.scales
        moved = space.repair(wanted, target.originals[active])
        margin[active] = target.margins(moved, active)
        current[active] = moved
        flipped = active[margin[active] > 0]
        if len(flipped):
            near, margins = approach(target, current[flipped], flipped)
            found.offer(near, flipped, margins, source=SOURCE)
        active = active[margin[active] <= 0]


def _slope(
    target: Target,
    current: NDArray[np.float64],
    active: NDArray[np.int64],
    margin: NDArray[np.float64],
    numbers: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Change of the margin per standardised unit of each number, `(n_active, n_features)`."""
    space = target.space
    owners = np.repeat(active, len(numbers))
    fields = np.tile(numbers, len(active))
    probes = current[owners]
    least = np.array([1.0 if space.fields[place].rule == "integer" else 0.0 for place in numbers])
    amounts = np.tile(np.maximum(PROBE * space.scales[numbers], least), len(active))
    rows = np.arange(len(probes))
    probes[rows, fields] += amounts
    probes = space.repair(probes, target.originals[owners])
    # At the upper end of its range a number is probed downwards.
    stuck = probes[rows, fields] == current[owners, fields]
    probes[rows[stuck], fields[stuck]] -= amounts[stuck]
    probes = space.repair(probes, target.originals[owners])
    moved = space.steps(probes, current[owners])[rows, fields]
    change = target.margins(probes, owners) - np.repeat(margin, len(numbers))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = np.where(moved != 0, change / moved, 0.0)
    slope = np.zeros((len(active), len(space.fields)))
    slope[:, numbers] = rate.reshape(len(active), len(numbers))
    return slope
