"""Boxes of cells, split between their cheapest point and the leaf that would help most."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.frontier import Boxes, joined
from analyzers.adversarial.proof.pricing import Pricing
from analyzers.adversarial.proof.row import RowBoxes, nearest_allowed, range_cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_AT_ONCE = 32

Ask = Callable[[Integers, Flags], tuple[Flags, Flags]]


class Margins(NamedTuple):
    """What must all be above zero for the answer to change.

    Attributes:
        values: `(n_margins, n_kept)` what each kept leaf adds.
        offset: `(n_margins,)` what the sums start from.
        tolerance: sums this close to zero may be either way round in the model itself.
    """

    values: Floats
    offset: Floats
    tolerance: float


class Branching:
    """The frontier of a best first search; what is looked for says which boxes are worth keeping.

    Attributes:
        row: the problem.
        margins: what the trees add up to.
        pricings: of each margin; they choose where boxes are split.
        effort: most boxes to look at.
        n_boxes: looked at so far.
    """

    def __init__(
        self, row: RowBoxes, margins: Margins, pricings: list[Pricing], effort: int
    ) -> None:
        self.row, self.margins, self.pricings, self.effort = row, margins, pricings, effort
        self.n_boxes = 0
        self._n_kept = len(row.leaves)
        self._trees = row.trees
        self._ends = np.r_[row.starts[1:], self._n_kept]
        self._near = [nearest_allowed(costs) for costs in row.costs]
        self._heap: list[tuple[float, int, Boxes, int]] = []
        self._n_pushed = 0
        # Boxes whose cheapest point has not been asked about yet.
        self.waiting: list[tuple[Boxes, Flags]] = []

    @property
    def limit(self) -> float:
        """Squared size from which on no box is of interest."""
        raise NotImplementedError

    def is_over(self, priority: float) -> bool:
        """Whether no box of this priority or a higher number is of interest."""
        raise NotImplementedError

    def keep(self, boxes: Boxes, is_open: Flags, is_new: Flags) -> None:
        """Ask about new cheapest points, drop what is ruled out, and queue the rest."""
        raise NotImplementedError

    def leave_open(self, box: Boxes, is_open: Flags) -> None:
        """Take note of a box that can neither be split nor be ruled out."""
        raise NotImplementedError

    def search(self, priority: float) -> float:
        """Split boxes from the whole on, lowest numbers first; return the lowest one left.

        Args:
            priority: of the whole.
        """
        self.push(self._root(), np.array([priority]))
        while self._heap and self.n_boxes < self.effort and not self.is_over(self._heap[0][0]):
            self._grow(self._pop())
            while self.waiting and self.n_boxes < self.effort:
                self.n_boxes += 1
                self.keep(*self.waiting.pop(), np.ones(1, dtype=bool))
        for box, is_open in self.waiting:
            self.leave_open(box, is_open)
        return self._heap[0][0] if self._heap else np.inf

    def _root(self) -> Boxes:
        row = self.row
        at = row.home[None, :]
        reached = row.reached(at)
        sizes = np.array([len(costs) for costs in row.costs], dtype=np.int64)
        return Boxes(
            low=np.zeros_like(at),
            high=sizes[None, :] - 1,
            allowed={column: np.isfinite(row.costs[column])[None, :] for column in row.members},
            at=at,
            cost=np.zeros(1),
            reached=reached,
            sums=self._sums(reached),
            open=np.packbits(np.ones((1, self._n_kept), dtype=bool), axis=1),
        )

    def _sums(self, reached: Integers) -> Floats:
        margins = self.margins
        return np.stack([values[reached].sum(axis=1) for values in margins.values], 1) + (
            margins.offset
        )

    def push(self, boxes: Boxes, priorities: Floats) -> None:
        """Queue boxes, the lowest numbers first."""
        for place, priority in enumerate(priorities):
            heapq.heappush(self._heap, (float(priority), self._n_pushed, boxes, place))
            self._n_pushed += 1

    def _pop(self) -> Boxes:
        taken = []
        for _ in range(min(_AT_ONCE, self.effort - self.n_boxes)):
            if not self._heap or self.is_over(self._heap[0][0]):
                break
            _, _, boxes, place = heapq.heappop(self._heap)
            taken.append(boxes.take(np.array([place])))
        return joined(taken)

    def _grow(self, boxes: Boxes) -> None:
        """Split each box in two and keep what may hold a nearer change."""
        self.n_boxes += len(boxes.cost)
        is_open = self._unpacked(boxes)
        split = self._split(boxes, is_open)
        boxes, is_open = boxes.take(split.boxes), is_open[split.boxes]
        if not len(split.boxes):
            return
        stays, goes = self._children(boxes, split)
        column = split.columns
        stays, stays_open = self._closed(stays, is_open, column)
        self.keep(stays, stays_open, np.zeros(len(column), dtype=bool))
        allowed = np.isfinite(goes.cost) & (goes.cost < self.limit)
        goes, column = goes.take(allowed), column[allowed]
        if len(column):
            goes, goes_open = self._closed(goes, is_open[allowed], column)
            reached = self.row.reached(goes.at)
            goes = goes._replace(reached=reached, sums=self._sums(reached))
            self.keep(goes, goes_open, np.ones(len(column), dtype=bool))

    def _unpacked(self, boxes: Boxes) -> Flags:
        return np.unpackbits(boxes.open, axis=1, count=self._n_kept).view(bool)

    def _split(self, boxes: Boxes, is_open: Flags) -> "_Split":
        """Choose where to cut: between the cheapest point and the leaf that would help most."""
        rows = np.arange(len(boxes.cost))
        weakest = boxes.sums.argmin(axis=1)
        # What leaves add counts here, and not their price: that proves far more rows.
        values = np.where(is_open, self.margins.values[weakest], -np.inf)
        leaf, gap = self._best_leaf(values, boxes.reached)
        chosen = rows[gap > 0]
        leaf = leaf[chosen]
        at = boxes.at[chosen]
        low, high = self.row.low[:, leaf].T, self.row.high[:, leaf].T
        apart = (at < low) | (at > high)
        for column, members in self.row.members.items():
            apart[:, column] = ~members[leaf, at[:, column]]
        columns = np.where(apart, self.row.prices[:, leaf].T, -1.0).argmax(axis=1)
        return _Split(chosen, columns, leaf)

    def _best_leaf(self, values: Floats, reached: Integers) -> tuple[Integers, Floats]:
        rows = np.arange(len(values))
        own = values[rows[:, None], reached]
        gaps = np.maximum.reduceat(values, self.row.starts, axis=1) - own
        trees = gaps.argmax(axis=1)
        leaf = np.array(
            [
                self.row.starts[tree]
                + values[place, self.row.starts[tree] : self._ends[tree]].argmax()
                for place, tree in enumerate(trees)
            ],
            dtype=np.int64,
        )
        return leaf, gaps[rows, trees]

    def _children(self, boxes: Boxes, split: "_Split") -> tuple[Boxes, Boxes]:
        """Cut each box: where its cheapest point stays, and where the wanted leaf is."""
        row = self.row
        low, high, at = boxes.low.copy(), boxes.high.copy(), boxes.at.copy()
        far_low, far_high, far_at = boxes.low.copy(), boxes.high.copy(), boxes.at.copy()
        cost = boxes.cost.copy()
        allowed = {column: each.copy() for column, each in boxes.allowed.items()}
        far_allowed = {column: each.copy() for column, each in boxes.allowed.items()}
        for column in np.unique(split.columns):
            mine = np.flatnonzero(split.columns == column)
            leaf, costs = split.leaves[mine], row.costs[column]
            if column in row.members:
                inside = row.members[column][leaf]
                far_allowed[column][mine] &= inside
                allowed[column][mine] &= ~inside
                priced = np.where(far_allowed[column][mine], costs, np.inf)
                new = priced.argmin(axis=1)
                price = priced.min(axis=1)
            else:
                first, last = row.low[column, leaf], row.high[column, leaf]
                is_above = first > at[mine, column]
                high[mine, column] = np.where(is_above, first - 1, high[mine, column])
                low[mine, column] = np.where(is_above, low[mine, column], last + 1)
                far_low[mine, column] = np.where(is_above, first, far_low[mine, column])
                far_high[mine, column] = np.where(is_above, far_high[mine, column], last)
                up, down = self._near[column]
                new = range_cells(far_low[mine, column], far_high[mine, column], up, down, costs)
                price = np.where(new < 0, np.inf, costs[np.maximum(new, 0)])
            cost[mine] += price - costs[at[mine, column]]
            far_at[mine, column] = np.maximum(new, 0)
        return (
            boxes._replace(low=low, high=high, allowed=allowed),
            boxes._replace(low=far_low, high=far_high, allowed=far_allowed, at=far_at, cost=cost),
        )

    def _closed(self, boxes: Boxes, is_open: Flags, columns: Integers) -> tuple[Boxes, Flags]:
        """Close the leaves that the cut column leaves out."""
        is_open = is_open.copy()
        for column in np.unique(columns):
            mine = np.flatnonzero(columns == column)
            if column in self.row.members:
                inside = boxes.allowed[column][mine].astype(np.float32)
                is_open[mine] &= (inside @ self.row.members[column].T.astype(np.float32)) > 0
            else:
                is_open[mine] &= self.row.high[column] >= boxes.low[mine, column][:, None]
                is_open[mine] &= self.row.low[column] <= boxes.high[mine, column][:, None]
        return boxes._replace(open=np.packbits(is_open, axis=1)), is_open

    def set_aside(self, box: Boxes, is_open: Flags, columns: Flags) -> None:
        """Cut the cheapest point's cells out of a box, as the point breaks a rule.

        The rest is a row of boxes: the first column elsewhere; the first as it is and the second
        elsewhere; and so on.

        Args:
            box: one.
            is_open: its open leaves.
            columns: those that the rule binds.
        """
        is_whole = True
        for column in np.flatnonzero(columns):
            at = int(box.at[0, column])
            is_whole &= bool(self.row.is_single[column][at])
            for part in self._elsewhere(box, int(column), at):
                reached = self.row.reached(part.at)
                rest = part._replace(reached=reached, sums=self._sums(reached))
                self.waiting.append(self._closed(rest, is_open, np.array([column])))
            box, is_open = self._pinned(box, is_open, int(column), at)
        if not is_whole:
            # Other values of the same cells may keep the rule; none of them is nearer.
            self.leave_open(box, is_open)

    def _elsewhere(self, box: Boxes, column: int, at: int) -> list[Boxes]:
        costs = self.row.costs[column]
        parts = []
        if column in self.row.members:
            allowed = box.allowed[column].copy()
            allowed[0, at] = False
            new = int(np.where(allowed[0], costs, np.inf).argmin())
            if allowed[0].any():
                parts.append((box.low, box.high, box.allowed | {column: allowed}, new))
        else:
            up, down = self._near[column]
            for first, last in (
                (int(box.low[0, column]), at - 1),
                (at + 1, int(box.high[0, column])),
            ):
                cell = np.array([first]), np.array([last])
                new = int(range_cells(*cell, up, down, costs)[0]) if first <= last else -1
                if new >= 0:
                    low, high = box.low.copy(), box.high.copy()
                    low[0, column], high[0, column] = first, last
                    parts.append((low, high, box.allowed, new))
        made = []
        for low, high, allowed_cells, new in parts:
            cells = box.at.copy()
            cells[0, column] = new
            cost = box.cost + costs[new] - costs[at]
            made.append(
                box._replace(low=low, high=high, allowed=allowed_cells, at=cells, cost=cost)
            )
        return made

    def _pinned(self, box: Boxes, is_open: Flags, column: int, at: int) -> tuple[Boxes, Flags]:
        low, high = box.low.copy(), box.high.copy()
        low[0, column] = high[0, column] = at
        allowed = dict(box.allowed)
        if column in allowed:
            allowed[column] = np.arange(allowed[column].shape[1])[None, :] == at
        return self._closed(
            box._replace(low=low, high=high, allowed=allowed), is_open, np.array([column])
        )

    def worth_within(self, pricing: Pricing, boxes: Boxes) -> Floats:
        """What each leaf is worth within each box, `(n_boxes, n_leaves)`.

        Within a box a column costs at least what its cheapest cell does, whatever a leaf asks.
        """
        worth = np.repeat(pricing.worth[None, :], len(boxes.cost), axis=0)
        for column, costs in enumerate(self.row.costs):
            spent = costs[boxes.at[:, column]]
            moved = np.flatnonzero(spent > 0)
            share = pricing.price * pricing.shares[column][self._trees]
            if len(moved) and share.any():
                more = np.maximum(spent[moved, None] - self.row.prices[column], 0.0)
                worth[moved] -= share * more
        return worth

    def best_sums(self, values: Floats) -> Floats:
        """Sum the best leaf of every tree, `(n_boxes,)`."""
        return np.asarray(np.maximum.reduceat(values, self.row.starts, axis=1).sum(axis=1))


class _Split(NamedTuple):
    """Where boxes are cut.

    Attributes:
        boxes: which of them can be.
        columns: for each of these, the column.
        leaves: for each, the leaf that is cut out.
    """

    boxes: Integers
    columns: Integers
    leaves: Integers
