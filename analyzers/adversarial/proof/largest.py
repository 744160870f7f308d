"""Best first over boxes of cells: the largest sum within a budget, or a ceiling on it."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.branching import Branching, Margins
from analyzers.adversarial.proof.frontier import Boxes
from analyzers.adversarial.proof.pricing import best_ceiling
from analyzers.adversarial.proof.row import RowBoxes

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
_SLACK = 1 + 1e-9

# Takes cells `(n_points, n_columns)`; returns the columns of broken rules, as in `branching.Ask`.
Check = Callable[[Integers], Flags]


class Largest(NamedTuple):
    """What is known of the largest sum within a budget.

    Attributes:
        ceiling: no change within the budget reaches more.
        reached: the largest sum known.
        n_boxes: how many boxes were looked at.
    """

    ceiling: float
    reached: float
    n_boxes: int


def largest_sum(
    row: RowBoxes, margins: Margins, *, known: float, most: float, effort: int, check: Check
) -> Largest:
    """Split boxes, highest ceilings first, until the largest sum is proved or the effort spent.

    Args:
        row: the problem, with the leaves within the budget.
        margins: one, the sum.
        known: a sum that is reached already.
        most: squared size that may be spent.
        effort: most boxes to look at.
        check: is handed every point that reaches more, and says which of them break a rule.
    """
    return _Largest(row, margins, known, most, effort, check).run()


class _Largest(Branching):
    """Boxes are numbered by the negative of a ceiling on the sum within them."""

    def __init__(
        self,
        row: RowBoxes,
        margins: Margins,
        known: float,
        most: float,
        effort: int,
        check: Check,
    ) -> None:
        pricing = best_ceiling(margins.values[0], float(margins.offset[0]), row, most)
        super().__init__(row, margins, [pricing], effort)
        self._most, self._check, self._best = most, check, known
        self._left = -np.inf

    def run(self) -> Largest:
        ceiling = self.pricings[0].bound
        if not self.is_over(-ceiling):
            ceiling = -self.search(-ceiling)
        ceiling = max(ceiling, self._left, self._best)
        if self.is_over(-ceiling):
            ceiling = self._best
        return Largest(ceiling, self._best, self.n_boxes)

    @property
    def limit(self) -> float:
        return self._most * _SLACK

    def is_over(self, priority: float) -> bool:
        return -priority <= self._best + self.margins.tolerance

    def leave_open(self, box: Boxes, is_open: Flags) -> None:
        self._left = max(self._left, float(self._ceilings(box, is_open)[0]))

    def keep(self, boxes: Boxes, is_open: Flags, is_new: Flags) -> None:
        ceilings = self._ceilings(boxes, is_open)
        alive = (ceilings > self._best + self.margins.tolerance) & (boxes.cost < self.limit)
        asked = np.flatnonzero(alive & is_new & (boxes.sums[:, 0] > self._best))
        if len(asked):
            broken = self._check(boxes.at[asked])
            bad = broken.any(axis=1)
            self._best = max(self._best, *boxes.sums[asked[~bad], 0], -np.inf)
            for place, columns in zip(asked[bad], broken[bad], strict=True):
                self.set_aside(boxes.take(np.array([place])), is_open[[place]], columns)
            alive[asked[bad]] = False
            alive &= ceilings > self._best + self.margins.tolerance
        kept = np.flatnonzero(alive)
        if len(kept):
            self.push(boxes.take(kept), -ceilings[kept])

    def _ceilings(self, boxes: Boxes, is_open: Flags) -> Floats:
        offset, pricing = self.margins.offset[0], self.pricings[0]
        ceilings = offset + self.best_sums(np.where(is_open, self.margins.values[0], -np.inf))
        if pricing.price > 0:
            worth = offset + self.best_sums(
                np.where(is_open, self.worth_within(pricing, boxes), -np.inf)
            )
            ceilings = np.minimum(ceilings, worth + pricing.price * self._most)
        return np.asarray(ceilings)
