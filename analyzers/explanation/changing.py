"""What "another answer" means for the shown row, and its counterfactuals as a table."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.anatomy.compiled import original_of
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Target
from analyzers.explanation.constraints import Constraint, constrained
from analyzers.explanation.counterfactuals import Counterfactuals, Margins, find_counterfactuals
from analyzers.explanation.local import is_number
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.feasible import FeasibleSpace

ANOTHER = "changes the answer"


class Start(NamedTuple):
    """The shown row.

    Attributes:
        row: `(1, n_features)`.
        number: in the file.
        middle: median answer over the explained rows, which a regression crosses where nothing
            else is wanted.
    """

    row: pd.DataFrame
    number: int
    middle: float


class Reach(NamedTuple):
    """What the answer of a regression has to reach.

    Attributes:
        is_upward: whether it has to lie above the value, or below.
        value: in the answer's unit.
    """

    is_upward: bool
    value: float

    def margins(self, outputs: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far answers lie beyond it: above 0 where they reach it."""
        return (outputs - self.value) if self.is_upward else (self.value - outputs)

    def words(self, asked: object) -> str:
        """Say what a change does that reaches it."""
        return f"takes {asked} {'above' if self.is_upward else 'below'} {self.value:.4g}"


def across(middle: float, own: float) -> Reach:
    """What lies on the other side of the median."""
    return Reach(not own > middle, middle)


class Changed(NamedTuple):
    """The table of counterfactuals, in words what was searched, and what a change does."""

    table: pa.Table
    words: str
    goal: str


def change_row(
    model: Model,
    target: Target,
    space: FeasibleSpace,
    reference: pd.DataFrame,
    start: Start,
    order: NDArray[np.int64],
    *,
    asked: str,
    classes: tuple[str, ...],
    constraints: Sequence[Constraint] = (),
    track: Tracker,
) -> Changed:
    """Find small feasible changes of the shown row that change the answer, and write them down."""
    reach = None
    if target.class_index is None:
        reach = across(start.middle, float(target.outputs(model, start.row)[0]))
    margins = _margins(model, target, start, reach)
    space = constrained(space, constraints, start.row)
    found = find_counterfactuals(margins, start.row, space, reference, order, track=track)
    wanted = "another class" if reach is None else f"an answer beyond the median {reach.value:.4g}"
    words = (
        f"{len(found.rows)} ways to {wanted} in {found.n_questions:,} questions; "
        f"{int(space.is_free.sum())} of {len(space.fields)} columns may change"
    )
    goal = ANOTHER
    if reach is not None:
        goal = f"{reach.words(asked)}, the median of the explained rows"
    return Changed(_asked_table(model, target, start, found, classes), words, goal)


def _margins(model: Model, target: Target, start: Start, reach: Reach | None) -> Margins:
    if reach is not None:
        return lambda rows: reach.margins(target.outputs(model, rows))
    if not target.has_probabilities:
        own_code = model.predict(start.row)[0]
        return lambda rows: np.where(model.predict(rows) != own_code, 1.0, -1.0)
    predicted = int(model.predict_proba(start.row)[0].argmax())

    def margins(rows: pd.DataFrame) -> NDArray[np.float64]:
        scores = np.asarray(model.predict_proba(rows), dtype=np.float64)
        others = np.delete(scores, predicted, axis=1).max(axis=1)
        return np.asarray(others - scores[:, predicted], dtype=np.float64)

    return margins


def _asked_table(
    model: Model, target: Target, start: Start, found: Counterfactuals, classes: tuple[str, ...]
) -> pa.Table:
    if not len(found.rows):
        return changes_table(start, found, np.zeros(0), (), classes)
    model = original_of(model)
    outputs = target.outputs(model, found.rows)
    codes: NDArray[np.int64] | tuple[int, ...] = ()
    if classes and target.has_probabilities:
        codes = model.predict_proba(found.rows).argmax(axis=1)
    elif classes:
        codes = np.asarray(model.predict(found.rows)).astype(np.int64)
    return changes_table(start, found, outputs, codes, classes)


def changes_table(
    start: Start,
    found: Counterfactuals,
    outputs: NDArray[np.float64],
    codes: NDArray[np.int64] | tuple[int, ...],
    classes: tuple[str, ...],
) -> pa.Table:
    """Write counterfactuals down, one line for each changed column.

    Args:
        start: the row they start from.
        found: the changed rows.
        outputs: `(n_found,)` the explained output of each.
        codes: `(n_found,)` their predicted classes; unused for a regression.
        classes: names of the classes; empty for a regression.
    """
    lines: list[dict[str, object]] = []
    for at in range(len(found.rows)):
        lines += [
            {
                "number": at + 1,
                "row": start.number,
                "feature": str(found.rows.columns[place]),
                **_cell("before", start.row.iloc[:, place]),
                **_cell("after", found.rows.iloc[[at], place]),
                "step": float(found.steps[at, place]),
                "predicted": classes[int(codes[at])] if classes else f"{outputs[at]:.6g}",
                "output": float(outputs[at]),
            }
            for place in np.flatnonzero(found.steps[at]).tolist()
        ]
    return pa.Table.from_pylist(lines, schema=TABLES["counterfactuals"])


def _cell(word: str, column: pd.Series) -> dict[str, Any]:
    value = column.iloc[0]
    if is_number(column):
        return {word: f"{float(value):.6g}", f"number_{word}": float(value)}
    return {word: str(value)[:200], f"number_{word}": None}
