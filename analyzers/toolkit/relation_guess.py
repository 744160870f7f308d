"""Relations that every row of the data keeps and that cannot well be chance.

An order is believed only between columns that share most of their range and move together, a sum or
a multiple only where it holds on every row, and exclusive columns only where they stand side by
side, as an encoder writes them.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from analyzers.toolkit.relations import Flags, Floats, Relation

FEWEST_ROWS = 100
MOST_COLUMNS = 40
LEAST_CORRELATION = 0.6
LEAST_OVERLAP = 0.25
LONGEST_SUM = 4
LEAST_VALUES = 10
PARALLEL = 0.99
_FINE = 1e-9


def guess_relations(
    values: Floats,
    is_number: Flags,
    *,
    is_binary: Flags | None = None,
    decimals: Sequence[int | None] = (),
) -> tuple[Relation, ...]:
    """Find the relations that every row keeps.

    Args:
        values: `(n_rows, n_columns)`, NaN for missing.
        is_number: `(n_columns,)` whether a column is a number.
        is_binary: `(n_columns,)` whether it holds nothing but 0 and 1.
        decimals: digits of each column; empty or None where they are not known.

    Returns:
        Groups of exclusive columns, multiples, sums of up to four, then orders; none from fewer
        than 100 rows, and of numbers none from more than 40 columns.
    """
    if len(values) < FEWEST_ROWS:
        return ()
    exclusive = [] if is_binary is None else _exclusive(values, is_binary)
    taken = {place for relation in exclusive for place in relation.places}
    places = [int(place) for place in np.flatnonzero(is_number) if place not in taken]
    places = [place for place in places if np.isfinite(values[:, place]).sum() >= FEWEST_ROWS]
    places = [place for place in places if np.nanstd(values[:, place]) > 0]
    if not 2 <= len(places) <= MOST_COLUMNS:
        return tuple(exclusive)
    digits = dict(enumerate(decimals))
    multiples = [
        relation
        for one, other in _parallel(values, places)
        if (relation := _multiple(values, one, other, digits)) is not None
    ]
    tied = {frozenset(relation.places) for relation in multiples}
    orders = [
        Relation(low, (high,), "at most", is_guessed=True)
        for low in places
        for high in places
        if low != high and frozenset((low, high)) not in tied
        and _is_likely(values[:, low], values[:, high])
        and _is_kept(Relation(low, (high,), "at most"), values)
    ]  # fmt: skip
    return (*exclusive, *multiples, *_sums(values, places), *orders)


def _is_kept(relation: Relation, values: Floats) -> bool:
    complete = np.isfinite(values[:, list(relation.places)]).all(axis=1)
    return int(complete.sum()) >= FEWEST_ROWS and bool(relation.holds(values).all())


def _exclusive(values: Floats, is_binary: Flags) -> list[Relation]:
    """Runs of neighbouring 0-and-1 columns of which every row has exactly one."""
    found, start = [], 0
    while start < values.shape[1]:
        end = _end_of_group(values, is_binary, start)
        if end:
            others = tuple(range(start + 1, end))
            found.append(Relation(start, others, "one of", is_guessed=True))
        start = end or start + 1
    return found


def _end_of_group(values: Floats, is_binary: Flags, start: int) -> int:
    """Where a group that begins at `start` ends; 0 where none begins there."""
    total = np.zeros(len(values))
    for place in range(start, values.shape[1]):
        if not is_binary[place] or not values[:, place].any():
            return 0
        total = total + values[:, place]
        if (total > 1).any():
            return 0
        if place > start and (total == 1).all():
            return place + 1
    return 0


def _parallel(values: Floats, places: list[int]) -> list[tuple[int, int]]:
    """Pairs that could be multiples of each other: rounding leaves them all but parallel."""
    rows = values[:, places]
    rows = rows[np.isfinite(rows).all(axis=1)]
    pairs = list(combinations(range(len(places)), 2))
    # Too few complete rows to rule anything out.
    if len(rows) >= FEWEST_ROWS and (rows.std(axis=0) > 0).all():
        together = np.abs(np.corrcoef(rows.T))
        pairs = [(one, other) for one, other in pairs if together[one, other] > PARALLEL]
    return [(places[one], places[other]) for one, other in pairs]


def _multiple(
    values: Floats, one: int, other: int, digits: dict[int, int | None]
) -> Relation | None:
    """A column that is another one times a constant, rounded to its own digits."""
    both = values[:, [one, other]][np.isfinite(values[:, [one, other]]).all(axis=1)]
    if len(both) < FEWEST_ROWS or min(len(np.unique(side)) for side in both.T) < LEAST_VALUES:
        return None
    for left, right, pair in ((other, one, both[:, ::-1]), (one, other, both)):
        exact = float(pair[:, 0] @ pair[:, 1] / (pair[:, 1] @ pair[:, 1]))
        decimals = digits.get(left)
        slack = 0.0 if decimals is None else 0.5 * 10.0**-decimals
        # Where rounding is wide, near columns would pass for multiples.
        if exact == 0 or slack * LEAST_VALUES > pair[:, 0].std():
            slack = 0.0
        for n_digits in (1, 2, 3, 4, 6, 9):
            weight = float(f"{exact:.{n_digits}g}")
            for allowed in (0.0, slack):
                relation = Relation(left, (right,), "equal", (weight,), allowed, is_guessed=True)
                if weight and _is_kept(relation, values):
                    return relation
    return None


def _sums(values: Floats, places: list[int]) -> list[Relation]:
    """Columns that are the sum of two to four others, the shortest sums of each.

    A sum of columns is a sum of their projections onto any direction, so that candidates are found
    among single numbers, and only these are checked row by row.
    """
    complete = np.isfinite(values[:, places]).all(axis=1)
    rows = values[complete][:, places]
    if len(rows) < FEWEST_ROWS:
        return [
            relation
            for total in places
            for parts in combinations([place for place in places if place != total], 2)
            if _is_kept(relation := Relation(total, parts, "equal", is_guessed=True), values)
        ]
    direction = np.random.default_rng(0).standard_normal(len(rows))
    marks = direction @ rows
    near = _FINE * float(np.abs(direction) @ np.abs(rows).max(axis=1) + 1)
    found, totals = [], set()
    for length in range(2, LONGEST_SUM + 1):
        for total, parts in _candidates(marks, length, near):
            relation = Relation(
                places[total], tuple(places[part] for part in parts), "equal", is_guessed=True
            )
            if total not in totals and _is_kept(relation, values):
                found.append(relation)
        totals |= {places.index(relation.place) for relation in found}
    return found


def _candidates(marks: Floats, length: int, near: float) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Sums of projections that meet a projection, halves of a sum looked up in sorted order."""
    n = len(marks)
    pairs = np.array(list(combinations(range(n), 2)))
    if not len(pairs):
        return
    sums = marks[pairs].sum(axis=1)
    order = np.argsort(sums)
    pairs, sums = pairs[order], sums[order]
    heads: dict[int, list[tuple[int, ...]]] = {
        2: [()],
        3: [(at,) for at in range(n)],
        4: [(one, other) for one, other in pairs.tolist()],
    }
    for total in range(n):
        left = marks[total] - np.array([marks[list(head)].sum() for head in heads[length]])
        first, last = np.searchsorted(sums, left - near), np.searchsorted(sums, left + near)
        for place in np.flatnonzero(last > first):
            for pair in pairs[first[place] : last[place]].tolist():
                parts = (*heads[length][place], *pair)
                if total not in parts and list(parts) == sorted(set(parts)):
                    yield total, tuple(parts)


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
