"""The raw values of explained rows and what each column may hold, so that a page can edit a row."""

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Workbench
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.feasible import FeasibleSpace

MOST_ROWS = 2_000
MOST_CELLS = 60_000


def fields_table(frame: pd.DataFrame, space: FeasibleSpace) -> pa.Table:
    """Describe what each column of `frame` may hold: range, decimals, levels, gaps."""
    lines = []
    for field in space.fields:
        column = frame[field.name]
        low, high = (None if np.isnan(end) else end for end in (field.low, field.high))
        lines.append(
            {
                "feature": field.name,
                "value_type": value_type(column),
                "low": None if field.levels else low,
                "high": None if field.levels else high,
                "decimals": 0 if field.rule == "integer" else field.decimals,
                "has_missing": bool(column.isna().any()),
                "levels": [str(level) for level in field.levels],
                "fixed": field.reason,
                "scale": field.scale,
            }
        )
    return pa.Table.from_pylist(lines, schema=TABLES["fields"])


def row_values_table(
    bench: Workbench, positions: NDArray[np.int64], frame: pd.DataFrame, shown: int
) -> pa.Table:
    """The values of the first explained rows and of the shown one, exactly as the model gets them.

    Args:
        bench: holds the row numbers.
        positions: `(n_rows,)` where the explained rows are in the data.
        frame: `(n_rows, n_features)` the explained rows.
        shown: place of the shown row among them.
    """
    n_kept = max(1, min(len(positions), MOST_ROWS, MOST_CELLS // max(1, frame.shape[1])))
    places = np.union1d(np.arange(n_kept), [shown])
    rows = bench.data.rows[positions[places]]
    parts = []
    for place in range(frame.shape[1]):
        column = frame.iloc[places, place]
        is_missing, is_text = column.isna().to_numpy(), np.zeros(len(places), dtype=bool)
        numbers, texts = np.full(len(places), np.nan), [""] * len(places)
        if value_type(column) in ("integer", "number"):
            numbers = column.to_numpy(np.float64, na_value=np.nan)
        else:
            texts = [str(value) for value in column]
            is_text = ~is_missing
        part = {
            "row": rows,
            "feature": [str(column.name)] * len(places),
            "number": pa.array(numbers, mask=np.isnan(numbers)),
            "text": pa.array(texts, type=pa.string(), mask=~is_text),
        }
        parts.append(pa.table(part, schema=TABLES["row_values"]))
    return pa.concat_tables(parts).combine_chunks()


def value_type(column: pd.Series) -> str:
    """Say how a column's values are written: "boolean", "integer", "number" or "text"."""
    kind = pd.api.types
    known: Any = column.dropna()
    if kind.is_bool_dtype(column) or (
        len(known) and all(isinstance(value, bool | np.bool_) for value in known.head(100))
    ):
        return "boolean"
    if kind.is_integer_dtype(column):
        return "integer"
    return "number" if kind.is_numeric_dtype(column) else "text"


def typed_level(text: str, kind: str) -> Any:  # noqa: ANN401  each kind has its own type
    """Read a level back that `fields_table` wrote as text."""
    if kind == "boolean":
        return text == "True"
    if kind == "integer":
        return int(text)
    return float(text) if kind == "number" else text
