"""The model as the attacker sees it: thousands of rows a call, and every question counted."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.anatomy.compiled import original_of
from analyzers.core.model import Model
from analyzers.toolkit.feasible import FeasibleSpace

ROWS_A_CALL = 20_000
Sight = Literal["scores", "labels only", "values"]
_LEAST_MARGIN = 1e-12


class Target:
    """A model under attack on a fixed set of rows.

    Attributes:
        space: the rules.
        frame: the rows under attack.
        originals: `(n_rows, n_features)` the same as vectors.
        codes: `(n_rows,)` the answer the attacker wants to change.
        wanted: the answer they want instead; None where any other will do.
        sight: what the attacker sees.
        model: answers the questions; it may be a compiled copy.
        queries: `(n_rows,)` questions asked so far about each row.
    """

    def __init__(
        self,
        model: Model,
        space: FeasibleSpace,
        frame: pd.DataFrame,
        codes: NDArray[np.int64],
        *,
        sight: Sight,
        wanted: int | None = None,
    ) -> None:
        self.space = space
        self.frame = frame[[field.name for field in space.fields]]
        self.originals = space.encode(frame)
        self.codes = codes
        self.wanted = wanted
        self.sight: Sight = sight
        self.queries = np.zeros(len(frame), dtype=np.int64)
        self.model = model
        self._original = original_of(model)

    def margins(
        self, points: NDArray[np.float64], owners: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How far each point is beyond the decision boundary; above 0 the answer has changed.

        Args:
            points: `(n_points, n_features)`, repaired.
            owners: `(n_points,)` which row each belongs to.

        Returns:
            `(n_points,)` score of the best other class minus that of the class under attack (or
            of the wanted class minus that of the best other) in [-1, 1]; 1 or -1 where the
            attacker sees labels only.
        """
        return self._asked(points, owners, self._margins_of)

    def values(self, points: NDArray[np.float64], owners: NDArray[np.int64]) -> NDArray[np.float64]:
        """Predicted values `(n_points,)` of a regression model."""
        return self._asked(points, owners, lambda frame, _: _as_floats(self.model.predict(frame)))

    def is_confirmed(
        self, points: NDArray[np.float64], owners: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Ask the model itself, no copy, once more whether the answer has changed; not counted."""
        changed = np.zeros(len(points), dtype=bool)
        for start in range(0, len(points), ROWS_A_CALL):
            part = slice(start, start + ROWS_A_CALL)
            frame = self.space.decode(points[part], owners[part], self.frame)
            changed[part] = self.aim(owners[part]).is_reached(self._original.predict(frame))
        return changed

    def aim(self, owners: NDArray[np.int64]) -> Aim:
        """Return the goal for the rows `owners`."""
        wanted = None if self.wanted is None else np.full(len(owners), self.wanted)
        return Aim(self.codes[owners], wanted)

    def _asked(
        self,
        points: NDArray[np.float64],
        owners: NDArray[np.int64],
        answer: Callable[[pd.DataFrame, NDArray[np.int64]], NDArray[np.float64]],
    ) -> NDArray[np.float64]:
        np.add.at(self.queries, owners, 1)
        answers = np.empty(len(points))
        for start in range(0, len(points), ROWS_A_CALL):
            part = slice(start, start + ROWS_A_CALL)
            frame = self.space.decode(points[part], owners[part], self.frame)
            answers[part] = answer(frame, owners[part])
        return answers

    def _margins_of(self, frame: pd.DataFrame, owners: NDArray[np.int64]) -> NDArray[np.float64]:
        aim = self.aim(owners)
        if self.sight == "labels only":
            return np.where(aim.is_reached(self.model.predict(frame)), 1.0, -1.0)
        scores = self.model.predict_proba(frame)
        margins = aim.margins(scores)
        # Of classes that tie, which scores of trees do, the first is the answer.
        tied = np.flatnonzero(margins == 0)
        margins[tied[aim.take(tied).is_reached(scores[tied].argmax(axis=1))]] = _LEAST_MARGIN
        return margins


def rank_in_row(owners: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count the points of each row from 0.

    Args:
        owners: `(n_points,)` which row each belongs to; those of a row stand together.
    """
    _, first, sizes = np.unique(owners, return_index=True, return_counts=True)
    order = np.argsort(first)
    return np.arange(len(owners)) - np.repeat(first[order], sizes[order])


def _as_floats(values: NDArray[np.float64] | NDArray[np.int64]) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)
