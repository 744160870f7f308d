"""Best first over boxes of cells: the nearest change that flips a row, or a bound on it."""

import heapq
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.pricing import Pricing, best_pricing
from analyzers.adversarial.proof.row import RowBoxes, nearest_allowed, range_cells

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_AT_ONCE = 32
_SAME = 1 - 1e-12


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


class Nearest(NamedTuple):
    """What is known of the smallest change of a row.

    Attributes:
        lower: squared size that no change is smaller than; infinite where none exists.
        upper: squared size of the smallest change known.
        at: `(n_columns,)` its cells; None where this search found none.
        n_boxes: how many boxes were looked at.
    """

    lower: float
    upper: float
    at: Integers | None
    n_boxes: int


Ask = Callable[[Integers, Flags], tuple[Flags, Flags]]


def nearest_change(
    row: RowBoxes, margins: Margins, *, known: float, effort: int, ask: Ask
) -> Nearest:
    """Split boxes, nearest first, until the nearest change is proved or the effort is spent.

    Args:
        row: the problem.
        margins: what has to be reached.
        known: squared size of a change that is known already; infinite where none is.
        effort: most boxes to look at.
        ask: takes cells `(n_points, n_columns)` and whether the trees are sure, and returns for
            each point whether the model itself changes its answer there, and which columns take
            part in a rule between columns that it breaks, `(n_points, n_columns)`.
    """
    return _Search(row, margins, known, effort, ask).run()


class _Boxes(NamedTuple):
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

    def take(self, which: Integers | Flags) -> "_Boxes":
        return _Boxes(
            low=self.low[which],
            high=self.high[which],
            allowed={column: each[which] for column, each in self.allowed.items()},
            at=self.at[which],
            cost=self.cost[which],
            reached=self.reached[which],
            sums=self.sums[which],
            open=self.open[which],
        )


