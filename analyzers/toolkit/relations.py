"""Relations between numbers that hold on every row of the data, and rows brought back to them.

An attacker who states a smallest value above the largest, or a total that is not the sum of its
parts, is caught by the form. Relations are guessed where they cannot well be chance: an order only
between columns that share most of their range and move together, a sum only where it is exact on
every row.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

FEWEST_ROWS = 100
MOST_COLUMNS = 40
LEAST_CORRELATION = 0.6
LEAST_OVERLAP = 0.25
_CLOSE = 1e-9

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


class Relation(NamedTuple):
    """The number at one place against those at others.

    Attributes:
        place: of the column on the left.
        others: of the columns on the right.
        is_sum: the left is the sum of the right; otherwise it is at most the right, which is one.
    """

    place: int
    others: tuple[int, ...]
    is_sum: bool

    def holds(self, values: Floats) -> Flags:
        """Whether it holds for each row `(n_rows,)`; a missing number breaks nothing."""
        left, right = values[:, self.place], values[:, list(self.others)].sum(axis=1)
        gap = left - right
        if not self.is_sum:
            return np.asarray(np.isnan(gap) | (gap <= 0))
        return np.asarray(np.isnan(gap) | (np.abs(gap) <= _CLOSE * np.maximum(1, np.abs(left))))

    def words(self, names: Sequence[str]) -> str:
        """Write it with the columns' names."""
        sign = "=" if self.is_sum else "<="
        return f"{names[self.place]} {sign} {' + '.join(names[other] for other in self.others)}"


def guess_relations(values: Floats, is_number: Flags) -> tuple[Relation, ...]:
    """Find the relations that every row keeps.

    Args:
        values: `(n_rows, n_columns)`, NaN for missing.
        is_number: `(n_columns,)` whether a column is a number that may vary.

    Returns:
        Sums of two, then orders; none from fewer than 100 rows or more than 40 columns.
    """
    places = [int(place) for place in np.flatnonzero(is_number)]
    known = {place: values[np.isfinite(values[:, place]), place] for place in places}
    places = [place for place in places if len(known[place]) >= FEWEST_ROWS]
    if len(values) < FEWEST_ROWS or not 2 <= len(places) <= MOST_COLUMNS:
        return ()
    sums = [
        Relation(total, parts, is_sum=True)
        for total in places
        for parts in combinations([place for place in places if place != total], 2)
        if _is_kept(Relation(total, parts, is_sum=True), values)
    ]
    orders = [
        Relation(low, (high,), is_sum=False)
        for low in places
        for high in places
        if low != high and _is_likely(values[:, low], values[:, high])
        and _is_kept(Relation(low, (high,), is_sum=False), values)
    ]  # fmt: skip
    return (*sums, *orders)


def _is_kept(relation: Relation, values: Floats) -> bool:
    rows = values[:, [relation.place, *relation.others]]
    complete = np.isfinite(rows).all(axis=1)
    return int(complete.sum()) >= FEWEST_ROWS and bool(relation.holds(values).all())


def _is_likely(low: Floats, high: Floats) -> bool:
    both = np.isfinite(low) & np.isfinite(high)
    one, other = low[both], high[both]
    if len(one) < FEWEST_ROWS or one.std() == 0 or other.std() == 0:
        return False
    shared = min(one.max(), other.max()) - max(one.min(), other.min())
    smaller = min(np.ptp(one), np.ptp(other))
    if shared < LEAST_OVERLAP * smaller or np.array_equal(one, other):
        return False
    return bool(np.corrcoef(one, other)[0, 1] >= LEAST_CORRELATION)


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

    A broken relation is mended by its left side, rounded towards the right; where that leaves the
    allowed range, all its columns go back to what they were.

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
    values = values.copy()
    for relation, is_binding in zip(relations, binding, strict=True):
        place = relation.place
        rows = np.flatnonzero(is_binding & ~relation.holds(values))
        if not len(rows) or not is_free[place]:
            continue
        wanted = values[rows][:, list(relation.others)].sum(axis=1)
        digits = decimals[place]
        if digits is not None:
            scale = 10.0**digits
            near = np.round(wanted, digits)
            wanted = near if relation.is_sum else np.where(
                near <= wanted, near, np.round(np.floor(wanted * scale) / scale, digits)
            )  # fmt: skip
        fits = (wanted >= low[rows, place]) & (wanted <= high[rows, place])
        values[rows[fits], place] = wanted[fits]
    # Putting one relation's columns back can break another's, until all are back at the worst.
    for _ in range(len(relations) + 1):
        is_whole = True
        for relation, is_binding in zip(relations, binding, strict=True):
            rows = np.flatnonzero(is_binding & ~relation.holds(values))
            if len(rows):
                is_whole = False
                for place in (relation.place, *relation.others):
                    values[rows, place] = originals[rows, place]
        if is_whole:
            break
    return values
