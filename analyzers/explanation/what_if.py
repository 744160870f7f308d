"""An edited row asked of the live model: what it answers, and which edit did how much.

The page asks once, about every mixture of the row and its edited copy; with k edited columns that
is 2 to the power of k rows. Shapley values of these answers share the change out exactly among the
edits, so what is read here are facts about this model and these two rows, not estimates.
"""

from collections.abc import Mapping
from math import ceil, floor
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.chart import Chart
from analyzers.core.dataset import Predictions
from analyzers.core.errors import InvalidParameter
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject
from analyzers.explanation.chart_words import amount, asked_output_of, is_filled, waterfall
from analyzers.explanation.coalitions import shapley_of
from analyzers.explanation.editing import typed_level
from analyzers.toolkit.plots import plain

MOST_EDITED = 8

Cell = float | int | bool | str | None


class EditableField(NamedTuple):
    """One column of a row as a form needs it.

    Attributes:
        name: the column.
        value: the row's own; None where it is missing.
        levels: what it may be, for a column with few different values; else empty.
        low: smallest value, for numbers; never above the row's own.
        high: largest value, for numbers; never below the row's own.
        decimals: digits behind the point that the data shows; None where there are many.
        may_be_missing: whether the data has rows without a value.
    """

    name: str
    value: Cell
    levels: tuple[Cell, ...]
    low: float
    high: float
    decimals: int | None
    may_be_missing: bool

    @property
    def can_be_rounded(self) -> bool:
        """Whether the data has other than whole numbers, and whole ones to choose between."""
        return not self.levels and self.decimals != 0 and floor(self.high) > ceil(self.low)


class Question(NamedTuple):
    """Rows to ask the model about.

    Attributes:
        rows: `(2 ** n_edited, n_features)`; the first is the row, the last its edited copy.
        edited: the columns that differ, in the row's order.
        before: their values in the row.
        after: their values in the edited copy.
    """

    rows: pd.DataFrame
    edited: tuple[str, ...]
    before: tuple[Cell, ...]
    after: tuple[Cell, ...]


def editable_rows(measurements: Measurements) -> list[int]:
    """Row numbers whose values are at hand, the shown one first."""
    if not is_filled(measurements, "row_values") or not is_filled(measurements, "fields"):
        return []
    rows = list(dict.fromkeys(measurements.tables["row_values"]["row"].to_pylist()))
    shown = measurements.facts.get("shown_row")
    return sorted(rows, key=lambda row: (row != shown, row))


def editable_fields(measurements: Measurements, row: int) -> tuple[EditableField, ...]:
    """Columns that a person may edit, from the most to the least important."""
    values = _values(measurements, row)
    importance = measurements.tables["importance"]["feature"].to_pylist()
    rank = {name: place for place, name in enumerate(importance)}
    found = []
    for line in measurements.tables["fields"].to_pylist():
        name = line["feature"]
        levels = tuple(typed_level(level, line["value_type"]) for level in line["levels"])
        is_number = line["low"] is not None and line["low"] < line["high"]
        if name not in values or not (is_number or len(levels) > 1):
            continue
        value = values[name]
        ends = [line["low"], line["high"]] if is_number else [0.0, 0.0]
        if is_number and value is not None:
            ends = [min(ends[0], float(value)), max(ends[1], float(value))]
        found.append(
            EditableField(
                name=name,
                value=value,
                levels=levels,
                low=float(ends[0]),
                high=float(ends[1]),
                decimals=line["decimals"],
                may_be_missing=bool(line["has_missing"]),
            )
        )
    return tuple(sorted(found, key=lambda field: rank.get(field.name, len(rank))))


def ask_about(measurements: Measurements, row: int, edits: Mapping[str, Cell]) -> Question:
    """Put together the rows to ask about.

    Args:
        measurements: of this analyzer.
        row: one of `editable_rows`.
        edits: new values by column; values equal to the row's own are no edits.

    Raises:
        InvalidParameter: more columns are edited than can be told apart.
    """
    values = _values(measurements, row)
    edited = tuple(name for name in values if name in edits and edits[name] != values[name])
    if len(edited) > MOST_EDITED:
        raise InvalidParameter(
            f"Expected at most {MOST_EDITED} edited columns, got {len(edited)}.",
            remedy="Set some of them back, so that the change can be shared out among the rest.",
        )
    n_rows = 2 ** len(edited)
    takes_edit = (np.arange(n_rows)[:, None] >> np.arange(len(edited)) & 1).astype(bool)
    place = {name: at for at, name in enumerate(edited)}
    columns = {
        name: [
            edits[name] if name in place and takes_edit[at, place[name]] else value
            for at in range(n_rows)
        ]
        for name, value in values.items()
    }
    return Question(
        rows=pd.DataFrame(columns),
        edited=edited,
        before=tuple(values[name] for name in edited),
        after=tuple(edits[name] for name in edited),
    )


