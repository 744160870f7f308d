"""All rows, one after the other: what the search found, and how far from it the truth can be."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.found import Found
from analyzers.adversarial.proof.boxes import LeafBoxes, boxes_of
from analyzers.adversarial.proof.branching import Margins
from analyzers.adversarial.proof.opened import open_trees
from analyzers.adversarial.proof.program import TOLERANCE, Program
from analyzers.adversarial.proof.row import RowBoxes, row_boxes
from analyzers.adversarial.proof.search import nearest_change
from analyzers.adversarial.target import Target
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker, untracked
from analyzers.toolkit.feasible import FeasibleSpace

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]
SOURCE = "proof by branch and bound"
_SAME = 1 - 1e-9
# Solves of one integer program, each without the point of the one before.
MOST_SOLVED = 6


class Bounds(NamedTuple):
    """Where the smallest change of each row lies.

    Attributes:
        lower: `(n_rows,)` no change is smaller; infinite where no allowed change flips the row.
        upper: `(n_rows,)` the smallest change known, confirmed by the model; infinite where none.
        searched: `(n_rows,)` what was known before.
        n_boxes: `(n_rows,)` boxes looked at.
    """

    lower: Floats
    upper: Floats
    searched: Floats
    n_boxes: Integers

    @property
    def is_proved(self) -> Flags:
        """Rows whose smallest change is known for certain, or known not to exist."""
        return self.lower >= self.upper * _SAME

    def first(self, n_rows: int) -> "Bounds":
        """Return those of the first rows."""
        return Bounds(
            self.lower[:n_rows], self.upper[:n_rows], self.searched[:n_rows], self.n_boxes[:n_rows]
        )


def bound_rows(
    model: Model,
    target: Target,
    found: Found,
    classes: tuple[str, ...],
    *,
    effort: int,
    track: Tracker = untracked,
    done: Callable[[int], None] = lambda _: None,
) -> Bounds:
    """Prove the smallest change of every row as far as the effort allows.

    Args:
        model: the model itself.
        target: the rows under attack, all of them answered as `target.codes` says.
        found: what the search knows; receives every nearer change.
        classes: of the subject.
        effort: most boxes to look at for each row.
        track: reports progress; where it ends early, the rows left have no lower bound.
        done: told how many rows are done.

    Raises:
        DoesNotFit: the model is no tree ensemble that can be read.
    """
    boxes = boxes_of(open_trees(model, target.frame, classes), target.space, target.frame)
    own = boxes.own_answers(target.frame)
    searched = found.distances.copy()
    lower = np.zeros(len(searched))
    n_boxes = np.zeros(len(searched), dtype=np.int64)
    for row in track(range(len(searched)), "Proving the smallest change"):
        lower[row], n_boxes[row] = _bound_row(boxes, target, found, row, next(own), effort)
        done(row + 1)
    # What is proved is the found change itself, to the last digit.
    lower = np.where(lower >= found.distances * _SAME, found.distances, lower)
    return Bounds(lower, found.distances.copy(), searched, n_boxes)


def _bound_row(
    boxes: LeafBoxes, target: Target, found: Found, row: int, own: Flags, effort: int
) -> tuple[float, int]:
    """Solve an integer program where leaves are few, and split boxes where that is not enough."""
    known = float(found.distances[row]) ** 2
    problem = row_boxes(boxes, target.space, target.originals[row], own, known * (1 + 1e-9))
    asked = _Asked(target, found, row, problem)
    # Few leaves are proved sooner by the integer program than by many boxes.
    is_small = len(problem.leaves) <= effort
    lower, left, looked = np.inf, effort, 0
    goals = _goals(boxes, problem, int(target.codes[row]), target.wanted)
    # What one goal rules out, points the model answers as before, no other goal needs to look at.
    program = Program(problem, target.space.relations) if is_small else None
    for place, margins in enumerate(goals):
        bound = 0.0
        if program is not None:
            bound = _by_program(program, problem, margins, found, row, asked, effort)
        known = float(found.distances[row]) ** 2
        if bound < known * _SAME:
            nearest = nearest_change(
                problem, margins, known=known, effort=left // (len(goals) - place), ask=asked
            )
            bound = max(bound, nearest.lower)
            left -= nearest.n_boxes
            looked += nearest.n_boxes
        lower = min(lower, bound)
    return float(np.sqrt(min(lower, float(found.distances[row]) ** 2))), looked


def _by_program(
    program: Program,
    problem: RowBoxes,
    margins: Margins,
    found: Found,
    row: int,
    asked: "_Asked",
    nodes: int,
) -> float:
    """Return a squared size that no change is smaller than, and hand on what flips.

    The cheapest point may break a rule between columns, or reach leaves whose sums tie and go the
    other way in the model. Either is ruled out where nothing else goes with it, and the next one is
    looked for.
    """
    bound, is_over = 0.0, False
    for _ in range(MOST_SOLVED):
        most = float(found.distances[row]) ** 2
        solved = program.nearest(margins, slack=margins.tolerance, most=most, nodes=nodes)
        bound = max(bound, solved.bound)
        if solved.at is None:
            break
        flips, broken = asked(solved.at[None], np.zeros(1, dtype=bool))
        is_over = bool(flips[0])
        if not is_over:
            program.exclude_leaves(problem.reached(solved.at[None])[0])
        elif not broken.any() or not program.exclude_cells(solved.at, broken[0]):
            break
    if not is_over:
        # Ties without end: what lies clearly beyond them is at least a change in earnest.
        clear = margins.tolerance + TOLERANCE * float(np.abs(margins.values).max(initial=0.0))
        most = float(found.distances[row]) ** 2
        solved = program.nearest(margins, slack=-clear, most=most, nodes=nodes)
        if solved.at is not None:
            asked(solved.at[None], np.zeros(1, dtype=bool))
    # What the solver proves to be the smallest is the change itself, to its tolerance.
    known = float(found.distances[row]) ** 2
    return known if bound >= known * (1 - TOLERANCE) else bound


def _goals(boxes: LeafBoxes, problem: RowBoxes, code: int, wanted: int | None) -> list[Margins]:
    """Ways to change the answer; for a wanted one all margins must be won at once."""
    values, start = boxes.values[:, problem.leaves], boxes.opened.start
    tolerance = boxes.opened.tolerance
    if wanted is None:
        others = [at for at in range(len(start)) if at != code]
        return [
            Margins(values[[at]] - values[code], start[[at]] - start[code], tolerance)
            for at in others
        ]
    rest = [at for at in range(len(start)) if at != wanted]
    return [Margins(values[wanted] - values[rest], start[wanted] - start[rest], tolerance)]


class _Asked:
    """Puts points to the model itself and hands what flips to `found`."""

    def __init__(self, target: Target, found: Found, row: int, problem: RowBoxes) -> None:
        self._target, self._found, self._row, self._problem = target, found, row, problem

    def __call__(self, at: Integers, is_sure: Flags) -> tuple[Flags, Flags]:
        points = np.stack([self._problem.point(each) for each in at])
        space, original = self._target.space, self._target.originals[self._row]
        originals = np.repeat(original[None, :], len(points), axis=0)
        is_kept = space.is_feasible(points, originals)
        flips = self._offer(points, is_kept)
        if (is_sure & ~flips).any():
            raise DoesNotFit("its trees and its answers do not agree")
        broken = flips & ~is_kept
        if broken.any():
            mended = space.repair(points[broken], originals[broken])
            mended = mended[space.is_feasible(mended, originals[broken])]
            self._offer(mended, np.ones(len(mended), dtype=bool))
        return flips, broken_columns(space, points, originals, is_kept, self._problem.places)

    def _offer(self, points: Floats, is_kept: Flags) -> Flags:
        """Hand on what flips and keeps all rules; say what flips."""
        if not len(points):
            return np.zeros(0, dtype=bool)
        owners = np.full(len(points), self._row)
        flips = self._target.is_confirmed(points, owners)
        self._found.offer(points, owners, np.where(flips & is_kept, 1.0, -1.0), source=SOURCE)
        return flips


def broken_columns(
    space: FeasibleSpace, points: Floats, originals: Floats, is_kept: Flags, places: Integers
) -> Flags:
    """Say which columns take part in a rule between columns that a point breaks.

    Args:
        space: the rules.
        points: `(n_points, n_features)`.
        originals: `(n_points, n_features)`.
        is_kept: `(n_points,)` whether a point keeps all rules.
        places: `(n_columns,)` the features that are asked about.

    Returns:
        `(n_points, n_columns)`.
    """
    bound = np.zeros((len(points), points.shape[1]), dtype=bool)
    for relation in space.relations:
        is_broken = relation.holds(originals) & ~relation.holds(points)
        for place in (relation.place, *relation.others):
            bound[is_broken, place] = True
    columns = bound[:, places]
    # A rule that none of the columns can mend binds them all.
    return np.where(is_kept[:, None], False, columns | ~columns.any(axis=1, keepdims=True))
