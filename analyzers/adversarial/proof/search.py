"""Best first over boxes of cells: the nearest change that flips a row, or a bound on it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.branching import Ask, Branching, Margins
from analyzers.adversarial.proof.frontier import Boxes
from analyzers.adversarial.proof.pricing import best_pricing
from analyzers.adversarial.proof.row import RowBoxes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_SAME = 1 - 1e-12


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
    return _Nearest(row, margins, known, effort, ask).run()


class _Nearest(Branching):
    """Boxes are numbered by a bound from below on the squared size of a flip within them."""

    def __init__(
        self, row: RowBoxes, margins: Margins, known: float, effort: int, ask: Ask
    ) -> None:
        pricings = [
            best_pricing(values, offset + margins.tolerance, row)
            for values, offset in zip(margins.values, margins.offset, strict=True)
        ]
        super().__init__(row, margins, pricings, effort)
        self._ask = ask
        self._best, self._best_at = known, None
        self._blocked = np.inf

    def run(self) -> Nearest:
        lower = max(0.0, *(pricing.bound for pricing in self.pricings))
        if not self.is_over(lower):
            lower = self.search(lower)
        lower = min(lower, self._blocked, self._best)
        return Nearest(
            self._best if self.is_over(lower) else lower, self._best, self._best_at, self.n_boxes
        )

    @property
    def limit(self) -> float:
        return self._best * _SAME

    def is_over(self, priority: float) -> bool:
        return priority >= self.limit

    def leave_open(self, box: Boxes, is_open: Flags) -> None:
        del is_open
        self._blocked = min(self._blocked, float(box.cost[0]))

    def keep(self, boxes: Boxes, is_open: Flags, is_new: Flags) -> None:
        lower = boxes.cost.copy()
        alive = np.ones(len(lower), dtype=bool)
        tolerance = self.margins.tolerance
        for values, offset, pricing in zip(
            self.margins.values, self.margins.offset, self.pricings, strict=True
        ):
            most = offset + self.best_sums(np.where(is_open, values, -np.inf))
            alive &= most >= -tolerance
            if pricing.price > 0:
                worth = offset + self.best_sums(
                    np.where(is_open, self.worth_within(pricing, boxes), -np.inf)
                )
                lower = np.maximum(lower, -(worth + tolerance) / pricing.price)
        alive &= lower < self.limit
        wins = np.asarray((boxes.sums >= -tolerance).all(axis=1))
        reaches = alive & is_new & wins
        asked = np.flatnonzero(reaches)
        if len(asked):
            asked = asked[np.argsort(boxes.cost[asked], kind="stable")]
            is_sure = np.asarray((boxes.sums[asked] > tolerance).all(axis=1))
            flips, broken = self._ask(boxes.at[asked], is_sure)
            is_kept = ~broken.any(axis=1)
            # No change in the box is nearer than one to its cheapest point.
            alive[asked[flips]] = False
            good = asked[flips & is_kept]
            if len(good) and boxes.cost[good[0]] < self._best:
                self._best = float(boxes.cost[good[0]])
                self._best_at = boxes.at[good[0]].copy()
            for place, columns in zip(
                asked[flips & ~is_kept], broken[flips & ~is_kept], strict=True
            ):
                self.set_aside(boxes.take(np.array([place])), is_open[[place]], columns)
            alive &= lower < self.limit
        kept = np.flatnonzero(alive)
        if len(kept):
            self.push(boxes.take(kept), lower[kept])
