"""How much of the difference in scores between two groups does each feature carry?

The game: features in a coalition keep each person's own values, the others come from a row of the
pooled background, and what is paid out is the difference in mean score between the two groups. Its
Shapley values add up to the difference, because both groups meet the same background rows.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.model import Capability, Model
from analyzers.core.workbench import Workbench
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.sampling import content_order

TOGETHER = "all features together"
MOST_PAIRS = 250
# A pair walks through its features forwards and backwards, which cancels much of the chance.
_WALKS = 2
_BATCH = 20_000


class _Walks(NamedTuple):
    """Pairs of rows, one of each group, and the way through the features they share.

    Attributes:
        rows: `(2, n_pairs)` positions in the data, the group with the higher score first.
        background: `(n_pairs,)` positions.
        ranks: `(n_pairs, n_features)` when each feature joins the coalition, from 0.
    """

    rows: NDArray[np.int64]
    background: NDArray[np.int64]
    ranks: NDArray[np.int64]


def attribution_table(
    bench: Workbench,
    attributes: Sequence[Attribute],
    values: NDArray[np.float64],
    favourable: int,
    *,
    smallest: int,
) -> pa.Table:
    """Split the widest difference in mean score of every attribute into shares of the features.

    Args:
        bench: with a live model and a table of features.
        attributes: the sensitive columns as groups.
        values: `(n_rows,)` scores of the favourable class, decisions, or predicted numbers.
        favourable: position of the favourable class; unused for numbers.
        smallest: rows a group needs.

    Returns:
        For each attribute one row per feature, the largest share first, and one for their sum.

    References:
        Shapley 1953; Castro, Gómez and Tejada 2009 (sampling permutations); Begley et al. 2020
        (Shapley values of a fairness gap).
    """
    model, inputs = bench.model, bench.data.inputs
    rows: list[dict[str, Any]] = []
    if model is None or not isinstance(inputs, pd.DataFrame) or inputs.shape[1] == 0:
        return TABLES["attributions"].empty_table()
    rng = bench.rng.spawn(1)[0]
    order = content_order(bench.data)
    for attribute in attributes:
        n = np.bincount(attribute.codes, minlength=len(attribute.levels))
        large = np.flatnonzero(n >= max(smallest, 2))
        if len(large) < 2:
            continue
        means = np.bincount(attribute.codes, weights=values, minlength=len(n))[large] / n[large]
        pair = (int(large[means.argmax()]), int(large[means.argmin()]))
        if pair[0] == pair[1]:
            continue
        members = [order[attribute.codes[order] == code] for code in pair]
        walks = _draw(members, order, inputs.shape[1], rng)
        what = f"Asking the model what carries the difference by {attribute.name}"
        gains = _gains(model, inputs, walks, favourable, bench, what)
        head = {
            "attribute": attribute.name, "highest": attribute.levels[pair[0]],
            "lowest": attribute.levels[pair[1]], "n": walks.rows.shape[1],
            "all_rows_difference": float(means.max() - means.min()),
            "method": f"{_WALKS} opposite permutations for each of {walks.rows.shape[1]:,} pairs "
            "of rows, Student's t",
        }  # fmt: skip
        shares = [
            head | {"feature": str(name)} | _mean(gains[:, place])
            for place, name in enumerate(inputs.columns)
        ]
        shares.sort(key=lambda row: (-abs(row["value"]), row["feature"]))
        rows += [*shares, head | {"feature": TOGETHER} | _mean(gains.sum(axis=1))]
    return pa.Table.from_pylist(rows, schema=TABLES["attributions"])


def _draw(
    members: Sequence[NDArray[np.int64]],
    everyone: NDArray[np.int64],
    n_features: int,
    rng: np.random.Generator,
) -> _Walks:
    n_pairs = min(MOST_PAIRS, *(len(group) for group in members))
    rows = np.stack([rng.choice(group, n_pairs, replace=False) for group in members])
    ranks = np.argsort(rng.random((n_pairs, n_features)), axis=1)
    return _Walks(
        np.concatenate([rows] * _WALKS, axis=1),
        rng.choice(everyone, n_pairs * _WALKS),
        np.concatenate([ranks, n_features - 1 - ranks]),
    )


def _gains(
    model: Model,
    inputs: pd.DataFrame,
    walks: _Walks,
    favourable: int,
    bench: Workbench,
    what: str,
) -> NDArray[np.float64]:
    """What each feature adds to the difference when it joins, `(n_pairs, n_features)`."""
    n_walks, n_features = walks.ranks.shape
    per_walk = 2 * (n_features + 1)
    size = max(1, _BATCH // per_walk)
    parts = []
    for start in bench.track(range(0, n_walks, size), what):
        mine = slice(start, start + size)
        ranks, background = walks.ranks[mine], walks.background[mine]
        asked = [
            np.where(ranks < step, own[:, None], background[:, None])
            for own in walks.rows[:, mine]
            for step in range(n_features + 1)
        ]
        table = _mix(inputs, np.concatenate(asked))
        paid = _ask(model, table, favourable).reshape(2, n_features + 1, len(ranks))
        added = np.diff(paid[0] - paid[1], axis=0)
        parts.append(np.take_along_axis(added.T, ranks, axis=1))
    gains = np.concatenate(parts)
    return gains.reshape(_WALKS, -1, n_features).mean(axis=0)


def _mix(inputs: pd.DataFrame, positions: NDArray[np.int64]) -> pd.DataFrame:
    """Take every column at its own positions, `(n, n_features)`; dtypes stay as they are."""
    columns = {
        name: inputs.iloc[:, place].take(positions[:, place]).reset_index(drop=True)
        for place, name in enumerate(inputs.columns)
    }
    return pd.DataFrame(columns)


def _ask(model: Model, table: pd.DataFrame, favourable: int) -> NDArray[np.float64]:
    if Capability.PREDICT_PROBA in model.capabilities:
        return np.asarray(model.predict_proba(table)[:, favourable], dtype=np.float64)
    predicted = np.asarray(model.predict(table))
    if predicted.dtype.kind == "f":
        return predicted.astype(np.float64)
    return (predicted == favourable).astype(np.float64)


def _mean(gains: NDArray[np.float64]) -> dict[str, float]:
    n = len(gains)
    value = float(gains.mean())
    half = float(stats.t.ppf(0.975, n - 1) * gains.std(ddof=1) / np.sqrt(n))
    return {"value": value, "low": value - half, "high": value + half}
