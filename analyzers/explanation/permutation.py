"""How much worse the answers get when a column's values change rows: permutation importance.

Columns that go together are moved together besides, because one alone seems to matter little while
the other still tells the model the same. The increase of the loss is kept row by row, so that any
cohort of rows has its own importance and interval from the same questions.

References: Breiman 2001; Fisher, Rudin and Dominici 2019; Strobl et al. 2008 (correlated columns).
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.model import Model
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import Target
from analyzers.explanation.cohorts import Cohort
from analyzers.explanation.local import is_number
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate

Floats = NDArray[np.float64]

MOST_QUESTIONS = 40_000
MOST_MOVED = 20
REPEATS = 5
LEAST_IN_COHORT = 10
_ALIKE = 0.7
ALL_ROWS = "all rows"


class Moved(NamedTuple):
    """Columns moved together and what it costs each row.

    Attributes:
        names: the columns.
        increases: `(n_rows,)` increase of the loss, mean over the repeats.
    """

    names: tuple[str, ...]
    increases: Floats


def losses(
    model: Model, target: Target, rows: pd.DataFrame, labels: NDArray[np.int64] | Floats
) -> Floats:
    """Return each row's loss.

    Args:
        model: the model.
        target: says which kind of answers it gives.
        rows: `(n_rows, n_features)`.
        labels: `(n_rows,)` class codes or numbers, none missing.

    Returns:
        `(n_rows,)`: absolute error of a number; (1 - probability of the true class) squared; or 1
        where a model without probabilities is wrong.
    """
    if target.class_index is None:
        return np.abs(np.asarray(model.predict(rows), dtype=np.float64) - labels)
    codes = labels.astype(np.int64)
    if target.has_probabilities:
        given = model.predict_proba(rows)[np.arange(len(rows)), codes]
        return np.asarray((1.0 - given) ** 2)
    return (np.asarray(model.predict(rows)) != codes).astype(np.float64)


def loss_words(target: Target) -> str:
    """What `losses` are, in words."""
    if target.class_index is None:
        return "absolute error"
    if target.has_probabilities:
        return "squared error of the true class's probability"
    return "share of wrong answers"


def move_columns(
    model: Model,
    target: Target,
    rows: pd.DataFrame,
    labels: NDArray[np.int64] | Floats,
    sets: list[tuple[str, ...]],
    *,
    rng: np.random.Generator,
    track: Tracker,
) -> list[Moved]:
    """Give each set of columns the values of other rows, several times over.

    Args:
        model: the model.
        target: says which kind of answers it gives.
        rows: `(n_rows, n_features)`.
        labels: `(n_rows,)` none missing.
        sets: columns to move together.
        rng: source of randomness.
        track: progress.
    """
    before = losses(model, target, rows, labels)
    found = []
    for names in track(sets, "Moving columns between rows", total=len(sets)):
        increases = np.zeros(len(rows))
        for _ in range(REPEATS):
            order = rng.permutation(len(rows))
            moved = rows.copy()
            for name in names:
                moved[name] = rows[name].array.take(order)
            increases += (losses(model, target, moved, labels) - before) / REPEATS
        found.append(Moved(names, increases))
    return found


def sets_of(rows: pd.DataFrame, order: NDArray[np.int64]) -> list[tuple[str, ...]]:
    """Each of the most important columns, then those that go together.

    Args:
        rows: `(n_rows, n_features)`.
        order: places of the columns from most to least important.
    """
    chosen = [rows.columns[place] for place in order[:MOST_MOVED]]
    return [(name,) for name in chosen] + together(rows[chosen])


def together(rows: pd.DataFrame) -> list[tuple[str, ...]]:
    """Sets of columns that go together: alike ranks, or the parts of one category.

    Two columns of numbers go together from a rank correlation of 0.7 on; 0/1 columns of which
    never two are 1 in a row, and which share the beginning of their names, are one category.
    """
    names = [name for name in rows.columns if is_number(rows[name])]
    if len(names) < 2:
        return []
    numbers = rows[names].astype(np.float64)
    ranks = numbers.rank().fillna(0.0).to_numpy()
    spread = ranks.std(axis=0)
    centred = (ranks - ranks.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    alike = np.abs(centred.T @ centred / len(rows)) >= _ALIKE
    binary = numbers.isin([0.0, 1.0]).all().to_numpy()
    stems = [str(name).replace("=", "_").rpartition("_")[0] for name in names]
    for stem in set(stems) - {""}:
        members = [at for at, own in enumerate(stems) if own == stem and binary[at]]
        if len(members) > 1 and (numbers.iloc[:, members].sum(axis=1) <= 1).all():
            alike[np.ix_(members, members)] = True
    return [tuple(names[at] for at in members) for members in _connected(alike) if len(members) > 1]


def _connected(alike: NDArray[np.bool_]) -> list[list[int]]:
    left, found = set(range(len(alike))), []
    while left:
        waiting, members = [min(left)], []
        while waiting:
            at = waiting.pop()
            if at not in left:
                continue
            left.remove(at)
            members.append(at)
            waiting += [int(other) for other in np.flatnonzero(alike[at]) if other in left]
        found.append(sorted(members))
    return found


def affordable_rows(n_sets: int, n_rows: int) -> int:
    """How many rows can be moved for each set of columns."""
    return max(min(n_rows, 30), min(n_rows, MOST_QUESTIONS // max(1, n_sets * REPEATS)))


def permutation_table(found: list[Moved], cohorts: list[Cohort]) -> pa.Table:
    """Mean increase of the loss with Student's interval, over all rows and by cohort.

    Args:
        found: by set of columns; the same rows in each.
        cohorts: among these rows; those below ten rows are left out.
    """
    n_rows = len(found[0].increases) if found else 0
    parts = [Cohort("", ALL_ROWS, np.ones(n_rows, dtype=bool)), *cohorts]
    lines = []
    for part in parts:
        if part.members.sum() < LEAST_IN_COHORT:
            continue
        for moved in found:
            mean = mean_estimate(moved.increases[part.members])
            lines.append(
                {
                    "attribute": part.attribute, "group": part.group,
                    "feature": ", ".join(moved.names), "columns": len(moved.names),
                    "increase": mean.value, "low": mean.low, "high": mean.high, "n": mean.n,
                }
            )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["permutation"])
