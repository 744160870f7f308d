"""Relations between numbers, and rows brought back to them.

An attacker who states a smallest value above the largest, a total that is not the sum of its parts,
or two exclusive answers at once is caught by the form. Relations come from the reader
(`toolkit.relation_text`) or are guessed from the data (`toolkit.relation_guess`).
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

_CLOSE = 1e-9

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Kind = Literal["equal", "at most", "one of"]


class Relation(NamedTuple):
    """The number at one place against those at others.

    Attributes:
        place: of the column on the left.
        others: of the columns on the right.
        kind: the left equals the weighted sum of the right, or is at most that; or exactly one of
            all the columns is 1 and the others are 0.
        weights: of the columns on the right; empty where all are 1.
        slack: how far the two sides may differ, because the data are rounded.
        is_guessed: whether the data show it; otherwise the reader said so.
    """

    place: int
    others: tuple[int, ...]
    kind: Kind
    weights: tuple[float, ...] = ()
    slack: float = 0.0
    is_guessed: bool = False

    @property
    def places(self) -> tuple[int, ...]:
        """All columns that take part."""
        return (self.place, *self.others)

    def right(self, values: Floats) -> Floats:
        """The weighted sum on the right, `(n_rows,)`."""
        sides = values[:, list(self.others)]
        return sides.sum(axis=1) if not self.weights else sides @ np.array(self.weights)

    def holds(self, values: Floats) -> Flags:
        """Whether it holds for each row `(n_rows,)`; a missing number breaks nothing."""
        if self.kind == "one of":
            group = values[:, list(self.places)]
            is_one = ((group == 0) | (group == 1)).all(axis=1) & (group.sum(axis=1) == 1)
            return np.asarray(is_one | np.isnan(group).any(axis=1))
        left = values[:, self.place]
        gap = left - self.right(values)
        near = self.slack + _CLOSE * np.maximum(1, np.abs(left))
        if self.kind == "at most":
            # Two columns as they stand compare exactly; products and sums carry rounding.
            limit = near if self.weights or len(self.others) > 1 else 0.0
            return np.asarray(np.isnan(gap) | (gap <= limit))
        return np.asarray(np.isnan(gap) | (np.abs(gap) <= near))

    def words(self, names: Sequence[str]) -> str:
        """Write it with the columns' names."""
        if self.kind == "one of":
            return f"exactly one of {', '.join(names[place] for place in self.places)} is 1"
        sign = "=" if self.kind == "equal" else "<="
        said = f"{names[self.place]} {sign} "
        for at, other in enumerate(self.others):
            weight = self.weights[at] if self.weights else 1.0
            joint = (" - " if weight < 0 else " + ") if at else ("-" if weight < 0 else "")
            factor = "" if abs(weight) == 1 else f"{abs(weight):.6g} * "
            said += f"{joint}{factor}{names[other]}"
        return said


class _Bounds(NamedTuple):
    """What else a mended value must keep to; arrays `(n_rows, n_columns)`."""

    is_free: Flags
    low: Floats
    high: Floats
    decimals: Sequence[int | None]

    def admit(self, wanted: Floats, rows: NDArray[np.int64], place: int) -> Flags:
        """Whether each value is allowed at a place of its row."""
        if not self.is_free[place]:
            return np.zeros(len(rows), dtype=bool)
        low, high = self.low[rows, place], self.high[rows, place]
        return np.asarray((wanted >= low) & (wanted <= high))

    def rounded(self, wanted: Floats, place: int, *, is_down: bool) -> Floats:
        """Round to the column's digits; downwards where more would break an order."""
        digits = self.decimals[place]
        if digits is None:
            return wanted
        near = np.asarray(np.round(wanted, digits))
        if not is_down:
            return near
        scale = 10.0**digits
        below = np.round(np.floor(wanted * scale) / scale, digits)
        return np.where(near <= wanted, near, below)


