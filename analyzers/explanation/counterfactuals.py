"""The smallest feasible changes of one row that change the model's answer, several and different.

A beam of partly changed rows grows one column at a time; rows of the data that already get the
other answer are further starts. Whatever changes the answer is then made smaller: whole columns are
put back, numbers are moved back by bisection. What is kept is ordered by the number of changed
columns, then by size, and leaves out every set of columns that contains one kept before. Each is
checked against the model itself at the end.

References: Wachter, Mittelstadt and Russell 2018; Mothilal, Sharma and Tan 2020 (DiCE).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker, untracked
from analyzers.toolkit.feasible import FeasibleSpace

MOST_KEPT = 4
DEEPEST = 5
_BEAM = 12
_COLUMNS_TRIED = 40
_DEEP_COLUMNS = 10
_DEEP_VALUES = 4
_LEVELS_TRIED = 12
_OFFSETS = (0.1, 0.25, 0.5, 1.0)
_QUANTILES = np.linspace(0.05, 0.95, 9)
_DONORS = 10
_DONORS_AT_ONCE = 200
_MOST_DONORS_ASKED = 2000
_SHRUNK = 20
_PUT_BACK = 40
_BISECTIONS = 6

Margins = Callable[[pd.DataFrame], NDArray[np.float64]]


class Counterfactuals(NamedTuple):
    """Changed rows that get another answer, smallest first.

    Attributes:
        rows: `(n_found, n_features)` in the data's own types.
        points: `(n_found, n_features)` the same as vectors of the feasible space.
        steps: `(n_found, n_features)` size of each change: standard deviations of a number, 1 for
            a category, 0 where nothing changed.
        n_questions: how often the model was asked.
    """

    rows: pd.DataFrame
    points: NDArray[np.float64]
    steps: NDArray[np.float64]
    n_questions: int


class _Asker:
    """Vectors in, margins out, counting questions."""

    def __init__(self, margins: Margins, row: pd.DataFrame, space: FeasibleSpace) -> None:
        self.space, self.row, self._margins = space, row, margins
        self.origin = space.encode(row)[0]
        self._lows = np.array([field.low for field in space.fields])
        self._highs = np.array([field.high for field in space.fields])
        self.n_questions = 0

    def repaired(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        fixed = self.space.repair(points, np.broadcast_to(self.origin, points.shape))
        # A row may lie outside a range that was set for it; a change has to lead into the range.
        return np.where(self.changed(fixed), np.clip(fixed, self._lows, self._highs), fixed)

    def changed(self, points: NDArray[np.float64]) -> NDArray[np.bool_]:
        return (points != self.origin) & ~np.isnan(self.origin)

    def steps(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.abs(self.space.steps(points, np.broadcast_to(self.origin, points.shape)))

    def decoded(self, points: NDArray[np.float64]) -> pd.DataFrame:
        return self.space.decode(points, np.zeros(len(points), dtype=np.int64), self.row)

    def ask(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        if not len(points):
            return np.zeros(0)
        self.n_questions += len(points)
        return self._margins(self.decoded(points))


class _Move(NamedTuple):
    place: int
    value: float


def find_counterfactuals(
    margins: Margins,
    row: pd.DataFrame,
    space: FeasibleSpace,
    reference: pd.DataFrame,
    order: NDArray[np.int64],
    *,
    track: Tracker = untracked,
) -> Counterfactuals:
    """Search for small changes that make the margin positive.

    Args:
        margins: returns `(n,)` for n rows; above 0 where the answer is the wanted one.
        row: `(1, n_features)` the row to change; its own margin is not above 0.
        space: what may be changed, and how.
        reference: rows that show frequent values and serve as starts.
        order: `(n_features,)` columns to try first.
        track: progress.
    """
    asker = _Asker(margins, row, space)
    others = space.encode(reference)
    is_open = space.is_free & ~np.isnan(asker.origin)
    places = [int(place) for place in order if is_open[place]][:_COLUMNS_TRIED]
    moves = [
        _Move(place, value) for place in places for value in _values(asker, others[:, place], place)
    ]
    flips = [_from_donors(asker, others)]
    beam, useful = asker.origin[None], moves
    for depth in track(range(DEEPEST), "Looking for small changes of the shown row"):
        points = _grown(asker, beam, useful)
        if not len(points):
            break
        found = asker.ask(points)
        flips.append(points[found > 0])
        if depth == 0:
            useful = _most_useful(points, found, moves, asker)
        beam = points[found <= 0][np.argsort(-found[found <= 0], kind="stable")][:_BEAM]
        if depth > 0 and len(_distinct(asker, np.concatenate(flips[1:]))) >= _SHRUNK:
            break
    points = _distinct(asker, np.concatenate(flips))[:_SHRUNK]
    points = _shrunk(asker, points)
    points = points[asker.ask(points) > 0]
    kept = _different(asker, _distinct(asker, points))
    return Counterfactuals(asker.decoded(kept), kept, asker.steps(kept), asker.n_questions)


def _values(asker: _Asker, column: NDArray[np.float64], place: int) -> NDArray[np.float64]:
    known = column[~np.isnan(column)]
    own = asker.origin[place]
    if asker.space.is_level[place]:
        levels, counts = np.unique(known, return_counts=True)
        tried = levels[np.argsort(-counts, kind="stable")][:_LEVELS_TRIED]
    else:
        near = asker.space.scales[place] * np.array([*(-np.array(_OFFSETS)), *_OFFSETS])
        tried = np.concatenate([own + near, np.quantile(known, _QUANTILES)]) if len(known) else near
    points = np.tile(asker.origin, (len(tried), 1))
    points[:, place] = tried
    allowed = np.unique(asker.repaired(points)[:, place])
    return allowed[allowed != own]


def _grown(asker: _Asker, beam: NDArray[np.float64], moves: list[_Move]) -> NDArray[np.float64]:
    """Make every move from every point, on columns the point has not changed yet."""
    if not moves or not len(beam):
        return np.zeros((0, len(asker.origin)))
    places = np.array([move.place for move in moves])
    values = np.array([move.value for move in moves])
    start, move = (part.ravel() for part in np.indices((len(beam), len(moves))))
    fresh = ~asker.changed(beam)[start, places[move]]
    start, move = start[fresh], move[fresh]
    points = beam[start].copy()
    points[np.arange(len(points)), places[move]] = values[move]
    return np.unique(points, axis=0)


def _most_useful(
    points: NDArray[np.float64], found: NDArray[np.float64], moves: list[_Move], asker: _Asker
) -> list[_Move]:
    """Keep the columns whose single change helps most, and their most helpful values."""
    margin = {
        (int(np.flatnonzero(changed)[0]), float(point[changed][0])): float(value)
        for point, changed, value in zip(points, asker.changed(points), found, strict=True)
    }
    by_place: dict[int, list[_Move]] = {}

    def promise(move: _Move) -> tuple[float, float]:
        # Where the model does not move at all, the larger change is the more likely to help.
        step = abs(move.value - asker.origin[move.place]) / asker.space.scales[move.place]
        return -margin.get((move.place, move.value), -np.inf), -step

    for move in sorted(moves, key=promise):
        by_place.setdefault(move.place, []).append(move)
    return [
        move for place in list(by_place)[:_DEEP_COLUMNS] for move in by_place[place][:_DEEP_VALUES]
    ]


def _from_donors(asker: _Asker, others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nearest rows of the data, as far as they may be taken over, that get the wanted answer."""
    points = np.unique(asker.repaired(np.where(np.isnan(others), asker.origin, others)), axis=0)
    distance = np.sqrt((asker.steps(points) ** 2).sum(axis=1))
    points = points[np.argsort(distance, kind="stable")]
    flipped = points[:0]
    for start in range(0, min(len(points), _MOST_DONORS_ASKED), _DONORS_AT_ONCE):
        nearest = points[start : start + _DONORS_AT_ONCE]
        flipped = np.concatenate([flipped, nearest[asker.ask(nearest) > 0]])
        if len(flipped) >= _DONORS:
            break
    return flipped[:_DONORS]


