"""CAPGD: gradient steps of their own length on tables, with every rule kept at every step.

Steps start at the size of what is allowed and are halved where they no longer help, going back to
the best point so far, with momentum and random restarts. Every point is repaired before it is
looked at, so that what is climbed is the margin of rows an attacker could really hand in.
Categories have no slope: at each step those switches are made that pay, to first order, for what
they take from the room left to the numbers.

References:
    Simonetto, Ghamizi and Cordy 2024 (CAPGD, and CAA: what stays is attacked by a search);
    Croce and Hein 2020 (steps of their own length).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.noise import random_changes
from analyzers.adversarial.table_slopes import Climb, TableSlopes
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Tracker, untracked

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
SOURCE = "gradient steps within the rules (CAPGD)"
MOMENTUM = 0.75
FEWEST_RISES = 0.75
_CHECKS = 5
_PULLS = (1.0, 0.9, 0.7, 0.4)


def search(
    slopes: TableSlopes,
    target: Target,
    found: Found,
    *,
    sizes: Sequence[float],
    steps: int,
    restarts: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> None:
    """Feed `found` with changes of each size, the smallest sizes first.

    Args:
        slopes: the model's inside.
        target: the model and the rows.
        found: receives every flip the model itself confirms.
        sizes: allowed sizes, ascending; rows that fall to one are left alone at the next.
        steps: gradient steps from each start.
        restarts: starts; the first is the row itself.
        rng: draws the others.
        track: reports progress.
    """
    for size, draw in zip(
        track(sizes, "Following gradients within the rules"), rng.spawn(len(sizes)), strict=True
    ):
        for number, start in enumerate(draw.spawn(max(1, restarts))):
            rows = np.flatnonzero(found.distances > size * (1 + 1e-9))
            if not len(rows):
                break
            originals = target.originals[rows]
            begun = (
                originals.copy()
                if number == 0
                else random_changes(target.space, originals, float(size), start)
            )
            _climb(slopes, target, found, rows, begun, float(size), steps)


class _Path(NamedTuple):
    """Where each row stands.

    Attributes:
        rows: `(n,)` of the target.
        point: `(n, n_features)` wanted raw values, not rounded.
        before: the same one step earlier.
        stride: `(n,)` length of the next step.
        best: `(n, n_features)` the best point so far.
        best_value: `(n,)` its margin.
        last_value: `(n,)` the margin one step earlier.
        checked_value: `(n,)` the best margin at the last check.
        rises: `(n,)` steps since the last check that raised the margin.
        was_halved: `(n,)` whether the last check halved the step.
    """

    rows: Integers
    point: Floats
    before: Floats
    stride: Floats
    best: Floats
    best_value: Floats
    last_value: Floats
    checked_value: Floats
    rises: Floats
    was_halved: NDArray[np.bool_]

    def take(self, kept: NDArray[np.bool_]) -> "_Path":
        return _Path(
            rows=self.rows[kept],
            point=self.point[kept],
            before=self.before[kept],
            stride=self.stride[kept],
            best=self.best[kept],
            best_value=self.best_value[kept],
            last_value=self.last_value[kept],
            checked_value=self.checked_value[kept],
            rises=self.rises[kept],
            was_halved=self.was_halved[kept],
        )


def _climb(
    slopes: TableSlopes,
    target: Target,
    found: Found,
    rows: Integers,
    begun: Floats,
    size: float,
    steps: int,
) -> None:
    n = len(rows)
    low = np.full(n, -np.inf)
    path = _Path(
        rows, begun, begun.copy(), np.full(n, size), begun.copy(), low, low, low, np.zeros(n),
        np.ones(n, dtype=bool),
    )  # fmt: skip
    interval = max(1, steps // _CHECKS)
    for step in range(steps + 1):
        points = within(target, path.point, path.rows, size)
        climb = slopes.at(points, path.rows)
        stays = ~_offer(target, found, points, path.rows, climb.margins)
        if step == steps or not stays.any():
            return
        path = path.take(stays)
        points = points[stays]
        climb = Climb(
            climb.margins[stays],
            climb.slopes[stays],
            {place: gain[stays] for place, gain in climb.gains.items()},
        )
        value = climb.margins
        better = value > path.best_value
        path = path._replace(
            best=np.where(better[:, None], path.point, path.best),
            best_value=np.maximum(path.best_value, value),
            rises=path.rises + (value > path.last_value),
            last_value=value,
        )
        if step and step % interval == 0:
            path = _checked(path, interval)
        path = _moved(target, path, climb, size, is_first=step == 0)


def _offer(
    target: Target, found: Found, points: Floats, rows: Integers, margins: Floats
) -> NDArray[np.bool_]:
    """Put to the model itself what its inside says is a flip; return which rows are done."""
    hits = np.flatnonzero(margins > 0)
    done = np.zeros(len(rows), dtype=bool)
    if len(hits):
        told = target.margins(points[hits], rows[hits])
        found.offer(points[hits], rows[hits], told, source=SOURCE)
        done[hits[told > 0]] = True
    return done


def _checked(path: _Path, interval: int) -> _Path:
    """Halve steps that no longer help, and go back to the best point."""
    stuck = path.rises < FEWEST_RISES * interval
    stuck |= ~path.was_halved & (path.best_value <= path.checked_value)
    return path._replace(
        stride=np.where(stuck, path.stride / 2, path.stride),
        point=np.where(stuck[:, None], path.best, path.point),
        before=np.where(stuck[:, None], path.best, path.before),
        checked_value=path.best_value,
        rises=np.zeros_like(path.rises),
        was_halved=stuck,
    )


def _moved(target: Target, path: _Path, climb: Climb, size: float, *, is_first: bool) -> _Path:
    space = target.space
    originals = target.originals[path.rows]
    length = np.linalg.norm(climb.slopes, axis=1)
    levels, n_switched = _switched(climb, originals, length, size)
    room = np.sqrt(np.maximum(size**2 - n_switched, 0.0))
    uphill = np.divide(
        climb.slopes, length[:, None], out=np.zeros_like(climb.slopes), where=length[:, None] > 0
    )
    here, before = (_in_units(target, point, originals) for point in (path.point, path.before))
    stepped = _in_ball(here + path.stride[:, None] * uphill, room)
    share = 1.0 if is_first else MOMENTUM
    moved = _in_ball(here + share * (stepped - here) + (1 - share) * (here - before), room)
    point = originals + moved * space.scales
    for place, codes in levels.items():
        point[:, place] = codes
    return path._replace(before=path.point, point=point)


def _switched(
    climb: Climb, originals: Floats, length: Floats, size: float
) -> tuple[dict[int, Floats], Integers]:
    """Choose the switches of categories that are worth more than the room they take.

    With k of them the numbers can still gain their slope's length times the root of size² - k.
    """
    n, most = len(originals), int(size**2 + 1e-9)
    places = list(climb.gains)
    levels = {place: originals[:, place].copy() for place in places}
    if not most or not places:
        return levels, np.zeros(n, dtype=np.int64)
    best = np.stack([climb.gains[place].max(axis=1) for place in places], axis=1)
    order = np.argsort(-best, axis=1, kind="stable")[:, :most]
    ranked = np.maximum(np.take_along_axis(best, order, axis=1), -1e300)
    counts = np.arange(order.shape[1] + 1)
    worth = np.c_[np.zeros(n), np.cumsum(ranked, axis=1)]
    worth = worth + length[:, None] * np.sqrt(np.maximum(size**2 - counts, 0.0))
    n_switched = worth.argmax(axis=1)
    rank = np.full(best.shape, most)
    np.put_along_axis(rank, order, np.broadcast_to(counts[:-1], order.shape), axis=1)
    for at, place in enumerate(places):
        chosen = rank[:, at] < n_switched
        levels[place] = np.where(
            chosen, climb.gains[place].argmax(axis=1), levels[place]
        )  # fmt: skip
    return levels, n_switched


def within(target: Target, wanted: Floats, rows: Integers, size: float) -> Floats:
    """Return the feasible points nearest to what is wanted that are no larger than `size`.

    Rounding to whole units can overshoot; such points take less of their numbers' change, and the
    row itself where nothing else fits.

    Args:
        target: the rules and the rows.
        wanted: `(n_points, n_features)` raw values.
        rows: `(n_points,)` the row each belongs to.
        size: largest size.
    """
    space = target.space
    originals = target.originals[rows]
    points = originals.copy()
    open_ = np.ones(len(points), dtype=bool)
    for pull in _PULLS:
        inward = np.where(space.is_level, wanted, originals + pull * (wanted - originals))
        tried = space.repair(inward, originals)
        fits = open_ & (space.distance(tried, originals) <= size * (1 + 1e-9))
        fits &= space.is_feasible(tried, originals)
        points[fits] = tried[fits]
        open_ &= ~fits
        if not open_.any():
            break
    return points


def _in_units(target: Target, points: Floats, originals: Floats) -> Floats:
    space = target.space
    change = np.nan_to_num((points - originals) / space.scales)
    return np.where(space.is_free & ~space.is_level, change, 0.0)


def _in_ball(moves: Floats, room: Floats) -> Floats:
    length = np.linalg.norm(moves, axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        pull = np.where(length > room, room / length, 1.0)
    return moves * pull[:, None]