def keep_relations(
    values: Floats,
    originals: Floats,
    relations: Sequence[Relation],
    *,
    is_free: Flags,
    low: Floats,
    high: Floats,
    decimals: Sequence[int | None],
) -> Floats:
    """Bring rows back to the relations that their originals keep.

    A broken order is mended by its left side, a broken equality by a column that nobody asked to
    change, else by any other; where nothing helps, all its columns go back to what they were.

    Args:
        values: `(n_rows, n_columns)` that obey every other rule.
        originals: `(n_rows, n_columns)` where they started.
        relations: to be kept.
        is_free: `(n_columns,)` whether a column may change.
        low: `(n_rows, n_columns)` smallest allowed values.
        high: `(n_rows, n_columns)` largest allowed values.
        decimals: digits of each column; None where it is not rounded.
    """
    binding = [relation.holds(originals) for relation in relations]
    bounds = _Bounds(is_free, low, high, decimals)
    values = values.copy()
    # Mending one relation can break another that was mended before.
    for _ in relations:
        is_whole = True
        for relation, is_binding in zip(relations, binding, strict=True):
            rows = np.flatnonzero(is_binding & ~relation.holds(values))
            if len(rows):
                is_whole = False
                _mend(relation, values, originals, rows, bounds)
        if is_whole:
            return values
    # Putting one relation's columns back can break another's, until all are back at the worst.
    for _ in range(len(relations) + 1):
        is_whole = True
        for relation, is_binding in zip(relations, binding, strict=True):
            rows = np.flatnonzero(is_binding & ~relation.holds(values))
            if len(rows):
                is_whole = False
                places = np.array(relation.places)
                values[np.ix_(rows, places)] = originals[np.ix_(rows, places)]
        if is_whole:
            break
    return values


def _mend(
    relation: Relation, values: Floats, originals: Floats, rows: NDArray[np.int64], bounds: _Bounds
) -> None:
    if relation.kind == "one of":
        _choose_one(relation, values, originals, rows, bounds)
        return
    if relation.kind == "at most":
        limit = bounds.rounded(relation.right(values[rows]), relation.place, is_down=True)
        fits = bounds.admit(limit, rows, relation.place)
        values[rows[fits], relation.place] = limit[fits]
        return
    # Columns that nobody asked to change give way first, the left side before the right.
    for may_undo in (False, True):
        for place in relation.places:
            rows = rows[~relation.holds(values[rows])]
            still = np.ones(len(rows), dtype=bool)
            if not may_undo:
                still = values[rows, place] == originals[rows, place]
            _give_way(relation, values, rows[still], place, bounds)


def _give_way(
    relation: Relation, values: Floats, rows: NDArray[np.int64], place: int, bounds: _Bounds
) -> None:
    """Set one column of an equality to what the others say, where that is allowed."""
    if not len(rows) or not bounds.is_free[place]:
        return
    tried = values[rows]
    if place == relation.place:
        wanted = relation.right(tried)
    else:
        at = relation.others.index(place)
        weight = relation.weights[at] if relation.weights else 1.0
        wanted = tried[:, place] + (tried[:, relation.place] - relation.right(tried)) / weight
    tried[:, place] = bounds.rounded(wanted, place, is_down=False)
    fits = bounds.admit(tried[:, place], rows, place) & relation.holds(tried)
    values[rows[fits], place] = tried[fits, place]


def _choose_one(
    relation: Relation, values: Floats, originals: Floats, rows: NDArray[np.int64], bounds: _Bounds
) -> None:
    """Let the first column that was newly set to 1 win, where the others may give way."""
    places = np.array(relation.places)
    group, before = values[np.ix_(rows, places)], originals[np.ix_(rows, places)]
    is_new = (group == 1) & (before == 0)
    rows, before, is_new = rows[is_new.any(axis=1)], before[is_new.any(axis=1)], is_new[
        is_new.any(axis=1)
    ]  # fmt: skip
    if not len(rows):
        return
    chosen = np.zeros_like(before)
    chosen[np.arange(len(rows)), is_new.argmax(axis=1)] = 1.0
    fits = np.ones(len(rows), dtype=bool)
    for at, place in enumerate(places):
        is_same = chosen[:, at] == before[:, at]
        fits &= is_same | bounds.admit(chosen[:, at], rows, int(place))
    values[np.ix_(rows[fits], places)] = chosen[fits]
