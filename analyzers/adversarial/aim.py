"""What an attacker of classes wants: any wrong answer, or one of their choosing."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Aim(NamedTuple):
    """The goal for every row.

    Attributes:
        codes: `(n_rows,)` the answer the attacker wants to change.
        wanted: `(n_rows,)` the answer they want instead; None where any other will do.
    """

    codes: NDArray[np.int64]
    wanted: NDArray[np.int64] | None = None

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "Aim":
        """The same for some of the rows."""
        return Aim(self.codes[rows], None if self.wanted is None else self.wanted[rows])

    def is_reached(self, answers: NDArray[np.int64] | NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each answer `(n_rows,)` is what the attacker wants."""
        if self.wanted is None:
            return np.asarray(answers != self.codes)
        return np.asarray(answers == self.wanted)

    def margins(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far each row is beyond the goal, `(n_rows,)`; above 0 it is reached.

        Args:
            scores: `(n_rows, n_classes)` probabilities, logits or their like.
        """
        rows = np.arange(len(scores))
        aside = scores.astype(np.float64, copy=True)
        home = self.codes if self.wanted is None else self.wanted
        own = aside[rows, home]
        aside[rows, home] = -np.inf
        best = aside.max(axis=1)
        return np.asarray(best - own if self.wanted is None else own - best)