def _joined(parts: list[_Boxes]) -> _Boxes:
    return _Boxes(
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


class _Search:
    def __init__(
        self, row: RowBoxes, margins: Margins, known: float, effort: int, ask: Ask
    ) -> None:
        self.row, self.margins, self.effort, self.ask = row, margins, effort, ask
        self.best, self.best_at = known, None
        self.blocked = np.inf
        self.n_boxes = 0
        self.n_kept = len(row.leaves)
        trees = np.repeat(np.arange(len(row.starts)), np.diff(np.r_[row.starts, self.n_kept]))
        self.ends = np.r_[row.starts[1:], self.n_kept]
        self.pricings: list[Pricing] = [
            best_pricing(values, offset + margins.tolerance, row.prices, trees, row.starts)
            for values, offset in zip(margins.values, margins.offset, strict=True)
        ]
        self.near = [nearest_allowed(costs) for costs in row.costs]
        self.heap: list[tuple[float, int, _Boxes, int]] = []
        self.n_pushed = 0
        # Boxes whose cheapest point has not been asked about yet.
        self.waiting: list[tuple[_Boxes, Flags]] = []

    def run(self) -> Nearest:
        lower = max(pricing.bound for pricing in self.pricings)
        if lower >= self.best * _SAME:
            return self._answer(lower)
        self._push(self._root(), np.array([max(lower, 0.0)]))
        while self.heap and self.n_boxes < self.effort:
            if self.heap[0][0] >= self.best * _SAME:
                break
            self._grow(self._pop())
            while self.waiting and self.n_boxes < self.effort:
                self.n_boxes += 1
                self._keep(*self.waiting.pop(), np.ones(1, dtype=bool))
        for box, _ in self.waiting:
            self.blocked = min(self.blocked, float(box.cost[0]))
        return self._answer(self.heap[0][0] if self.heap else np.inf)

    def _answer(self, lower: float) -> Nearest:
        lower = min(lower, self.blocked, self.best)
        if lower >= self.best * _SAME:
            lower = self.best
        return Nearest(lower, self.best, self.best_at, self.n_boxes)

    def _root(self) -> _Boxes:
        row = self.row
        at = row.home[None, :]
        reached = row.reached(at)
        sizes = np.array([len(costs) for costs in row.costs], dtype=np.int64)
        return _Boxes(
            low=np.zeros_like(at),
            high=sizes[None, :] - 1,
            allowed={column: np.isfinite(row.costs[column])[None, :] for column in row.members},
            at=at,
            cost=np.zeros(1),
            reached=reached,
            sums=self._sums(reached),
            open=np.packbits(np.ones((1, self.n_kept), dtype=bool), axis=1),
        )

    def _sums(self, reached: Integers) -> Floats:
        margins = self.margins
        return np.stack([values[reached].sum(axis=1) for values in margins.values], 1) + (
            margins.offset
        )

    def _push(self, boxes: _Boxes, priorities: Floats) -> None:
        for place, priority in enumerate(priorities):
            heapq.heappush(self.heap, (float(priority), self.n_pushed, boxes, place))
            self.n_pushed += 1

    def _pop(self) -> _Boxes:
        taken = []
        for _ in range(min(_AT_ONCE, self.effort - self.n_boxes)):
            if not self.heap or self.heap[0][0] >= self.best * _SAME:
                break
            _, _, boxes, place = heapq.heappop(self.heap)
            taken.append(boxes.take(np.array([place])))
        return _joined(taken)

    def _grow(self, boxes: _Boxes) -> None:
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
        self._keep(stays, stays_open, np.zeros(len(column), dtype=bool))
        allowed = np.isfinite(goes.cost) & (goes.cost < self.best * _SAME)
        goes, column = goes.take(allowed), column[allowed]
        if len(column):
            goes, goes_open = self._closed(goes, is_open[allowed], column)
            reached = self.row.reached(goes.at)
            goes = goes._replace(reached=reached, sums=self._sums(reached))
            self._keep(goes, goes_open, np.ones(len(column), dtype=bool))

    def _unpacked(self, boxes: _Boxes) -> Flags:
        return np.unpackbits(boxes.open, axis=1, count=self.n_kept).view(bool)

    def _split(self, boxes: _Boxes, is_open: Flags) -> "_Split":
        """Choose where to cut: between the cheapest point and the leaf that would help most."""
        rows = np.arange(len(boxes.cost))
        weakest = boxes.sums.argmin(axis=1)
        worth = np.stack([pricing.worth for pricing in self.pricings])[weakest]
        leaf, gap = self._best_leaf(np.where(is_open, worth, -np.inf), boxes.reached)
        is_stuck = gap <= 0
        if is_stuck.any():
            values = self.margins.values[weakest[is_stuck]]
            raw = np.where(is_open[is_stuck], values, -np.inf)
            leaf[is_stuck], gap[is_stuck] = self._best_leaf(raw, boxes.reached[is_stuck])
        chosen = rows[gap > 0]
        leaf = leaf[chosen]
        at = boxes.at[chosen]
        low, high = self.row.low[:, leaf].T, self.row.high[:, leaf].T
        apart = (at < low) | (at > high)
        for column, members in self.row.members.items():
            apart[:, column] = ~members[leaf, at[:, column]]
        columns = np.where(apart, self.row.prices[:, leaf].T, -1.0).argmax(axis=1)
        return _Split(chosen, columns, leaf)

    def _best_leaf(self, worth: Floats, reached: Integers) -> tuple[Integers, Floats]:
        rows = np.arange(len(worth))
        own = worth[rows[:, None], reached]
        gaps = np.maximum.reduceat(worth, self.row.starts, axis=1) - own
        trees = gaps.argmax(axis=1)
        leaf = np.array(
            [
                self.row.starts[tree]
                + worth[place, self.row.starts[tree] : self.ends[tree]].argmax()
                for place, tree in enumerate(trees)
            ],
            dtype=np.int64,
        )
        return leaf, gaps[rows, trees]

    def _children(self, boxes: _Boxes, split: "_Split") -> tuple[_Boxes, _Boxes]:
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
                up, down = self.near[column]
                new = range_cells(far_low[mine, column], far_high[mine, column], up, down, costs)
                price = np.where(new < 0, np.inf, costs[np.maximum(new, 0)])
            cost[mine] += price - costs[at[mine, column]]
            far_at[mine, column] = np.maximum(new, 0)
        return (
            boxes._replace(low=low, high=high, allowed=allowed),
            boxes._replace(low=far_low, high=far_high, allowed=far_allowed, at=far_at, cost=cost),
        )

    def _closed(self, boxes: _Boxes, is_open: Flags, columns: Integers) -> tuple[_Boxes, Flags]:
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

    def _keep(self, boxes: _Boxes, is_open: Flags, is_new: Flags) -> None:
        """Ask about new points, drop what is ruled out, and queue the rest."""
        lower = boxes.cost.copy()
        alive = np.ones(len(lower), dtype=bool)
        tolerance = self.margins.tolerance
        for values, offset, pricing in zip(
            self.margins.values, self.margins.offset, self.pricings, strict=True
        ):
            most = offset + self._best_sums(np.where(is_open, values, -np.inf))
            alive &= most >= -tolerance
            if pricing.price > 0:
                worth = offset + self._best_sums(np.where(is_open, pricing.worth, -np.inf))
                lower = np.maximum(lower, -(worth + tolerance) / pricing.price)
        alive &= lower < self.best * _SAME
        wins = np.asarray((boxes.sums >= -tolerance).all(axis=1))
        reaches = alive & is_new & wins
        asked = np.flatnonzero(reaches)
        if len(asked):
            asked = asked[np.argsort(boxes.cost[asked], kind="stable")]
            is_sure = np.asarray((boxes.sums[asked] > tolerance).all(axis=1))
            flips, broken = self.ask(boxes.at[asked], is_sure)
            is_kept = ~broken.any(axis=1)
            # No change in the box is nearer than one to its cheapest point.
            alive[asked[flips]] = False
            good = asked[flips & is_kept]
            if len(good) and boxes.cost[good[0]] < self.best:
                self.best = float(boxes.cost[good[0]])
                self.best_at = boxes.at[good[0]].copy()
            for place, columns in zip(
                asked[flips & ~is_kept], broken[flips & ~is_kept], strict=True
            ):
                self._set_aside(boxes.take(np.array([place])), is_open[[place]], columns)
            alive &= lower < self.best * _SAME
        kept = np.flatnonzero(alive)
        if len(kept):
            self._push(boxes.take(kept), lower[kept])

    def _set_aside(self, box: _Boxes, is_open: Flags, columns: Flags) -> None:
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
            self.blocked = min(self.blocked, float(box.cost[0]))

    def _elsewhere(self, box: _Boxes, column: int, at: int) -> list[_Boxes]:
        costs = self.row.costs[column]
        parts = []
        if column in self.row.members:
            allowed = box.allowed[column].copy()
            allowed[0, at] = False
            new = int(np.where(allowed[0], costs, np.inf).argmin())
            if allowed[0].any():
                parts.append((box.low, box.high, box.allowed | {column: allowed}, new))
        else:
            up, down = self.near[column]
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

    def _pinned(self, box: _Boxes, is_open: Flags, column: int, at: int) -> tuple[_Boxes, Flags]:
        low, high = box.low.copy(), box.high.copy()
        low[0, column] = high[0, column] = at
        allowed = dict(box.allowed)
        if column in allowed:
            allowed[column] = np.arange(allowed[column].shape[1])[None, :] == at
        return self._closed(
            box._replace(low=low, high=high, allowed=allowed), is_open, np.array([column])
        )

    def _best_sums(self, values: Floats) -> Floats:
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
