"""Rows become counts once; every group metric, intersection and threshold follows from the counts.

Counts of two parts of the data add up, so tables of any length can be read in batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.toolkit.groups import group_by
from analyzers.toolkit.rates import N_OUTCOMES

# Small enough that a block's codes stay in the processor's cache between the few passes over it.
BLOCK = 1 << 16
# Above this many possible cells they are numbered by sorting instead of by position.
MOST_DENSE_CELLS = 1 << 20


class Names(NamedTuple):
    """An attribute without its rows."""

    attribute: str
    levels: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Counts of the finest groups: rows that agree in every attribute.

    Attributes:
        names: the attributes and their levels.
        codes: `(n_cells, n_attributes)` level codes of each cell that occurs.
        counts: `(n_cells, 6)` rows by (label, decision), as in `toolkit.rates`.
    """

    names: tuple[Names, ...]
    codes: NDArray[np.int64]
    counts: NDArray[np.int64]


class Groups(NamedTuple):
    """Counts by some of the attributes.

    Attributes:
        attributes: their names joined, such as "sex × age"; empty for everyone.
        depth: how many attributes.
        labels: `(n_groups,)` names such as "female, under 30".
        counts: `(n_groups, 6)`.
        members: `(n_cells,)` group of each cell.
    """

    attributes: str
    depth: int
    labels: tuple[str, ...]
    counts: NDArray[np.int64]
    members: NDArray[np.int64]


def count_cells(
    names: Sequence[Names], codes: Sequence[NDArray[np.integer]], outcomes: NDArray[np.integer]
) -> Cells:
    """Count rows by cell and outcome in one pass.

    Args:
        names: the attributes.
        codes: for each attribute `(n_rows,)` level codes.
        outcomes: `(n_rows,)` 0 to 5, as in `toolkit.rates.outcome_codes`.
    """
    sizes = [len(name.levels) for name in names]
    n_possible = int(np.prod([float(size) for size in sizes]))
    if n_possible > MOST_DENSE_CELLS:
        grouping = group_by(np.stack(codes, axis=1), sizes)
        key = grouping.members * N_OUTCOMES + outcomes
        counts = np.bincount(key, minlength=len(grouping.levels) * N_OUTCOMES)
        return Cells(
            names=tuple(names), codes=grouping.levels, counts=counts.reshape(-1, N_OUTCOMES)
        )
    total = np.zeros(n_possible * N_OUTCOMES, dtype=np.int64)
    for start in range(0, len(outcomes), BLOCK):
        rows = slice(start, start + BLOCK)
        key = np.zeros(len(outcomes[rows]), dtype=np.int64)
        for size, code in zip(sizes, codes, strict=True):
            key *= size
            key += code[rows]
        key *= N_OUTCOMES
        key += outcomes[rows]
        total += np.bincount(key, minlength=len(total))
    dense = total.reshape(n_possible, N_OUTCOMES)
    occurs = np.flatnonzero(dense.any(axis=1))
    levels = np.stack(np.unravel_index(occurs, sizes), axis=1) if sizes else np.zeros((1, 0))
    return Cells(names=tuple(names), codes=levels.astype(np.int64), counts=dense[occurs])


def merge_cells(parts: Sequence[Cells]) -> Cells:
    """Add up the counts of parts of one table; all must have the same attributes and levels."""
    names = parts[0].names
    if any(part.names != names for part in parts):
        raise ValueError("expected parts with the same attributes and levels, got different ones")
    codes = np.concatenate([part.codes for part in parts])
    counts = np.concatenate([part.counts for part in parts])
    grouping = group_by(codes, [len(name.levels) for name in names])
    return Cells(names=names, codes=grouping.levels, counts=_add_up(grouping.members, counts))


def groups_of(cells: Cells, which: Sequence[int]) -> Groups:
    """Add cells up to the groups of some attributes; no attributes mean everyone.

    Args:
        cells: the counts.
        which: positions in `cells.names`.
    """
    chosen = [cells.names[position] for position in which]
    grouping = group_by(cells.codes[:, list(which)], [len(name.levels) for name in chosen])
    labels = tuple(
        ", ".join(name.levels[code] for name, code in zip(chosen, levels, strict=True))
        for levels in grouping.levels
    )
    return Groups(
        attributes=" × ".join(name.attribute for name in chosen),
        depth=len(chosen),
        labels=labels if chosen else ("everyone",) * len(labels),
        counts=_add_up(grouping.members, cells.counts),
        members=grouping.members,
    )


def all_groupings(cells: Cells, depth: int) -> list[Groups]:
    """Everyone, then every attribute, then every combination of at most `depth` attributes."""
    positions = range(len(cells.names))
    return [
        groups_of(cells, which)
        for size in range(min(depth, len(cells.names)) + 1)
        for which in combinations(positions, size)
    ]


def _add_up(members: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    n_groups = int(members.max()) + 1 if len(members) else 0
    key = members[:, None] * N_OUTCOMES + np.arange(N_OUTCOMES)
    # Sums of whole numbers in float64 are exact below 2**53 rows.
    added = np.bincount(key.ravel(), weights=counts.ravel(), minlength=n_groups * N_OUTCOMES)
    return added.astype(np.int64).reshape(n_groups, N_OUTCOMES)
