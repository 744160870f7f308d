"""What was measured, written into the declared tables."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.subject import Role
from analyzers.core.workbench import Workbench
from analyzers.explanation.agreement import Agreement
from analyzers.explanation.attribution import Attribution
from analyzers.explanation.layout import swarm_heights, value_shares
from analyzers.explanation.local import LocalWeights, is_number
from analyzers.explanation.selection import Shown
from analyzers.explanation.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate

MOST_COLUMNS = 60
MOST_ROWS_KEPT = 2000
COLUMNS_IN_SWARM = 20
GROUP_COLUMNS = 8


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that is known once the rows are explained.

    Attributes:
        frame: `(n_rows, n_features)` the explained rows.
        positions: `(n_rows,)` where they are in the data.
        attribution: their SHAP values.
        outputs: `(n_rows,)` the model's own answers.
        order: `(n_features,)` columns from most to least important.
        shown: the row shown in full.
    """

    frame: pd.DataFrame
    positions: NDArray[np.int64]
    attribution: Attribution
    outputs: NDArray[np.float64]
    order: NDArray[np.int64]
    shown: Shown


def importance_table(scene: Scene) -> pa.Table:
    """Columns from most to least important, with Student's interval over the explained rows."""
    values = scene.attribution.values
    rows = [importance_line(str(scene.frame.columns[at]), values[:, at]) for at in scene.order]
    return pa.Table.from_pylist(rows, schema=TABLES["importance"])


def importance_line(feature: str, values: NDArray[np.float64]) -> dict[str, object]:
    """One line of the importance table, with Student's interval over the explained rows."""
    size = mean_estimate(np.abs(values))
    low = None if size.low is None else max(0.0, size.low)
    return {
        "feature": feature, "mean_abs": size.value, "low": low, "high": size.high,
        "mean": float(values.mean()), "n": len(values),
    }  # fmt: skip


def answers_of(bench: Workbench, positions: NDArray[np.int64]) -> list[str | None]:
    """Name the model's answers to rows."""
    predicted = bench.need_predictions().predicted
    return [_named(predicted[at], bench.subject.classes) for at in positions]


def explained_rows(
    bench: Workbench,
    positions: NDArray[np.int64],
    outputs: NDArray[np.float64],
    base: NDArray[np.float64],
    shown: int,
) -> pa.Table:
    """One line for each explained row: the explained output and what model and data say."""
    predictions, classes = bench.need_predictions(), bench.subject.classes
    labels = predictions.labels
    columns = {
        "row": bench.data.rows[positions],
        "output": outputs,
        "base": base,
        "predicted": answers_of(bench, positions),
        "label": [None if labels is None else _named(labels[at], classes) for at in positions],
        "is_shown": np.arange(len(positions)) == shown,
        "id": _identities(bench, positions),
    }
    return pa.table(columns, schema=TABLES["explained_rows"])


def _identities(bench: Workbench, positions: NDArray[np.int64]) -> pa.Array:
    """What the data's own id column says of these rows; nulls where there is none."""
    names = [column.name for column in bench.subject.columns if column.role is Role.ID]
    names = [name for name in names if name in bench.data.frame.columns]
    if not names:
        return pa.nulls(len(positions), pa.string())
    values = bench.data.frame[names[0]].iloc[positions]
    texts = [None if pd.isna(value) else str(value)[:100] for value in values]
    return pa.array(texts, type=pa.string())


def explained_rows_table(bench: Workbench, scene: Scene) -> pa.Table:
    """The explained output of each row kept, with what model and data say of it."""
    margin = scene.attribution.base + scene.attribution.values.sum(axis=1)
    kept = slice(0, _n_kept(scene))
    return explained_rows(
        bench,
        scene.positions[kept],
        margin[kept],
        np.full(len(margin[kept]), scene.attribution.base),
        scene.shown.place,
    )


def _n_kept(scene: Scene) -> int:
    return max(min(len(scene.positions), MOST_ROWS_KEPT), scene.shown.place + 1)


def _named(value: float, classes: tuple[str, ...]) -> str | None:
    if classes:
        return classes[int(value)] if 0 <= value < len(classes) else None
    return None if np.isnan(value) else f"{value:.6g}"


def _texts(column: pd.Series) -> list[str]:
    return ["missing" if pd.isna(value) else _short(value) for value in column]


def _short(value: object) -> str:
    if isinstance(value, float | np.floating):
        return f"{value:.6g}"
    return str(value)[:200]


def _numbers(column: pd.Series) -> NDArray[np.float64]:
    if is_number(column):
        return column.to_numpy(np.float64, na_value=np.nan)
    return np.full(len(column), np.nan)


def _or_null(values: NDArray[np.float64]) -> pa.Array:
    return pa.array(values, type=pa.float64(), mask=np.isnan(values))


