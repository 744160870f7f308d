"""Single changes of the features a row may change: other levels, and steps both ways."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.target import Target

OFFSETS = (0.1, 0.25, 0.5, 1.0, 2.0)
MOST_LEVELS_TRIED = 12


class Moves(NamedTuple):
    """Single changes: `(n_moves,)` which row, which feature, and the new value."""

    rows: NDArray[np.int64]
    fields: NDArray[np.int64]
    values: NDArray[np.float64]


def single_moves(
    target: Target,
    current: NDArray[np.float64],
    rows: NDArray[np.int64],
    *,
    most: int,
    rng: np.random.Generator,
    unit: float = 1.0,
    offsets: Sequence[float] = OFFSETS,
) -> Moves:
    """List single changes of the free features, at most `most` for each row.

    Args:
        target: the model and the rows.
        current: `(n_rows, n_features)` where each row stands.
        rows: which rows move.
        most: moves for each row.
        rng: chooses moves where there are more.
        unit: the size, in standardised units, that an offset of 1 stands for.
        offsets: by how much numbers move, both ways.
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
            sizes = sorted({max(offset * unit, least) for offset in offsets})
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
