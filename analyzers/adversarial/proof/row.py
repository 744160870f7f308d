"""One row among the boxes: what each cell costs it, and which leaves it can reach at all."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.boxes import LeafBoxes
from analyzers.adversarial.proof.cells import holds_one_value, nearest_in_cells
from analyzers.toolkit.feasible import FeasibleSpace

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class RowBoxes:
    """The problem of one row; columns are those that may change in it.

    Attributes:
        places: `(n_columns,)` among the features.
        home: `(n_columns,)` the cell the row starts in.
        costs: for each column `(n_cells,)` squared size of the smallest change into each cell;
            infinite where no value is allowed.
        wanted: for each column `(n_cells,)` that value.
        is_single: for each column `(n_cells,)` whether a cell holds one allowed value at most.
        leaves: `(n_kept,)` leaves within reach, tree by tree.
        low: `(n_columns, n_kept)` as in `LeafBoxes`.
        high: `(n_columns, n_kept)`.
        members: for columns not in order, `(n_kept, n_cells)`.
        prices: `(n_columns, n_kept)` squared cost that a leaf asks of each column at least.
        starts: `(n_trees,)` where each tree's leaves start.
        answers: as in `LeafBoxes`, with the row's own answers where it cannot change.
        answers_from: `(n_nodes,)`.
        column_of: `(n_nodes,)` -1 where the row cannot change.
        kept_as: `(n_leaves,)` place of each leaf among those kept; -1 where it is not.
    """

    boxes: LeafBoxes
    original: Floats
    places: Integers
    home: Integers
    costs: list[Floats]
    wanted: list[Floats]
    is_single: list[Flags]
    leaves: Integers
    low: Integers
    high: Integers
    members: dict[int, Flags]
    prices: Floats
    starts: Integers
    answers: Flags
    answers_from: Integers
    column_of: Integers
    kept_as: Integers

    @property
    def trees(self) -> Integers:
        """`(n_kept,)` number of each kept leaf's tree, from 0 without gaps."""
        lengths = np.diff(np.r_[self.starts, len(self.leaves)])
        return np.repeat(np.arange(len(self.starts)), lengths)

    def reached(self, at: Integers) -> Integers:
        """Walk points through all trees.

        Args:
            at: `(n_points, n_columns)` cells.

        Returns:
            `(n_points, n_trees)` places among the kept leaves.
        """
        boxes = self.boxes
        node = np.repeat(boxes.roots[None, :], len(at), axis=0)
        rows = np.arange(len(at))[:, None]
        while True:
            is_inner = boxes.left[node] >= 0
            if not is_inner.any():
                return self.kept_as[boxes.leaf_of[node]]
            column = self.column_of[node]
            cell = np.where(column >= 0, at[rows, np.maximum(column, 0)], 0)
            goes = self.answers[self.answers_from[node] + np.where(is_inner, cell, 0)]
            down = np.where(goes, boxes.left[node], boxes.right[node])
            node = np.where(is_inner, down, node)

    def point(self, at: Integers) -> Floats:
        """Write the cells `(n_columns,)` out as the nearest row of raw values."""
        values = self.original.copy()
        for column, place in enumerate(self.places):
            values[place] = self.wanted[column][at[column]]
        return values