def read_answer(
    measurements: Measurements, subject: Subject, question: Question, answers: Predictions
) -> Measurements:
    """Turn the model's answers into two small tables and the facts of the headline.

    Returns:
        Tables `answers` (answer, before, after, change) and `edits` (feature, before, after,
        phi), the Shapley share of each edit in the change of the explained output; facts
        `predicted_before` and `predicted_after`.
    """
    outputs = _outputs(measurements, subject, answers)
    shares = shapley_of(outputs[:, None])[0] if question.edited else np.zeros(0)
    if answers.scores is not None:
        names = [f"probability of {name}" for name in subject.classes]
        both = answers.scores[[0, -1]]
    else:
        names, both = [asked_output_of(measurements)], outputs[[0, -1], None]
    tables = {
        "answers": pa.table(
            {
                "answer": names, "before": both[0], "after": both[1],
                "change": both[1] - both[0],
            }
        ),
        "edits": pa.table(
            {
                "feature": pa.array(question.edited, type=pa.string()),
                "before": pa.array(map(_written, question.before), type=pa.string()),
                "after": pa.array(map(_written, question.after), type=pa.string()),
                "phi": shares,
            }
        ),
    }  # fmt: skip
    return Measurements(
        tables=tables,
        facts={
            "asked_output": measurements.facts.get("asked_output"),
            "predicted_before": _named(answers.predicted[0], subject),
            "predicted_after": _named(answers.predicted[-1], subject),
            "output_before": float(outputs[0]),
            "output_after": float(outputs[-1]),
        },
    )


def edits_chart(answered: Measurements) -> Chart | None:
    """Draw how the edits lead from the answer before to the answer after; None without edits."""
    table = answered.tables["edits"].to_pandas()
    if table.empty:
        return None
    table = table.iloc[np.argsort(-table["phi"].abs().to_numpy(), kind="stable")][::-1]
    before, after = (float(answered.facts[f"output_{word}"] or 0) for word in ("before", "after"))
    output = asked_output_of(answered)
    start, end = (amount(value, output) for value in (before, after))
    steps = table["phi"].tolist()
    names = [
        f"{plain(line.feature, longest=30)}: {plain(line.before, longest=15)} → "
        f"{plain(line.after, longest=15)}"
        for line in table.itertuples()
    ]
    return Chart(
        name="what_if",
        title=f"From {start} to {end}: what each edit does",
        caption=f"Shapley values over all {2 ** len(table)} mixtures of the row and its edited "
        f"copy, exact; their sum is the change of the {output}.",
        alt=f"Waterfall of {len(table)} edits from {start} to {end}.",
        table="edits",
        figure=waterfall(
            names,
            steps,
            [f"{value:+.3g}" for value in steps],
            base=before,
            output=output,
            height=150 + 30 * len(table),
        ),
    )


def _values(measurements: Measurements, row: int) -> dict[str, Cell]:
    table = measurements.tables["row_values"].to_pandas()
    types = {
        line["feature"]: line["value_type"] for line in measurements.tables["fields"].to_pylist()
    }
    values: dict[str, Cell] = {}
    for line in table[table["row"] == row].itertuples():
        kind = types[line.feature]
        if kind in ("integer", "number"):
            is_known = not pd.isna(line.number)
            values[line.feature] = (
                (int(line.number) if kind == "integer" else float(line.number))
                if is_known
                else None
            )
        else:
            values[line.feature] = None if pd.isna(line.text) else typed_level(line.text, kind)
    return values


def _written(value: Cell) -> str:
    if value is None:
        return "missing"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _named(predicted: float, subject: Subject) -> str:
    return subject.classes[int(predicted)] if subject.classes else f"{predicted:.6g}"


def _outputs(
    measurements: Measurements, subject: Subject, answers: Predictions
) -> NDArray[np.float64]:
    if not subject.classes:
        return np.asarray(answers.predicted, dtype=np.float64)
    place = subject.classes.index(str(measurements.facts["class"]))
    if answers.scores is None:
        return (answers.predicted == place).astype(np.float64)
    return np.asarray(answers.scores[:, place], dtype=np.float64)
