"""Counts of tables that do not fit into memory: read in batches, on one machine or many.

A tally is a small table: one line for each combination of attributes, outcome and decision that
occurs, with its number of rows. Tallies of parts add up exactly, so a file may be cut by row groups
(`split`), each part counted anywhere (`count_part`), and the results put together (`merge`); memory
is that of one batch. `cells_of` turns a tally into what every group metric follows from.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.fairness.counting import Cells, Names, count_cells
from analyzers.toolkit.groups import FEW_VALUES, attribute_of
from analyzers.toolkit.rates import N_OUTCOMES

BATCH_ROWS = 1 << 20
_OUTCOME, _COUNT = "__outcome", "__count"


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is to be counted.

    Attributes:
        attributes: columns whose groups are compared.
        label: column of the true outcome; missing ones are counted as missing.
        positive: the favourable value of `label`.
        score: column of scores; a row is selected where its score is at least `threshold`.
        threshold: in the scores' own unit.
        edges: increasing cut points of numeric attributes.
    """

    attributes: tuple[str, ...]
    label: str
    positive: str | int | float | bool
    score: str
    threshold: float = 0.5
    edges: Mapping[str, tuple[float, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """What has to be read."""
        return [*self.attributes, self.label, self.score]


@dataclass(frozen=True, kw_only=True)
class Part:
    """Some row groups of a Parquet file."""

    path: Path
    row_groups: tuple[int, ...]


def split(path: Path, n_parts: int) -> list[Part]:
    """Cut a Parquet file into at most `n_parts` of about as many row groups each."""
    groups = np.arange(pq.ParquetFile(path).num_row_groups)
    return [
        Part(path=path, row_groups=tuple(int(group) for group in chosen))
        for chosen in np.array_split(groups, max(1, n_parts))
        if len(chosen)
    ]


def count_part(part: Part, question: Question) -> pa.Table:
    """Tally a part of a file, one batch in memory at a time.

    Raises:
        UnsuitableSubject: a column is not there, a score is missing, or a number has no edges.
    """
    file = pq.ParquetFile(part.path)
    absent = [name for name in question.columns if name not in file.schema_arrow.names]
    if absent:
        raise UnsuitableSubject(
            f"Expected the columns {', '.join(question.columns)}, got none called "
            f"{', '.join(absent)}.",
            remedy="Name columns of this file.",
        )
    batches = file.iter_batches(
        BATCH_ROWS, row_groups=list(part.row_groups), columns=question.columns
    )
    return count_batches(batches, question)


def count_batches(batches: Iterable[pa.RecordBatch], question: Question) -> pa.Table:
    """Tally Arrow batches, whatever their source.

    Raises:
        UnsuitableSubject: there is no row, a score is missing, or a number has no edges.
    """
    total: pa.Table | None = None
    for batch in batches:
        if batch.num_rows:
            tally = _tally(batch, question)
            total = tally if total is None else merge([total, tally])
    if total is None:
        raise UnsuitableSubject("Expected rows to count, got none.", remedy="Choose another file.")
    return total


def merge(tallies: Sequence[pa.Table]) -> pa.Table:
    """Add up tallies of one question."""
    joined = pa.concat_tables(tallies, promote_options="default")
    keys = [name for name in joined.column_names if name != _COUNT]
    added = joined.group_by(keys, use_threads=False).aggregate([(_COUNT, "sum")])
    return added.rename_columns([*keys, _COUNT]).select(joined.column_names)


def cells_of(tally: pa.Table, question: Question) -> Cells:
    """Turn a tally into counts by group, with the levels named as for a table in memory."""
    attributes = [
        attribute_of(
            pd.Series(tally[name].to_pandas(), name=name), edges=question.edges.get(name, ())
        )
        for name in question.attributes
    ]
    weights = tally[_COUNT].to_numpy()
    lines = count_cells(
        [Names(item.name, item.levels) for item in attributes],
        [item.codes for item in attributes],
        tally[_OUTCOME].to_numpy(),
    )
    # The lines were counted once each to find the cells; now each with its weight.
    place = {tuple(codes): at for at, codes in enumerate(lines.codes.tolist())}
    counts = np.zeros((len(lines.codes), N_OUTCOMES), dtype=np.int64)
    keys = np.stack([item.codes for item in attributes], axis=1).tolist()
    for key, outcome, weight in zip(keys, tally[_OUTCOME].to_pylist(), weights, strict=True):
        counts[place[tuple(key)], outcome] += weight
    return Cells(names=lines.names, codes=lines.codes, counts=counts)


def _tally(batch: pa.RecordBatch, question: Question) -> pa.Table:
    scores = batch[question.score]
    if scores.null_count:
        raise UnsuitableSubject(
            f"Expected a score in every row, got {scores.null_count:,} without one.",
            remedy="Leave rows without a score out, or give them one.",
        )
    columns: dict[str, pa.Array] = {
        name: _key(name, batch[name], question.edges.get(name, ())) for name in question.attributes
    }
    label = _label(_plain(batch[question.label]), question.positive)
    selected = pc.greater_equal(scores.cast(pa.float64()), question.threshold).cast(pa.int8())
    columns[_OUTCOME] = pc.add(pc.multiply(pc.add(label, 1), 2), selected).cast(pa.int8())
    table = pa.table(columns)
    keys = table.column_names
    counted = table.group_by(keys, use_threads=False).aggregate([([], "count_all")])
    return counted.rename_columns([*keys, _COUNT])


def _label(values: pa.Array, positive: str | int | float | bool) -> pa.Array:
    """1 where the outcome is the favourable one, 0 where it is another, -1 where it is missing."""
    if pa.types.is_null(values.type):
        return pa.array(np.full(len(values), -1, dtype=np.int8))
    equal = pc.equal(values, pa.scalar(positive).cast(values.type))
    return pc.fill_null(equal.cast(pa.int8()), -1)


def _key(name: str, values: pa.Array, edges: tuple[float, ...]) -> pa.Array:
    values = _plain(values)
    is_number = pa.types.is_integer(values.type) or pa.types.is_floating(values.type)
    if not edges:
        if is_number and pc.count_distinct(values).as_py() > FEW_VALUES:
            raise InvalidParameter(
                f"Expected cut points for the number {name!r}, got none.",
                remedy="Give edges, so that every part is cut alike.",
            )
        return values
    # A number of its own for each group, which is named by the same edges later.
    numbers = values.cast(pa.float64()).to_numpy(zero_copy_only=False)
    stand_ins = np.array([np.nextafter(edges[0], -np.inf), *edges])
    found = stand_ins[np.searchsorted(np.array(edges), numbers, side="right")]
    return pa.array(found, from_pandas=True, mask=np.isnan(numbers))


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