def row_boxes(
    boxes: LeafBoxes, space: FeasibleSpace, original: Floats, own: Flags, most: float
) -> RowBoxes:
    """Set up the problem of one row.

    Args:
        boxes: of the model.
        space: the rules.
        original: `(n_features,)` the row.
        own: `(n_nodes,)` who goes left at each node for the row as it stands.
        most: squared size beyond which no change is of interest.
    """
    # What is missing stays missing.
    kept = [at for at, each in enumerate(boxes.cells) if not np.isnan(original[each.place])]
    new_column = np.full(len(boxes.cells) + 1, -1)
    new_column[kept] = np.arange(len(kept))
    column_of = new_column[boxes.column_of]
    is_fixed = (column_of < 0) & (boxes.left >= 0)
    # One answer beside those of the cells for every node.
    answers = np.concatenate([boxes.answers, own])
    answers_from = np.where(is_fixed, len(boxes.answers) + np.arange(len(own)), boxes.answers_from)
    wrong = np.where(is_fixed, np.where(own, -1, 1), 0)
    is_open = np.asarray(abs(boxes.turns) @ abs(wrong) == boxes.turns @ -wrong)
    wanted, costs, home, is_single = [], [], [], []
    for at in kept:
        each, field = boxes.cells[at], space.fields[boxes.cells[at].place]
        start = original[each.place]
        values = nearest_in_cells(each, field, start)
        steps = (values - start) / field.scale
        cost = (values != start) / field.scale**2 if field.levels else steps**2
        wanted.append(values)
        is_single.append(holds_one_value(each, field, start))
        costs.append(np.where(np.isnan(values), np.inf, cost))
        home.append(int(np.flatnonzero((each.first <= start) & (start <= each.last))[0]))
    prices = np.zeros((len(kept), len(boxes.tree_of)))
    for column, at in enumerate(kept):
        if at in boxes.members:
            prices[column] = np.where(boxes.members[at], costs[column], np.inf).min(axis=1)
        else:
            up, down = nearest_allowed(costs[column])
            low, high = boxes.low[at], boxes.high[at]
            prices[column] = range_costs(low, high, up, down, costs[column])
    price = prices.sum(axis=0)
    is_open &= np.isfinite(price) & (price <= most)
    leaves = np.flatnonzero(is_open)
    kept_as = np.full(len(boxes.tree_of), -1)
    kept_as[leaves] = np.arange(len(leaves))
    trees = boxes.tree_of[leaves]
    return RowBoxes(
        boxes=boxes,
        original=original,
        places=np.array([boxes.cells[at].place for at in kept], dtype=np.int64),
        home=np.array(home, dtype=np.int64),
        costs=costs,
        wanted=wanted,
        is_single=is_single,
        leaves=leaves,
        low=boxes.low[kept][:, leaves],
        high=boxes.high[kept][:, leaves],
        members={
            column: boxes.members[at][leaves]
            for column, at in enumerate(kept)
            if at in boxes.members
        },
        prices=prices[:, leaves],
        starts=np.flatnonzero(np.r_[True, np.diff(trees) != 0]),
        answers=answers,
        answers_from=answers_from,
        column_of=column_of,
        kept_as=kept_as,
    )


def nearest_allowed(costs: Floats) -> tuple[Integers, Integers]:
    """For cells in order, the allowed cell next to each: at or above it, and at or below it.

    Returns:
        Two arrays `(n_cells,)` of cells; beyond the ends where there is none.
    """
    n_cells = len(costs)
    cells = np.arange(n_cells)
    allowed = np.isfinite(costs)
    up = np.where(allowed, cells, n_cells)
    up = np.minimum.accumulate(up[::-1])[::-1]
    down = np.maximum.accumulate(np.where(allowed, cells, -1))
    return up, down


def range_costs(
    low: Integers, high: Integers, up: Integers, down: Integers, costs: Floats
) -> Floats:
    """Smallest cost within ranges of cells, which falls towards the row's own cell.

    Args:
        low: `(n,)` first cells.
        high: `(n,)` last cells; below `low` where the range is empty.
        up: from `nearest_allowed`.
        down: from `nearest_allowed`.
        costs: `(n_cells,)`, 0 at the row's own cell.
    """
    nearest = range_cells(low, high, up, down, costs)
    return np.where(nearest < 0, np.inf, costs[np.maximum(nearest, 0)])


def range_cells(
    low: Integers, high: Integers, up: Integers, down: Integers, costs: Floats
) -> Integers:
    """The cheapest cell within ranges of cells; -1 where none is allowed."""
    home = int(np.argmin(costs))
    at = np.clip(home, low, np.maximum(low, high))
    safe = np.clip(at, 0, len(costs) - 1)
    at = np.where(at > home, up[safe], np.where(at < home, down[safe], home))
    return np.where((at >= low) & (at <= high) & (at < len(costs)), at, -1)