def values_table(bench: Workbench, scene: Scene) -> pa.Table:
    """Values and their SHAP values; columns beyond the sixty largest are added up in one line."""
    attribution, n_kept = scene.attribution, _n_kept(scene)
    rows = bench.data.rows[scene.positions[:n_kept]]
    kept, rest = scene.order[:MOST_COLUMNS], scene.order[MOST_COLUMNS:]
    parts = []
    for at in kept:
        column = scene.frame.iloc[:n_kept, at]
        errors = np.full(n_kept, np.nan)
        if attribution.errors is not None:
            errors = attribution.errors[:n_kept, at]
        parts.append(
            {
                "row": rows,
                "feature": [str(column.name)] * n_kept,
                "value": _texts(column),
                "number": _or_null(_numbers(column)),
                "phi": attribution.values[:n_kept, at],
                "error": _or_null(errors),
            }
        )
    if len(rest):
        nothing = _or_null(np.full(n_kept, np.nan))
        parts.append(
            {
                "row": rows,
                "feature": [f"{len(rest)} other columns"] * n_kept,
                "value": [""] * n_kept,
                "number": nothing,
                "phi": attribution.values[:n_kept, rest].sum(axis=1),
                "error": nothing,
            }
        )
    return pa.concat_tables(
        [pa.table(part, schema=TABLES["values"]) for part in parts]
    ).combine_chunks()


def beeswarm_table(bench: Workbench, scene: Scene, *, most: int) -> pa.Table:
    """Lay out at most `most` points of the twenty most important columns."""
    kept = scene.order[:COLUMNS_IN_SWARM]
    n_points = min(len(scene.positions), most // max(1, len(kept)))
    rows = bench.data.rows[scene.positions[:n_points]]
    parts = []
    for at in kept:
        column, phi = scene.frame.iloc[:n_points, at], scene.attribution.values[:n_points, at]
        part = {
            "feature": [str(column.name)] * n_points,
            "row": rows,
            "value": _texts(column),
            "share": _or_null(value_shares(_numbers(column))),
            "phi": phi,
            "height": swarm_heights(phi),
        }
        parts.append(pa.table(part, schema=TABLES["beeswarm"]))
    return pa.concat_tables(parts).combine_chunks()


def lime_table(
    bench: Workbench, scene: Scene, runs: LocalWeights, shared: LocalWeights
) -> pa.Table:
    """SHAP beside LIME: of the shown row several runs, of the other compared rows one.

    Args:
        bench: numbers the rows.
        scene: the explained rows.
        runs: LIME of the shown row with other seeds.
        shared: LIME of the first explained rows from one sample.
    """
    place = scene.shown.place
    row = int(bench.data.rows[scene.positions[place]])
    lines: list[dict[str, object]] = [
        {
            "row": row,
            "feature": str(scene.frame.columns[at]),
            "value": _texts(scene.frame.iloc[[place], at])[0],
            "phi": float(scene.attribution.values[place, at]),
            "weight": float(runs.weights[:, at].mean()),
            "low": float(runs.weights[:, at].min()),
            "high": float(runs.weights[:, at].max()),
            "n": len(runs.weights),
        }
        for at in scene.order
    ]
    others = np.delete(np.arange(len(shared.weights)), place if place < len(shared.weights) else [])
    parts = [pa.Table.from_pylist(lines, schema=TABLES["lime"])]
    nothing = pa.nulls(len(others), pa.float64())
    for at in scene.order[:COLUMNS_IN_SWARM]:
        part = {
            "row": bench.data.rows[scene.positions[others]],
            "feature": [str(scene.frame.columns[at])] * len(others),
            "value": _texts(scene.frame.iloc[others, at]),
            "phi": scene.attribution.values[others, at],
            "weight": shared.weights[others, at],
            "low": nothing, "high": nothing, "owen": nothing,
            "n": np.ones(len(others), dtype=np.int64),
        }  # fmt: skip
        parts.append(pa.table(part, schema=TABLES["lime"]))
    return pa.concat_tables(parts).combine_chunks()


def agreement_table(
    rows: NDArray[np.int64], found: Agreement, r_squared: NDArray[np.float64]
) -> pa.Table:
    """SHAP against LIME, row by row.

    Args:
        rows: `(n_rows,)` their numbers.
        found: the comparison.
        r_squared: `(n_rows,)` of LIME's lines; NaN where the model answers the same everywhere.
    """
    columns = {
        "row": rows,
        "spearman": _or_null(found.spearman),
        "kendall": _or_null(found.kendall),
        "overlap": found.overlap,
        "conflicts": found.conflicts,
        "lime_r_squared": _or_null(r_squared),
    }
    return pa.table(columns, schema=TABLES["agreement"])
