"""Does the model change its answer where the explanation says it should, and come back with it?

Deletion: what an explanation names first is replaced, one after the other, and the change of the
answer is added up. Insertion: everything is replaced, what it names first is put back, and what is
still missing to the own answer is added up. Both are done in random orders too. What the
explanation gains is measured row by row on the same replacements, so that the interval is that of a
paired difference.

References: Agarwal et al. 2022 (OpenXAI, prediction gap on important and unimportant features);
Petsiuk et al. 2018 (deletion and insertion).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.core.workbench import Tracker
from analyzers.explanation.coalitions import Ask, Pool
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate

RANDOM_ORDERS = 3
DEEPEST = 8
REPLACEMENTS = 6


class Ordered(NamedTuple):
    """Distance from the own answer after 1, 2, ... steps.

    Attributes:
        explained: `(n_rows, n_steps)` in the explanation's order.
        random: `(n_rows, n_steps)` in random orders, their mean.
    """

    explained: NDArray[np.float64]
    random: NDArray[np.float64]


class Faithfulness(NamedTuple):
    """Both tests.

    Attributes:
        deletion: what is named first is replaced: far is good.
        insertion: what is named first is put back: near is good.
    """

    deletion: Ordered
    insertion: Ordered

    @property
    def deletion_gains(self) -> NDArray[np.float64]:
        """`(n_rows,)` what the explanation's order moves the answer more than a random one."""
        found: NDArray[np.float64] = (self.deletion.explained - self.deletion.random).mean(axis=1)
        return found

    @property
    def insertion_gains(self) -> NDArray[np.float64]:
        """`(n_rows,)` how much nearer the explanation's order brings the answer than a random."""
        found: NDArray[np.float64] = (self.insertion.random - self.insertion.explained).mean(axis=1)
        return found


def orders_of(values: NDArray[np.float64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """List the explanation's order, largest first, and `RANDOM_ORDERS` random ones.

    Args:
        values: `(n_rows, n_parts)` the explanation.
        rng: draws the random orders.

    Returns:
        Arrays `(n_rows, n_parts)`: the rank of each part, from 0.
    """
    orders = [np.argsort(-np.abs(values), axis=1, kind="stable")]
    orders += [np.argsort(rng.random(values.shape), axis=1) for _ in range(RANDOM_ORDERS)]
    return [np.argsort(order, axis=1) for order in orders]


def faithfulness_of(
    deleted: list[NDArray[np.float64]], inserted: list[NDArray[np.float64]]
) -> Faithfulness:
    """Put distances together: the explanation's first, then those of the random orders."""
    deletion, insertion = (
        Ordered(found[0], np.mean(found[1:], axis=0)) for found in (deleted, inserted)
    )
    return Faithfulness(deletion, insertion)


def replace_columns(
    ask: Ask,
    rows: pd.DataFrame,
    values: NDArray[np.float64],
    background: pd.DataFrame,
    *,
    rng: np.random.Generator,
    track: Tracker,
) -> Faithfulness:
    """Replace columns by those of other rows, and put them back.

    Args:
        ask: returns `(n,)` outputs for n rows.
        rows: `(n_rows, n_features)`.
        values: `(n_rows, n_features)` the explanation.
        background: rows whose values replace the row's own.
        rng: source of the random orders and replacements.
        track: progress.
    """
    n_rows, n_features = rows.shape
    n_steps = min(DEEPEST, max(1, n_features - 1))
    pool = Pool(rows, background)
    own = ask(rows)
    replacements = rng.integers(0, len(background), (n_rows, REPLACEMENTS))
    shape = (n_rows, n_steps, REPLACEMENTS)
    row, step, copy = (part.ravel() for part in np.indices(shape))
    tests: tuple[list[NDArray[np.float64]], list[NDArray[np.float64]]] = ([], [])
    ranks = orders_of(values, rng)
    for rank in track(ranks, "Replacing columns and putting them back", total=len(ranks)):
        is_early = rank[row] <= step[:, None]
        for found, keeps in zip(tests, (~is_early, is_early), strict=True):
            answers = ask(pool.mix(row, replacements[row, copy], keeps)).reshape(shape)
            found.append(np.abs(answers - own[:, None, None]).mean(axis=2))
    return faithfulness_of(*tests)


def faithfulness_table(found: Faithfulness) -> pa.Table:
    """Mean distance from the own answer after each number of steps, in both tests and orders."""
    lines = []
    for test, ordered in zip(found._fields, found, strict=True):
        for order, distances in (("explanation", ordered.explained), ("random", ordered.random)):
            for step in range(distances.shape[1]):
                change = mean_estimate(distances[:, step])
                lines.append(
                    {
                        "test": test, "order": order, "replaced": step + 1, "change": change.value,
                        "low": change.low, "high": change.high, "n": change.n,
                    }
                )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["deletion"])


def faithfulness_estimates(found: Faithfulness) -> dict[str, Estimate]:
    """What the explanation gains over a random order in either test."""
    return {
        "faithfulness_gain": mean_estimate(found.deletion_gains),
        "insertion_gain": mean_estimate(found.insertion_gains),
    }
