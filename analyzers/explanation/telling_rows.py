"""Rows worth looking at: representatives of the reasons, prototypes of the answers, near rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.core.workbench import Workbench
from analyzers.explanation.chart_words import asked_output_of, is_filled, named
from analyzers.explanation.records import Scene, answers_of
from analyzers.explanation.representatives import (
    comparable,
    nearest,
    pick_prototypes,
    pick_representatives,
)
from analyzers.explanation.tables import TABLES
from analyzers.explanation.things import things_of
from analyzers.explanation.ways import rows_at_hand, rules_of
from analyzers.toolkit.feasible import FeasibleSpace
from analyzers.toolkit.plots import figure, plain

_ANSWERS = 6
_PROTOTYPES = 3
_MOST_ROWS = 1000
_REASONS = 4
_NEAR = 3
# Of the widest column on a whole page, and on half of one.
_LETTERS_A_LINE, _LETTERS_OF_HALF = 80, 30


def telling_rows_table(
    bench: Workbench, scene: Scene, weights: NDArray[np.float64], space: FeasibleSpace
) -> pa.Table:
    """Pick SP-LIME's rows among those with LIME weights, and prototypes of each answer.

    Args:
        bench: names rows and classes.
        scene: the explained rows.
        weights: `(n_compared, n_features)` LIME's weights of the first explained rows.
        space: gives the units of the columns.
    """
    rows = bench.data.rows[scene.positions]
    predicted = bench.need_predictions().predicted[scene.positions]
    classes = bench.subject.classes
    names = [str(name) for name in scene.frame.columns]
    answers = answers_of(bench, scene.positions)
    lines = representative_lines(bench, scene.positions, scene.outputs, weights, names)
    points = comparable(space, space.encode(scene.frame))[:_MOST_ROWS]
    codes, counts = np.unique(predicted[: len(points)], return_counts=True)
    groups = (
        [np.flatnonzero(predicted[: len(points)] == code)
         for code in codes[np.argsort(-counts, kind="stable")][:_ANSWERS]]
        if classes
        else [np.arange(len(points))]
    )  # fmt: skip
    for members in groups:
        for at, place in enumerate(members[pick_prototypes(points[members], _PROTOTYPES)]):
            lines.append(
                {
                    "kind": "prototype", "rank": at + 1, "row": int(rows[place]),
                    "answer": answers[place] if classes else None,
                    "output": float(scene.outputs[place]), "covered": None,
                    "words": _largest(scene.attribution.values[place], names), "n": len(members),
                }
            )  # fmt: skip
    return pa.Table.from_pylist(lines, schema=TABLES["telling_rows"])


def representative_lines(
    bench: Workbench,
    positions: NDArray[np.int64],
    outputs: NDArray[np.float64],
    weights: NDArray[np.float64],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """Pick SP-LIME's rows and say what each rests on, as lines of the table `telling_rows`.

    Args:
        bench: numbers the rows and names the model's answers.
        positions: of the rows in the data, or of more: the first are those with weights.
        outputs: of each.
        weights: `(n_compared, n_features)` LIME's.
        names: of the features: columns, words or patches.
    """
    picked = pick_representatives(weights)
    rows, answers = bench.data.rows[positions], answers_of(bench, positions)
    return [
        {
            "kind": "representative", "answer": answers[place], "rank": rank + 1,
            "row": int(rows[place]), "output": float(outputs[place]),
            "covered": float(picked.covered[rank]), "words": _largest(weights[place], names),
            "n": len(weights),
        }
        for rank, place in enumerate(picked.places)
    ]  # fmt: skip


def _largest(values: NDArray[np.float64], names: Sequence[str]) -> str:
    order = np.argsort(-np.abs(values), kind="stable")[:_REASONS]
    return ", ".join(f"{names[at]} {values[at]:+.2g}" for at in order if values[at])


def draw_representatives(measurements: Measurements) -> Chart | None:
    """A table of the rows whose LIME explanations cover the most."""
    table = _of_kind(measurements, "representative")
    if table.empty:
        return None
    share, n = float(table["covered"].iloc[-1]), int(table["n"].iloc[0])
    things = things_of(measurements)
    those = f"{len(table)} {things.wholes} show" if len(table) > 1 else f"One {things.whole} shows"
    return _table_chart(
        "representatives",
        f"{those} {share:.0%} of what the model rests on",
        f"SP-LIME picks among n = {n:,} {things.wholes} those whose LIME weights together cover "
        f"most importance; each of the {things.parts} counts once, for {things.wholes} where it is "
        f"among the five largest. Look at these {things.wholes} first."
        + (
            " A patch is named by its row and column of pixels."
            if things.parts == "patches"
            else ""
        ),
        {
            "row": [f"{row:,}" for row in table["row"]],
            "predicted": [plain(answer, longest=30) for answer in table["answer"]],
            "covered so far": [f"{covered:.0%}" for covered in table["covered"]],
            "LIME's largest weights": [plain(words, longest=150) for words in table["words"]],
        },
    )


def draw_prototypes(measurements: Measurements) -> Chart | None:
    """A table of typical rows of each answer."""
    table = _of_kind(measurements, "prototype")
    if table.empty:
        return None
    has_answers = bool(table["answer"].notna().all())
    n = int(table.groupby("answer", dropna=False)["n"].first().sum())
    answer = {}
    if has_answers:
        answer = {"answer": [plain(answer, longest=30) for answer in table["answer"]]}
    return _table_chart(
        "prototypes",
        "Typical rows of each answer" if has_answers else "Typical rows of the data",
        "Rows of the data that stand closest to many others"
        + (" with the same answer" if has_answers else "")
        + f" and apart from each other (least maximum mean discrepancy); n = {n:,} explained rows. "
        "They show what the model takes for usual, not what is right.",
        {
            **answer,
            "row": [f"{row:,}" for row in table["row"]],
            asked_output_of(measurements): [f"{output:.3g}" for output in table["output"]],
            "largest SHAP values": [plain(words, longest=150) for words in table["words"]],
        },
    )  # fmt: skip


def near_rows_chart(measurements: Measurements, row: int) -> Chart | None:
    """A table of the nearest rows with the same and with another answer, or either side's.

    Args:
        measurements: of this analyzer.
        row: number in the file.

    Returns:
        None where the values of the row were not kept.
    """
    if not is_filled(measurements, "row_values") or not is_filled(measurements, "fields"):
        return None
    numbers, frame = rows_at_hand(measurements)
    if row not in numbers:
        return None
    place, space = numbers.index(row), rules_of(measurements)
    points = space.encode(frame)
    lines = measurements.tables["explained_rows"].to_pandas().set_index("row").loc[numbers]
    answers, outputs = lines["predicted"].to_numpy(), lines["output"].to_numpy()
    # A number has no equal answers; alike are those on the same side of the middle.
    middle, is_number = float(np.median(outputs)), not measurements.facts.get("class")
    sides = outputs > middle if is_number else answers
    alike, unlike = ("same side", "other side") if is_number else ("same answer", "other answer")
    same = sides == sides[place]
    columns: dict[str, list[str]] = {"row": [], "answer": [], "differs in": []}
    for word, among in ((alike, same), (unlike, ~same)):
        for at in nearest(space, points, place, among)[:_NEAR]:
            columns["row"].append(f"{numbers[at]:,} ({word})")
            columns["answer"].append(plain(answers[at], longest=30))
            columns["differs in"].append(_differences(frame, points, place, int(at)))
    if not columns["row"]:
        return None
    return _table_chart(
        "near_rows",
        f"Row {row:,}: the nearest rows with an answer on the same and on the other side of "
        f"{middle:.4g}"
        if is_number
        else f"Row {row:,}: the nearest rows with the same and with another answer",
        f"The nearest of n = {len(numbers):,} explained rows"
        + (f", whose median answer is {middle:.4g}" if is_number else "")
        + "; distances in standard deviations of a number, 1 for another category. A near row "
        f"{'on the other side' if is_number else 'with another answer'} shows what tips it.",
        columns,
        table="row_values",
        letters=_LETTERS_OF_HALF,
    )


def _differences(frame: pd.DataFrame, points: NDArray[np.float64], place: int, other: int) -> str:
    differs = np.flatnonzero(
        (points[place] != points[other]) & ~(np.isnan(points[place]) & np.isnan(points[other]))
    )
    words = [
        named(str(frame.columns[at]), "missing" if pd.isna(value) else str(value))
        for at in differs[:6]
        for value in [frame.iloc[other, at]]
    ]
    more = len(differs) - len(words)
    return ", ".join(words) + (f" and {more} more" if more else "") or "nothing"


def _of_kind(measurements: Measurements, kind: str) -> pd.DataFrame:
    if not is_filled(measurements, "telling_rows"):
        return pd.DataFrame()
    table = measurements.tables["telling_rows"].to_pandas()
    return table[table["kind"] == kind]


def _table_chart(
    name: str, title: str, caption: str, columns: dict[str, list[str]], *,
    table: str = "telling_rows", letters: int = _LETTERS_A_LINE,
) -> Chart:  # fmt: skip
    n_lines = len(next(iter(columns.values())))
    # The last column is the wide one, three times the others; longer texts take further lines.
    *narrow, wide = columns.values()
    n_written = sum(
        max(1 + len(text) // letters, *(1 + 3 * len(cell) // letters for cell in cells))
        for text, *cells in zip(wide, *narrow, strict=True)
    )
    trace = {
        "type": "table",
        "header": {"values": list(columns), "align": "left"},
        "cells": {"values": list(columns.values()), "align": "left", "height": 26},
        "columnwidth": [3] * (len(columns) - 1) + [10],
    }
    return Chart(
        name=name,
        title=title,
        caption=caption,
        alt=f"Table of {n_lines} rows: {', '.join(columns)}.",
        table=table,
        figure=figure(
            [trace],
            x="",
            y="",
            height=60 + 10 * n_lines + 18 * n_written,
            margin={"l": 10, "r": 10, "t": 10, "b": 10},
        ),
    )
