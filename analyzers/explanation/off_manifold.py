"""Does the model answer the mixed rows of explainers by the rule it answers real rows by?

Explainers ask about rows that mix people. A model built to fool them notices that, answers real
rows by one rule and mixed rows by another, harmless one. Then columns trade places: a column of the
harmless rule moves the answer on mixed rows and not on real ones, a column of the true rule moves
it on real rows and not on mixed ones. An honest model reads every column everywhere, or all of them
more in one of the two places, as nearest neighbours do and support vectors far from their data.

So single values are replaced in real and in mixed rows. On some rows the two columns are looked for
that part most, one in each direction; on others both differences are measured, so that the search
lifts neither. The smaller of the two is the gap: only a trade has both.

References: Slack et al. 2020, Fooling LIME and SHAP.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.explanation.coalitions import Ask
from analyzers.toolkit.intervals import difference_estimate, mean_estimate

LEAST_ROWS = 20
_ROWS_LOOKED_AT = 50
_FEWEST_LOOKED_AT = 4
_ROWS_MEASURED = 300
# Of each kind of row while looking: tables of more than 40 columns are looked at on fewer rows.
_QUESTIONS = 2_000
_MOST_COLUMNS = 1_000


class Trade(NamedTuple):
    """Two columns that may trade places, and by how much they do.

    Attributes:
        gap: the smaller of the two differences, in units of the output.
        on_mixed: the column that moves answers more on mixed rows.
        on_real: the column that moves them more on real rows.
    """

    gap: Estimate
    on_mixed: str
    on_real: str


def off_manifold_gap(ask: Ask, real: pd.DataFrame, rng: np.random.Generator) -> Trade:
    """Say how far columns trade places between real and mixed rows.

    Args:
        ask: returns `(n,)` outputs for n rows.
        real: `(n_rows, n_features)` rows of the data, best those the model was fitted on.
        rng: source of the mixed rows and of the replaced values.

    Returns:
        The columns, and mean |change of the output| where one value is replaced by another row's:
        for one column on mixed less on real rows, for the other on real less on mixed rows,
        whichever is smaller; at most about 0 for a model that answers by one rule.
    """
    n_rows, n_columns = real.shape
    if n_columns < 2:
        return _unmeasured("With one column no row is mixed.")
    if n_rows < LEAST_ROWS:
        return _unmeasured(f"Expected at least {LEAST_ROWS} rows to mix, got {n_rows}.")
    order = rng.permutation(n_rows)
    n_looked = count_looked_at(n_columns, n_rows)
    seen, kept = order[:n_looked], order[n_looked : n_looked + _ROWS_MEASURED]
    columns = np.arange(n_columns)
    if n_columns > _MOST_COLUMNS:
        columns = np.sort(rng.choice(n_columns, _MOST_COLUMNS, replace=False))
    on_real, on_mixed = _both(ask, real, seen, columns, rng)
    apart = on_mixed.mean(axis=0) - on_real.mean(axis=0)
    pair = columns[[int(apart.argmax()), int(apart.argmin())]]
    on_real, on_mixed = _both(ask, real, kept, pair, rng)
    first = difference_estimate(mean_estimate(on_mixed[:, 0]), mean_estimate(on_real[:, 0]))
    second = difference_estimate(mean_estimate(on_real[:, 1]), mean_estimate(on_mixed[:, 1]))
    gap = Estimate(
        value=_least(first.value, second.value),
        low=_least(first.low, second.low),
        high=_least(first.high, second.high),
        n=len(kept),
        method="the smaller of two differences of mean |change of the output|, MOVER",
    )
    return Trade(gap, str(real.columns[pair[0]]), str(real.columns[pair[1]]))


def count_looked_at(n_columns: int, n_rows: int) -> int:
    """Count the rows of each kind on which the two columns are looked for."""
    affordable = max(_FEWEST_LOOKED_AT, _QUESTIONS // n_columns)
    return min(_ROWS_LOOKED_AT, affordable, n_rows // 2)


def count_questions(n_columns: int) -> int:
    """Count the rows the model is asked about where there are rows enough."""
    if n_columns < 2:
        return 0
    looked_at = count_looked_at(n_columns, 2 * _ROWS_LOOKED_AT)
    return 2 * (looked_at * (1 + min(n_columns, _MOST_COLUMNS)) + _ROWS_MEASURED * 3)


def _both(
    ask: Ask,
    real: pd.DataFrame,
    places: NDArray[np.int64],
    columns: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Absolute changes `(n, n_columns)` on the real rows at `places` and on as many mixed ones."""
    mixed = rng.integers(0, len(real), (len(places), real.shape[1]))
    as_they_are = np.repeat(places[:, None], real.shape[1], axis=1)
    return _changes(ask, real, as_they_are, columns, rng), _changes(ask, real, mixed, columns, rng)


def _changes(
    ask: Ask,
    real: pd.DataFrame,
    sources: NDArray[np.int64],
    columns: NDArray[np.int64],
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Absolute changes of the output `(n, n_columns)` where one value is replaced.

    Args:
        ask: returns the outputs.
        real: the rows that every value comes from.
        sources: `(n, n_features)` the row each value of a row to change comes from.
        columns: places of the columns to replace, one at a time.
        rng: source of the new values.
    """
    n = len(sources)
    asked = np.tile(sources, (1 + len(columns), 1))
    for turn, column in enumerate(columns, start=1):
        asked[turn * n : (turn + 1) * n, column] = rng.integers(0, len(real), n)
    frame = pd.DataFrame(
        {place: real.iloc[:, place].array.take(asked[:, place]) for place in range(real.shape[1])}
    ).set_axis(real.columns, axis=1)
    answers = ask(frame).reshape(1 + len(columns), n)
    changes: NDArray[np.float64] = np.abs(answers[1:] - answers[0]).T
    return changes


def _least(first: float | None, second: float | None) -> float | None:
    return None if first is None or second is None else min(first, second)


def _unmeasured(reason: str) -> Trade:
    return Trade(Estimate.unmeasured(reason), "", "")