def _distinct(asker: _Asker, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Order by changed columns, then size; of each set of columns keep the smallest change."""
    steps = asker.steps(points)
    size = np.sqrt((steps**2).sum(axis=1))
    order = np.lexsort((size, (steps > 0).sum(axis=1)))
    seen: dict[bytes, int] = {}
    for place in order:
        seen.setdefault((steps[place] > 0).tobytes(), int(place))
    return points[list(seen.values())]


def _shrunk(asker: _Asker, points: NDArray[np.float64]) -> NDArray[np.float64]:
    points = points.copy()
    steps = asker.steps(points)
    order = np.argsort(np.where(steps == 0, np.inf, steps), axis=1, kind="stable")
    for rank in range(min(_PUT_BACK, int((steps > 0).sum(axis=1).max(initial=0)))):
        places = order[:, rank]
        tried = points.copy()
        tried[np.arange(len(points)), places] = asker.origin[places]
        better = asker.ask(tried) > 0
        points[better] = tried[better]
    few = asker.changed(points).sum(axis=1) <= DEEPEST
    points = points[few]
    order = np.argsort(-asker.steps(points), axis=1, kind="stable")
    for rank in range(min(DEEPEST, points.shape[1])):
        places = order[:, rank]
        lines = np.flatnonzero(
            asker.changed(points)[np.arange(len(points)), places] & ~asker.space.is_level[places]
        )
        places, far = places[lines], points[lines, places[lines]].copy()
        start, low, high = asker.origin[places], np.zeros(len(lines)), np.ones(len(lines))
        for _ in range(_BISECTIONS if len(lines) else 0):
            share = (low + high) / 2
            tried = points[lines].copy()
            tried[np.arange(len(lines)), places] = start + share * (far - start)
            tried = asker.repaired(tried)
            better = asker.ask(tried) > 0
            points[lines[better]] = tried[better]
            high, low = np.where(better, share, high), np.where(better, low, share)
    return points


def _different(asker: _Asker, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out what changes all the columns of one kept before, and more."""
    kept: list[int] = []
    changed = asker.changed(points)
    for place in range(len(points)):
        if not any((changed[other] <= changed[place]).all() for other in kept):
            kept.append(place)
    return points[kept[:MOST_KEPT]]
