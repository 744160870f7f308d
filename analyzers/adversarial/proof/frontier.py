"""Boxes of cells side by side, with what is known of the cheapest point of each."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Boxes(NamedTuple):
    """Boxes side by side.

    Attributes:
        low: `(n_boxes, n_columns)` first cell of each range.
        high: `(n_boxes, n_columns)` last cell.
        allowed: for columns not in order `(n_boxes, n_cells)`.
        at: `(n_boxes, n_columns)` the cheapest cell of each column.
        cost: `(n_boxes,)` what it costs.
        reached: `(n_boxes, n_trees)` the leaves the cheapest point reaches.
        sums: `(n_boxes, n_margins)` its margins.
        open: `(n_boxes, n_bytes)` packed: leaves within the box.
    """

    low: Integers
    high: Integers
    allowed: dict[int, Flags]
    at: Integers
    cost: Floats
    reached: Integers
    sums: Floats
    open: NDArray[np.uint8]

    def take(self, which: Integers | Flags) -> "Boxes":
        """Return some of the boxes."""
        return Boxes(
            low=self.low[which],
            high=self.high[which],
            allowed={column: each[which] for column, each in self.allowed.items()},
            at=self.at[which],
            cost=self.cost[which],
            reached=self.reached[which],
            sums=self.sums[which],
            open=self.open[which],
        )


def joined(parts: list[Boxes]) -> Boxes:
    """Put boxes of one row together."""
    return Boxes(
        low=np.concatenate([part.low for part in parts]),
        high=np.concatenate([part.high for part in parts]),
        allowed={
            column: np.concatenate([part.allowed[column] for part in parts])
            for column in parts[0].allowed
        },
        at=np.concatenate([part.at for part in parts]),
        cost=np.concatenate([part.cost for part in parts]),
        reached=np.concatenate([part.reached for part in parts]),
        sums=np.concatenate([part.sums for part in parts]),
        open=np.concatenate([part.open for part in parts]),
    )
