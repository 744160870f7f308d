"""Regression on trees: how far a prediction can be moved at most, proved or bounded."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.proof.boxes import LeafBoxes, boxes_of
from analyzers.adversarial.proof.branching import Margins
from analyzers.adversarial.proof.largest import largest_sum
from analyzers.adversarial.proof.opened import open_trees
from analyzers.adversarial.proof.program import TOLERANCE, Program
from analyzers.adversarial.proof.row import RowBoxes, row_boxes
from analyzers.adversarial.proof.rows import broken_columns
from analyzers.adversarial.robustness import WITHIN
from analyzers.adversarial.target import Target
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked
from analyzers.toolkit.relations import Relation

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Reach(NamedTuple):
    """How far each prediction can be moved within the budget, up or down.

    Attributes:
        at_most: `(n_rows,)` no change within the budget moves it further.
        reached: `(n_rows,)` the largest movement known, by the model itself.
        searched: `(n_rows,)` what was known before.
        points: `(n_rows, n_features)` where it is reached.
        tolerance: what rounding in the model's own sums may come to.
    """

    at_most: Floats
    reached: Floats
    searched: Floats
    points: Floats
    tolerance: float

    @property
    def is_proved(self) -> Flags:
        """Rows whose largest movement is known for certain."""
        return self.at_most <= self.reached + 2 * self.tolerance


def reach_of_rows(
    model: Model,
    target: Target,
    points: Floats,
    *,
    budget: float,
    effort: int,
    track: Tracker = untracked,
    done: Callable[[int], None] = lambda _: None,
) -> Reach:
    """Prove the largest movement of every prediction as far as the effort allows.

    Args:
        model: the model itself.
        target: the rows.
        points: `(n_rows, n_features)` the movement that a search found for each.
        budget: largest size of a change.
        effort: most boxes to look at for each row.
        track: reports progress; where it ends early, the rows left have no ceiling.
        done: told how many rows are done.

    Raises:
        DoesNotFit: the model is no tree ensemble that can be read.
    """
    boxes = boxes_of(open_trees(model, target.frame, ()), target.space, target.frame)
    own = boxes.own_answers(target.frame)
    owners = np.arange(len(points))
    start = target.values(target.originals, owners)
    searched = np.abs(target.values(points, owners) - start)
    reached, best = searched.copy(), points.copy()
    at_most = np.full(len(points), np.inf)
    for row in track(range(len(points)), "Proving how far predictions can be moved"):
        problem = row_boxes(
            boxes, target.space, target.originals[row], next(own), budget**2 * (1 + 1e-9)
        )
        at_most[row] = 0.0
        for sign in (1.0, -1.0):
            mover = _Mover(target, problem, row, start[row], best, reached, budget)
            found = _moved(boxes, problem, sign, start[row], reached[row], budget, effort, mover)
            at_most[row] = max(at_most[row], found)
        done(row + 1)
    at_most = np.maximum(at_most, reached)
    return Reach(at_most, reached, searched, best, boxes.opened.tolerance)


def _moved(
    boxes: LeafBoxes,
    problem: RowBoxes,
    sign: float,
    start: float,
    known: float,
    budget: float,
    effort: int,
    mover: "_Mover",
) -> float:
    """Return the most that a prediction moves in one direction."""
    opened = boxes.opened
    margins = Margins(sign * boxes.values[:, problem.leaves], sign * opened.start, opened.tolerance)
    largest = largest_sum(
        problem, margins, known=sign * start + known, most=budget**2, effort=effort // 2,
        check=mover,
    )  # fmt: skip
    ceiling = largest.ceiling
    tolerance = 2 * margins.tolerance
    if ceiling > largest.reached + tolerance and len(problem.leaves) <= effort:
        program = Program(problem, mover.relations)
        solved = program.largest(margins, most=budget**2, nodes=effort)
        if solved.at is not None:
            mover(solved.at[None])
            # What the solver proves to be the largest is the movement itself, to its tolerance.
            slack = TOLERANCE * float(np.abs(margins.values).max(initial=0.0))
            ceiling = min(ceiling, -solved.bound + slack)
    return ceiling - sign * start


class _Mover:
    """Puts points to the model itself and keeps the best."""

    def __init__(
        self,
        target: Target,
        problem: RowBoxes,
        row: int,
        start: float,
        best: Floats,
        reached: Floats,
        budget: float,
    ) -> None:
        self._target, self._problem, self._row, self._start = target, problem, row, start
        self._best, self._reached, self._budget = best, reached, budget

    @property
    def relations(self) -> tuple[Relation, ...]:
        """Rules between columns."""
        return self._target.space.relations

    def __call__(self, at: Integers) -> Flags:
        points = np.stack([self._problem.point(each) for each in at])
        space, original = self._target.space, self._target.originals[self._row]
        originals = np.repeat(original[None, :], len(points), axis=0)
        is_kept = space.is_feasible(points, originals)
        is_kept &= space.distance(points, originals) <= self._budget * WITHIN
        if is_kept.any():
            owners = np.full(int(is_kept.sum()), self._row)
            moved = np.abs(self._target.values(points[is_kept], owners) - self._start)
            if moved.max() > self._reached[self._row]:
                self._reached[self._row] = moved.max()
                self._best[self._row] = points[is_kept][moved.argmax()]
        return broken_columns(space, points, originals, is_kept, self._problem.places)
