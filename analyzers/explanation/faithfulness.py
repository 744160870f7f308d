"""Does the model change its answer more where the explanation says it should?

The columns an explanation names first are replaced by those of other rows, one after the other, and
the change of the answer is added up (the gap on important columns); the same is done in a random
order. What the explanation gains over the random order is measured row by row on the same
replacements, so the interval is that of a paired difference.

References: Agarwal et al. 2022 (OpenXAI, prediction gap on important features);
Petsiuk et al. 2018.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.explanation.coalitions import Ask, Pool

_REPLACEMENTS = 10
_RANDOM_ORDERS = 3
_DEEPEST = 8


class Deletion(NamedTuple):
    """Mean change of the answer after 1, 2, ... columns were replaced.

    Attributes:
        explained: `(n_rows, n_steps)` in the explanation's order.
        random: `(n_rows, n_steps)` in random orders.
    """

    explained: NDArray[np.float64]
    random: NDArray[np.float64]

    @property
    def gains(self) -> NDArray[np.float64]:
        """`(n_rows,)` what the explanation's order moves the answer more than a random one."""
        difference: NDArray[np.float64] = (self.explained - self.random).mean(axis=1)
        return difference


def delete_columns(
    ask: Ask,
    rows: pd.DataFrame,
    values: NDArray[np.float64],
    background: pd.DataFrame,
    *,
    rng: np.random.Generator,
    track: Tracker,
) -> Deletion:
    """Replace columns in the order of `values` and in random orders.

    Args:
        ask: returns `(n,)` outputs for n rows.
        rows: `(n_rows, n_features)`.
        values: `(n_rows, n_features)` the explanation.
        background: rows whose values replace the row's own.
        rng: source of the random orders and replacements.
        track: progress.
    """
    n_rows, n_features = rows.shape
    n_steps = min(_DEEPEST, max(1, n_features - 1))
    pool = Pool(rows, background)
    own = ask(rows)
    replacements = rng.integers(0, len(background), (n_rows, _REPLACEMENTS))
    orders = np.argsort(rng.random((_RANDOM_ORDERS, n_rows, n_features)), axis=2)
    tried = [np.argsort(-np.abs(values), axis=1, kind="stable"), *orders]
    changes = []
    for order in track(tried, "Replacing columns", total=len(tried)):
        rank = np.argsort(order, axis=1)
        shape = (n_rows, n_steps, _REPLACEMENTS)
        row, step, copy = (part.ravel() for part in np.indices(shape))
        keeps = rank[row] > step[:, None]
        answers = ask(pool.mix(row, replacements[row, copy], keeps)).reshape(shape)
        changes.append(np.abs(answers - own[:, None, None]).mean(axis=2))
    return Deletion(changes[0], np.mean(changes[1:], axis=0))
