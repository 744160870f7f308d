"""Score-based search that changes one feature at a time, all rows in step.

In each round every row tries every single change and keeps the one that helps most; a change that
flips the answer at the least cost ends the row's search. It needs few features, so its results read
well, and it works on trees, whose gradient is zero.

References:
    Chen et al. 2017 (ZOO, coordinate search without gradients); Kireev, Kulynych and Troncoso 2023
    (greedy search under cost on tables).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.target import Target
from analyzers.core.workbench import Tracker, untracked

OFFSETS = (0.1, 0.25, 0.5, 1.0, 2.0)
MOST_LEVELS_TRIED = 12
ROUNDS = 4
SOURCE = "one feature at a time"


class Moves(NamedTuple):
    """Single changes: `(n_moves,)` which row, which feature, and the new value."""

    rows: NDArray[np.int64]
    fields: NDArray[np.int64]
    values: NDArray[np.float64]


def search(
    target: Target,
    found: Found,
    *,
    queries: int,
    rng: np.random.Generator,
    track: Tracker = untracked,
) -> None:
    """Feed `found` with changes of few features.

    Args:
        target: the model and the rows.
        found: receives every flip.
        queries: allowed questions per row for this search.
        rng: chooses features where a row cannot afford to try all.
        track: reports progress.
    """
    space = target.space
    current = target.originals.copy()
    n_rows = len(current)
    best = np.full(n_rows, -np.inf)
    spent = np.zeros(n_rows, dtype=np.int64)
    active = np.arange(n_rows)
    for _ in track(range(ROUNDS), "Changing one feature at a time"):
        if not len(active):
            return
        moves = single_moves(target, current, active, most=int(queries - spent[active].max()),
                             rng=rng)  # fmt: skip
        if not len(moves.rows):
            return
        points = current[moves.rows]
        points[np.arange(len(points)), moves.fields] = moves.values
        points = space.repair(points, target.originals[moves.rows])
        is_new = (points != current[moves.rows]) & ~np.isnan(points)
        kept = is_new.any(axis=1)
        points, rows = points[kept], moves.rows[kept]
        if not len(rows):
            return
        margins = target.margins(points, rows)
        np.add.at(spent, rows, 1)
        found.offer(points, rows, margins, source=SOURCE)
        gain = margins - best[rows]
        order = np.lexsort((-gain, rows))
        first = order[np.r_[True, np.diff(rows[order]) != 0]]
        helped = first[gain[first] > 0]
        current[rows[helped]] = points[helped]
        best[rows[helped]] = margins[helped]
        # A row goes on while its score still falls and it has not flipped.
        active = rows[helped][margins[helped] <= 0]


def single_moves(
    target: Target,
    current: NDArray[np.float64],
    rows: NDArray[np.int64],
    *,
    most: int,
    rng: np.random.Generator,
    unit: float = 1.0,
) -> Moves:
    """List single changes of the free features, at most `most` for each row.

    Args:
        target: the model and the rows.
        current: `(n_rows, n_features)` where each row stands.
        rows: which rows move.
        most: moves for each row.
        rng: chooses moves where there are more.
        unit: the size, in standardised units, that an offset of 1 stands for.
    """
    space = target.space
    per_row: list[tuple[int, float | None]] = []
    for place, field in enumerate(space.fields):
        if field.rule == "level":
            codes = np.arange(len(field.levels), dtype=np.float64)
            if len(codes) > MOST_LEVELS_TRIED:
                codes = np.sort(rng.choice(codes, MOST_LEVELS_TRIED, replace=False))
            per_row += [(place, float(code)) for code in codes]
        elif field.rule != "fixed":
            # An integer moves by at least one whole unit.
            least = 1.0 / field.scale if field.rule == "integer" else 0.0
            sizes = sorted({max(offset * unit, least) for offset in OFFSETS})
            per_row += [(place, sign * size) for size in sizes for sign in (-1.0, 1.0)]
    if most < 1 or not per_row:
        empty = np.zeros(0, dtype=np.int64)
        return Moves(empty, empty, np.zeros(0))
    if len(per_row) > most:
        chosen = np.sort(rng.choice(len(per_row), most, replace=False))
        per_row = [per_row[place] for place in chosen]
    fields = np.array([place for place, _ in per_row], dtype=np.int64)
    amounts = np.array([amount for _, amount in per_row], dtype=np.float64)
    owners = np.repeat(rows, len(fields))
    all_fields = np.tile(fields, len(rows))
    all_amounts = np.tile(amounts, len(rows))
    start = current[owners, all_fields]
    values = np.where(
        space.is_level[all_fields], all_amounts, start + all_amounts * space.scales[all_fields]
    )
    return Moves(owners, all_fields, values)
