"""What the model answers as one column takes one value after the other: PDP, ICE and ALE.

Partial dependence sets the column of every row to the same value and averages; the single rows are
individual conditional expectations. Where columns hang together that asks about rows that cannot
be; accumulated local effects only move each row to the ends of the narrow interval its value lies
in, and add the differences up.

References: Friedman 2001; Goldstein et al. 2015; Apley and Zhu 2020.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.explanation.coalitions import Ask
from analyzers.explanation.local import is_number
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate

COLUMNS_TRIED = 4
ROWS_TRIED = 100
GRID = 20
_ALE_ROWS = 500
_ALE_BINS = 10


class Dependence(NamedTuple):
    """Answers over a grid of one column's values.

    Attributes:
        grid: `(n_values,)` values of the column, in its own type.
        answers: `(n_rows, n_values)`: each line is a row's conditional expectation, their mean is
            the partial dependence.
    """

    grid: Any
    answers: NDArray[np.float64]


class LocalEffects(NamedTuple):
    """Accumulated local effects of one column.

    Attributes:
        edges: `(n_bins + 1,)` ends of the intervals.
        effects: `(n_bins + 1,)` accumulated, 0 on average over the rows.
        errors: `(n_bins + 1,)` standard errors from the spread within the intervals.
        n: rows used.
    """

    edges: NDArray[np.float64]
    effects: NDArray[np.float64]
    errors: NDArray[np.float64]
    n: int


def partial_dependence(ask: Ask, rows: pd.DataFrame, name: str, grid: Any) -> Dependence:  # noqa: ANN401
    """Set one column of every row to each value of the grid.

    Args:
        ask: returns `(n,)` outputs for n rows.
        rows: `(n_rows, n_features)`.
        name: the column.
        grid: `(n_values,)` pandas array or Series in the column's own type.
    """
    n_rows, n_values = len(rows), len(grid)
    every = np.repeat(np.arange(n_rows), n_values)
    asked = rows.iloc[every].reset_index(drop=True)
    values = pd.Series(grid).astype(rows[name].dtype).array
    asked[name] = pd.Series(values.take(np.tile(np.arange(n_values), n_rows)))
    return Dependence(grid, ask(asked).reshape(n_rows, n_values))


def accumulated_effects(
    ask: Ask, rows: pd.DataFrame, name: str, *, n_bins: int = _ALE_BINS
) -> LocalEffects | None:
    """Accumulate the model's local differences along one column of numbers.

    Args:
        ask: returns `(n,)` outputs for n rows.
        rows: `(n_rows, n_features)`; rows without a value are left out.
        name: the column.
        n_bins: intervals, at most; each holds about as many rows.

    Returns:
        None where the column has a single value.
    """
    values = rows[name].to_numpy(np.float64, na_value=np.nan)
    known = rows[~np.isnan(values)]
    values = values[~np.isnan(values)]
    if len(values) < 2 or np.ptp(values) == 0:
        return None
    # Ends are values of the data, so that whole numbers stay whole.
    edges = np.unique(np.quantile(values, np.linspace(0, 1, n_bins + 1), method="inverted_cdf"))
    bins = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(edges) - 2)
    lower, upper = known.copy(), known.copy()
    kind = rows[name].dtype
    lower[name] = pd.Series(edges[bins], index=known.index).astype(kind)
    upper[name] = pd.Series(edges[bins + 1], index=known.index).astype(kind)
    answers = ask(pd.concat([lower, upper], ignore_index=True))
    differences = answers[len(known) :] - answers[: len(known)]
    counts = np.bincount(bins, minlength=len(edges) - 1)
    steps = np.bincount(bins, weights=differences, minlength=len(edges) - 1) / counts
    spread = np.bincount(bins, weights=(differences - steps[bins]) ** 2, minlength=len(steps))
    errors = np.sqrt(spread / np.maximum(counts - 1, 1) / counts)
    # Each accumulated value is a sum of steps, and so is their mean over the rows.
    sums = np.tri(len(edges), len(steps), -1)
    middle = counts / counts.sum() @ ((sums[:-1] + sums[1:]) / 2)
    centred = sums - middle
    return LocalEffects(edges, centred @ steps, np.sqrt(centred**2 @ errors**2), len(values))


def grid_of(column: pd.Series) -> Any:  # noqa: ANN401  a pandas array of the column's type
    """Choose at most twenty values of the data: quantiles of numbers, the most frequent levels."""
    known = column.dropna()
    if is_number(column):
        ordered = known.sort_values().to_numpy()
        shares = np.linspace(0.025, 0.975, GRID)
        places = np.unique(np.round(shares * (len(ordered) - 1)).astype(np.int64))
        return pd.Series(np.unique(ordered[places])).astype(column.dtype)
    counts = known.astype(object).map(str).value_counts()
    levels = sorted(counts.index, key=lambda level: (-counts[level], level))[:GRID]
    first = {str(value): value for value in known}
    return pd.Series([first[level] for level in sorted(levels)], dtype=column.dtype)


class Effects(NamedTuple):
    """The tables `effects` and `ice`, and how many rows they rest on."""

    effects: pa.Table
    ice: pa.Table
    n_rows: int


def measure_effects(
    ask: Ask,
    frame: pd.DataFrame,
    row_numbers: NDArray[np.int64],
    order: NDArray[np.int64],
    shown: int,
    *,
    track: Tracker,
) -> Effects:
    """Try the values of the most important columns.

    Args:
        ask: returns `(n,)` outputs for n rows.
        frame: `(n_rows, n_features)` the explained rows.
        row_numbers: `(n_rows,)` in the file.
        order: `(n_features,)` columns from most to least important.
        shown: place of the shown row; its own line is always kept.
        track: progress.
    """
    places = np.arange(min(ROWS_TRIED, len(frame)))
    places = np.concatenate([[shown], places[places != shown]])
    rows = frame.iloc[places]
    lines: list[dict[str, object]] = []
    singles: list[dict[str, object]] = []
    tried = [frame.columns[place] for place in order[:COLUMNS_TRIED]]
    for name in track(tried, "Trying values of the most important columns", total=len(tried)):
        if frame[name].dropna().nunique() < 2:
            continue
        is_numeric = is_number(frame[name])
        found = partial_dependence(ask, rows, name, grid_of(frame[name]))
        cells = [_cell(value, is_numeric) for value in found.grid]
        for at, cell in enumerate(cells):
            mean = mean_estimate(found.answers[:, at])
            lines.append(
                {"feature": str(name), "kind": "partial dependence", **cell,
                 "effect": mean.value, "low": mean.low, "high": mean.high, "n": mean.n}
            )  # fmt: skip
        singles += [
            {"feature": str(name), "row": int(row_numbers[places[line]]), **cell,
             "output": float(found.answers[line, at])}
            for line in range(len(places))
            for at, cell in enumerate(cells)
        ]  # fmt: skip
        local = accumulated_effects(ask, frame.iloc[:_ALE_ROWS], name) if is_numeric else None
        if local is not None:
            lines += [
                {"feature": str(name), "kind": "accumulated local effects",
                 **_cell(edge, is_numeric), "effect": float(effect),
                 "low": float(effect - 1.96 * error), "high": float(effect + 1.96 * error),
                 "n": local.n}
                for edge, effect, error in zip(
                    local.edges, local.effects, local.errors, strict=True
                )
            ]  # fmt: skip
    return Effects(
        pa.Table.from_pylist(lines, schema=TABLES["effects"]),
        pa.Table.from_pylist(singles, schema=TABLES["ice"]),
        len(places),
    )


def _cell(value: Any, is_numeric: bool) -> dict[str, object]:  # noqa: ANN401
    if is_numeric:
        return {"value": f"{float(value):.6g}", "number": float(value)}
    return {"value": str(value)[:200], "number": None}
