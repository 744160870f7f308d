"""Columns cut into cells: ranges of raw values, or single ones, that no tree can tell apart."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.adversarial.proof.opened import OpenTrees
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.toolkit.feasible import FeasibleSpace, Field

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
MOST_SINGLE_VALUES = 256
_MOST_PROBES = 1000
# LightGBM takes numbers this close to zero for zero.
_ZERO = np.array([-1e-35, 1e-35])


class Cells(NamedTuple):
    """One column's cells.

    Attributes:
        place: of the column among the features.
        first: `(n_cells,)` smallest raw value of each; a category's code.
        last: `(n_cells,)` largest raw value of each.
        in_order: every question of a tree cuts the cells, in this order, into a front and a back.
    """

    place: int
    first: Floats
    last: Floats
    in_order: bool


def cells_of(opened: OpenTrees, space: FeasibleSpace, frame: pd.DataFrame) -> list[Cells]:
    """Cut every column that may change.

    Numbers are cut where the model's own encoding takes them across a threshold, found by
    bisection down to neighbouring numbers, so that scaling and rounding need not be inverted.

    Args:
        opened: the trees.
        space: which columns may change, and their ranges.
        frame: the rows under attack.

    Raises:
        DoesNotFit: a number is encoded in a way that has too many single values to look at.
    """
    originals = space.encode(frame)
    made: dict[int, Cells] = {}
    numbers = []
    free = [int(place) for place in np.flatnonzero(space.is_free)]
    for place in free:
        field = space.fields[place]
        if field.levels:
            codes = np.arange(len(field.levels), dtype=np.float64)
            made[place] = Cells(place, codes, codes, in_order=False)
        else:
            numbers.append(place)
    probe = _Probe(opened, space, frame, originals)
    keys = {place: probe.range_of(place) for place in numbers}
    ordered = [place for place in numbers if probe.is_increasing(place, keys[place])]
    for place in set(numbers) - set(ordered):
        made[place] = _single_values(place, space.fields[place], originals[:, place])
    for place, breaks in probe.breaks(ordered, keys).items():
        low, high = (probe.values(np.array([key]), place)[0] for key in keys[place])
        first = np.r_[low, probe.values(breaks, place)]
        last = np.r_[probe.values(breaks - 1, place), high]
        made[place] = Cells(place, first, last, in_order=True)
    return [made[place] for place in free]


class _Probe:
    """Writes values into a row and looks at them with the trees' eyes."""

    def __init__(
        self, opened: OpenTrees, space: FeasibleSpace, frame: pd.DataFrame, originals: Floats
    ) -> None:
        self._opened = opened
        self._space = space
        self._frame = frame
        self._originals = originals
        self._owned = {
            int(place): np.flatnonzero(opened.owners == place)
            for place in np.flatnonzero(space.is_free)
        }
        self._is_whole = [
            pd.api.types.is_integer_dtype(frame[field.name].dtype) for field in space.fields
        ]

    def values(self, keys: Integers, place: int) -> Floats:
        """Numbers in ascending order have ascending keys, and neighbours neighbouring ones."""
        if self._is_whole[place]:
            return keys.astype(np.float64)
        bits = np.where(keys < 0, keys ^ np.int64(0x7FFFFFFFFFFFFFFF), keys)
        return bits.view(np.float64)

    def keys(self, values: Floats, place: int) -> Integers:
        if self._is_whole[place]:
            return values.astype(np.int64)
        bits = np.ascontiguousarray(values + 0.0).view(np.int64)
        return np.where(bits < 0, bits ^ np.int64(0x7FFFFFFFFFFFFFFF), bits)

    def range_of(self, place: int) -> Integers:
        field = self._space.fields[place]
        known = self._originals[:, place]
        ends = np.r_[field.low, field.high, known[np.isfinite(known)]]
        return self.keys(np.array([ends.min(), ends.max()]), place)

    def columns(self, wanted: dict[int, Floats]) -> Floats:
        """Encode rows that hold the wanted values, `(most values of a column, n_encoded)`."""
        n_rows = max(len(values) for values in wanted.values())
        owners = np.zeros(n_rows, dtype=np.int64)
        points = np.repeat(self._originals[:1], n_rows, axis=0)
        for place, values in wanted.items():
            points[:, place] = np.r_[values, np.repeat(values[-1:], n_rows - len(values))]
        return self._opened.columns(self._space.decode(points, owners, self._frame))

    def is_increasing(self, place: int, ends: Integers) -> bool:
        """Whether everything made of a number grows with it, as far as many values show."""
        low, high = self.values(ends, place)
        known = self._originals[:, place]
        values = np.r_[np.linspace(low, high, _MOST_PROBES // 2), known[np.isfinite(known)]]
        if self._is_whole[place]:
            values = np.round(values)
        values = np.unique(values)
        if len(values) > 2 * _MOST_PROBES:
            values = values[np.linspace(0, len(values) - 1, 2 * _MOST_PROBES).astype(np.int64)]
        made = self.columns({place: values})[:, self._owned[place]]
        asked = self._asked()
        for at, column in zip(self._owned[place], made.T, strict=True):
            if int(at) not in asked:
                continue
            is_flag = len(np.unique(column)) <= 2 and len(values) > 2
            # A flag may stand for one single value, which no sample of values is sure to meet.
            if is_flag or np.isnan(column).any() or (np.diff(column) < 0).any():
                return False
        return True

    def breaks(self, places: list[int], ends: dict[int, Integers]) -> dict[int, Integers]:
        """Return for each column the keys at which some tree's answer may turn, ascending."""
        tests = {place: self._tests(place) for place in places}
        open_ = {place: parts for place, parts in tests.items() if len(parts[0])}
        found = {place: np.zeros(0, dtype=np.int64) for place in places}
        if not open_:
            return found
        low = {place: np.full(len(tests[place][0]), ends[place][0]) for place in open_}
        high = {place: np.full(len(tests[place][0]), ends[place][1]) for place in open_}
        is_over = self._is_over(open_, high)
        is_over_below = self._is_over(open_, low)
        crosses = {place: is_over[place] & ~is_over_below[place] for place in open_}
        while any((high[place] - 1 > low[place])[crosses[place]].any() for place in open_):
            # Halves are added, as the sum of two keys may be too large for an integer.
            middle = {
                place: (low[place] >> 1) + (high[place] >> 1) + (low[place] & high[place] & 1)
                for place in open_
            }
            is_over = self._is_over(open_, middle)
            for place in open_:
                low[place] = np.where(is_over[place], low[place], middle[place])
                high[place] = np.where(is_over[place], middle[place], high[place])
        for place in open_:
            found[place] = np.unique(high[place][crosses[place]])
        return found

    def _is_over(
        self,
        tests: dict[int, tuple[Integers, Floats, NDArray[np.bool_]]],
        keys: dict[int, Integers],
    ) -> dict[int, NDArray[np.bool_]]:
        made = self.columns({place: self.values(keys[place], place) for place in tests})
        over = {}
        for place, (columns, thresholds, is_strict) in tests.items():
            seen = made[np.arange(len(columns)), columns]
            over[place] = np.where(is_strict, seen > thresholds, seen >= thresholds)
        return over

    def _asked(self) -> set[int]:
        return {
            int(column) for tree in self._opened.trees for column in tree.feature[tree.left >= 0]
        }

    def _tests(self, place: int) -> tuple[Integers, Floats, NDArray[np.bool_]]:
        """All thresholds on what is made of a number, each as "above" and as "at or above"."""
        columns, thresholds = [], []
        for at in self._owned[place]:
            asked = [
                tree.threshold[(tree.left >= 0) & (tree.feature == at)]
                for tree in self._opened.trees
            ]
            known = np.unique(np.concatenate(asked))
            known = known[np.isfinite(known)]
            if len(known):
                known = np.r_[known, _ZERO]
            columns.append(np.full(len(known), at))
            thresholds.append(known)
        column = np.concatenate([np.zeros(0, dtype=np.int64), *columns])
        threshold = np.concatenate([np.zeros(0), *thresholds])
        return (
            np.r_[column, column], np.r_[threshold, threshold],
            np.arange(2 * len(column)) < len(column),
        )  # fmt: skip


def _single_values(place: int, field: Field, starts: Floats) -> Cells:
    digits = 0 if field.rule == "integer" else field.decimals
    known = np.unique(starts[np.isfinite(starts)])
    low, high = min(field.low, *known, field.high), max(field.high, *known, field.low)
    count = np.inf if digits is None else (high - low) * 10.0**digits + 2
    if digits is None or count + len(known) > MOST_SINGLE_VALUES:
        raise DoesNotFit(
            f"what it makes of the column {field.name!r} does not grow with it, and the column has "
            f"more than {MOST_SINGLE_VALUES} values"
        )
    grid = np.round(
        np.ceil(low * 10.0**digits) / 10.0**digits + np.arange(round(count)) / 10.0**digits, digits
    )
    grid = grid[grid <= high]
    values = np.unique(np.r_[grid, known])
    return Cells(place, values, values, in_order=False)


def nearest_in_cells(cells: Cells, field: Field, start: float) -> Floats:
    """Return the allowed value of each cell that is nearest to where a row starts.

    Args:
        cells: of a number.
        field: its rules.
        start: the row's own value.

    Returns:
        `(n_cells,)`; NaN where the cell holds no allowed value.
    """
    first, last = cells.first, cells.last
    if field.levels:
        return first
    digits = 0 if field.rule == "integer" else field.decimals
    # A row outside the range may stay there and come nearer to it.
    low, high = min(field.low, start), max(field.high, start)
    up = _on_grid(np.maximum(first, low), digits, upwards=True)
    down = _on_grid(np.minimum(last, high), digits, upwards=False)
    up = np.where((up <= np.minimum(last, high)) & (field.may != "fall"), up, np.nan)
    down = np.where((down >= np.maximum(first, low)) & (field.may != "rise"), down, np.nan)
    away = np.where(first > start, up, down)
    return np.where((first <= start) & (start <= last), start, away)


def holds_one_value(cells: Cells, field: Field, start: float) -> NDArray[np.bool_]:
    """Say for each cell whether at most one value of it is allowed, `(n_cells,)`."""
    if field.levels:
        return np.ones(len(cells.first), dtype=bool)
    digits = 0 if field.rule == "integer" else field.decimals
    up = _on_grid(cells.first, digits, upwards=True)
    down = _on_grid(cells.last, digits, upwards=False)
    # A row may start between the values that others may take.
    is_home = (cells.first <= start) & (start <= cells.last)
    return np.where(is_home, (up == start) & (down == start), up >= down)


def _on_grid(values: Floats, digits: int | None, *, upwards: bool) -> Floats:
    if digits is None:
        return values
    near = np.round(values, digits)
    step = 10.0**-digits
    if upwards:
        return np.where(near < values, np.round(near + step, digits), near)
    return np.where(near > values, np.round(near - step, digits), near)
