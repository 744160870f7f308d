"""Charts of the tables; a chart is drawn only where its table has rows."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.adversarial.image_drawing import (
    draw_attacks,
    draw_certified,
    draw_corruptions,
    draw_groups,
    draw_other_budgets,
    draw_steps,
    has_scores,
)
from analyzers.adversarial.pictures import draw_pictures
from analyzers.adversarial.proof_drawing import draw_proof_curve, draw_reach_gap, draw_search_gap
from analyzers.adversarial.text_drawing import draw_behaviour, draw_recipe_efforts, draw_recipes
from analyzers.adversarial.units import column_unit_of, size_unit_of, standing_words
from analyzers.adversarial.words import draw_texts
from analyzers.core.chart import Chart, in_sections
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import PALETTE, figure, limit_line, plain

MOST_BARS, MOST_LINES = 15, 40
HOW_MUCH, WHAT = "How much does it take?", "What is changed?"
SECTIONS = {
    "robustness_curve": HOW_MUCH,
    "proof_curve": HOW_MUCH,
    "movement": HOW_MUCH,
    "sizes": HOW_MUCH,
    "attacks": HOW_MUCH,
    "recipe": HOW_MUCH,
    "weak_spots": WHAT,
    "examples": WHAT,
    "pictures": WHAT,
    "texts": WHAT,
    "behaviour": "Do names and negation change the answer?",
    "search_gap": "Can the result be believed?",
    "checks": "Can the result be believed?",
}
_BANDS = ("rgba(0,114,178,0.15)", "rgba(213,94,0,0.15)")


def draw(measurements: Measurements) -> list[Chart]:
    """Draw every table that is there and not empty."""
    drawers: tuple[tuple[str, Callable[[pa.Table, Measurements], Chart | None]], ...] = (
        ("curve", _curve),
        ("proof_curve", draw_proof_curve),
        ("attacks", draw_attacks),
        ("movement", _movement),
        ("by_group", draw_groups),
        ("corruptions", draw_corruptions),
        ("other_budgets", draw_other_budgets),
        ("certified", draw_certified),
        ("weak_spots", _weak_spots),
        ("size_histogram", _sizes),
        ("changes", _examples),
        ("image_examples", draw_pictures),
        ("attack_steps", draw_steps),
        ("recipes", draw_recipes),
        ("recipes", draw_recipe_efforts),
        ("behaviour", draw_behaviour),
        ("text_examples", draw_texts),
        ("proof", draw_search_gap),
        ("reach", draw_reach_gap),
        ("checks", _checks),
    )
    charts = [
        drawer(measurements.tables[name], measurements)
        for name, drawer in drawers
        if name in measurements.tables
        and measurements.tables[name].num_rows
        and (name != "attack_steps" or has_scores(measurements.tables[name]))
    ]
    return in_sections([chart for chart in charts if chart is not None], SECTIONS)


def size_title(measurements: Measurements) -> str:
    """Say what the size of a change is measured in."""
    if measurements.facts.get("modality") == "text":
        return "Words changed, share of the text"
    if measurements.facts.get("modality") == "image":
        how = "largest change of a pixel"
        if measurements.facts.get("norm") == "L2":
            how = "root mean square change of the pixels"
        return f"Size of the change ({how}, 1 = black to white)"
    return f"Size of the change {size_unit_of(measurements)}"


def _curve(table: pa.Table, measurements: Measurements) -> Chart:
    n = table["n"][0].as_py()
    size = _column(table, "size")
    accuracy = measurements.estimates.get("accuracy")
    start = None if accuracy is None else accuracy.value
    traces = [
        *_band(size, table, "robust_accuracy", "low", "high", "under attack", 0, start),
        *_band(size, table, "noise_accuracy", "noise_low", "noise_high",
               "worst of ten random changes", 1, start),
    ]  # fmt: skip
    shapes = []
    kind = measurements.facts.get("noise_kind")
    budget = measurements.facts.get("budget")
    if isinstance(budget, float) and measurements.facts.get("modality") != "text":
        shapes = [limit_line(budget, axis="x", label="stated budget")]
    return Chart(
        name="robustness_curve",
        title="Accuracy left as changes grow, under attack and under random change",
        caption=(
            f"At each size, the share of {n:,} rows that {standing_words(measurements)}, with "
            "95 % intervals; the distance between the lines is what intent adds to chance."
            + (f" Random changes: {kind}." if kind else "")
        ),
        alt=f"Two falling lines over {len(size)} sizes of change, {n:,} rows.",
        table="curve",
        figure=figure(
            traces, x=size_title(measurements), y="Share answered correctly",
            yaxis={"range": [0, 1.02], "tickformat": ".0%"}, xaxis={"rangemode": "tozero"},
            shapes=shapes,
        ),
    )  # fmt: skip


def _movement(table: pa.Table, measurements: Measurements) -> Chart:
    n = table["n"][0].as_py()
    size = _column(table, "size")
    outcome = plain(measurements.facts.get("outcome", "prediction"))
    traces = [
        *_band(size, table, "median_change", "low", "high", "under attack", 0, 0.0),
        *_band(size, table, "noise_median_change", "noise_low", "noise_high",
               "worst of ten random changes", 1, 0.0),
    ]  # fmt: skip
    usual, known = (measurements.estimates.get(name) for name in ("usual_error", "median_change"))
    proved = measurements.tables.get("reach")
    if proved is not None and proved.num_rows and known is not None and known.value is not None:
        # The line is what searches by questions find; the finding knows more at the stated size.
        traces.append(
            {
                "type": "scatter", "mode": "markers", "x": [measurements.facts.get("budget")],
                "y": [known.value], "name": "with the trees known",
                "marker": {"color": PALETTE[2], "symbol": "diamond", "size": 11},
                "hovertemplate": "size %{x:.3g}: %{y:.3g}<extra>with the trees known</extra>",
            }
        )  # fmt: skip
    shapes = []
    if usual is not None and usual.value is not None:
        shapes = [limit_line(usual.value, axis="y", label="the model's usual error")]
    return Chart(
        name="movement",
        title="How far predictions can be moved as changes grow",
        caption=(
            f"Median over {n:,} rows of the largest change of the prediction found at each size by "
            "asking questions, with 95 % intervals."
        ),
        alt=f"Two rising lines over {len(size)} sizes of change, {n:,} rows.",
        table="movement",
        figure=figure(
            traces, x=size_title(measurements), y=f"Change of the predicted {outcome}",
            xaxis={"rangemode": "tozero"}, yaxis={"rangemode": "tozero"}, shapes=shapes,
        ),
    )  # fmt: skip


def _weak_spots(table: pa.Table, measurements: Measurements) -> Chart:
    top = table.slice(0, MOST_BARS)
    is_text = measurements.facts.get("modality") == "text"
    share, low, high = (_column(top, name)[::-1] for name in ("share", "low", "high"))
    counts, totals = _column(top, "times_changed")[::-1], _column(top, "n")[::-1]
    names = [plain(name) for name in reversed(top["name"].to_pylist())]
    alt = names[-1]
    if is_text:
        # A word in one text is changed in all or none of them; its n says so.
        names = [f"{name} (n = {total:.0f})" for name, total in zip(names, totals, strict=True)]
    what = "word" if is_text else "column"
    traces = [
        {
            "type": "bar", "orientation": "h", "x": share, "y": names,
            "marker": {"color": PALETTE[0]}, "customdata": np.c_[counts, totals],
            "error_x": {
                "type": "data", "symmetric": False, "array": high - share,
                "arrayminus": share - low,
            },
            "hovertemplate": "%{y}: %{customdata[0]} of %{customdata[1]}<extra></extra>",
        }
    ]  # fmt: skip
    held = "flipped texts that hold the word" if is_text else "flips found, of any size"
    flip, title = "flips", f"Which {what}s were changed to flip an answer"
    if measurements.facts.get("task") == "regression":
        held, flip = "predictions that were moved", "moved predictions"
        title = "Which columns were changed to move a prediction"
    n = int(totals.max())
    return Chart(
        name="weak_spots",
        title=title,
        caption=(
            f"Share of {held} (at most {n:,}) in which the {what} was changed, with 95 % "
            f"intervals; {len(names)} of {table.num_rows} shown."
        ),
        alt=f"Bars for {len(names)} {what}s; the longest is {alt} with {share[-1]:.0%}.",
        table="weak_spots",
        figure=figure(
            traces, x=f"Share of {flip}", y="", height=120 + 24 * len(names),
            xaxis={"range": [0, 1.02], "tickformat": ".0%"}, yaxis={"type": "category"},
        ),
    )  # fmt: skip


def _sizes(table: pa.Table, measurements: Measurements) -> Chart:
    low, high = _column(table, "size_from"), _column(table, "size_to")
    rows = _column(table, "rows")
    n = int(rows.sum())
    traces = [
        {
            "type": "bar",
            "x": (low + high) / 2,
            "y": rows,
            "width": high - low,
            "marker": {"color": PALETTE[0]},
            "hovertemplate": "size %{x:.3g}: %{y} rows<extra></extra>",
        }
    ]
    return Chart(
        name="sizes",
        title="How large the smallest changes found are",
        caption=f"{n:,} rows by the size of the smallest change found; {_proved(measurements, n)}.",
        alt=f"Histogram of {n:,} sizes from 0 to {high[-1]:.3g}.",
        table="size_histogram",
        figure=figure(traces, x=size_title(measurements), y="Rows", bargap=0.05),
    )


def _proved(measurements: Measurements, n: int) -> str:
    """Say how far the smallest changes found are the smallest there are."""
    proof = measurements.tables.get("proof")
    verdicts = [] if proof is None else proof["verdict"].to_pylist()
    n_proved = verdicts.count("proved smallest")
    if n_proved == n:
        return "it is proved that none of them can be smaller"
    if n_proved:
        return f"for {n_proved:,} it is proved, the others can only be smaller"
    return "the true smallest change can only be smaller"


def _examples(table: pa.Table, measurements: Measurements) -> Chart:
    numbers = table["example"].to_pylist()
    # Whole examples, as many as a page can hold.
    ends = np.cumsum(np.unique(numbers, return_counts=True)[1])
    n_all, n = len(ends), max(1, int((ends <= MOST_LINES).sum()))
    part = table.slice(0, int(ends[n - 1]))
    columns = ("row", "feature", "from", "to")
    cells: list[list[Any]] = [
        [plain(value) for value in part[name].to_pylist()] for name in columns
    ]
    cells.append([f"{value:+.2g}" for value in part["change"].to_pylist()])
    examples = measurements.tables.get("examples")
    answers: dict[int, str] = {}
    is_regression = measurements.facts.get("task") == "regression"
    order = "the largest movements" if is_regression else "the smallest changes"
    if examples is not None:
        answers = {
            row["example"]: f"{plain(row['before'])} → {plain(row['after'])}"
            for row in examples.to_pylist()
        }
    cells.append([answers.get(number, "") for number in part["example"].to_pylist()])
    traces = [
        {
            "type": "table",
            "header": {
                "values": [
                    "Row",
                    "Column",
                    "Before",
                    "After",
                    f"Change, in {column_unit_of(measurements)}",
                    "Answer",
                ],
                "align": "left",
            },
            "cells": {"values": cells, "align": "left", "height": 26},
            "columnwidth": [2, 6, 4, 4, 4, 5],
        }
    ]
    return Chart(
        name="examples",
        title="The changes themselves, in the data's own units",
        caption=f"{n} of {n_all} kept examples before and after, {order} first, one line for each "
        f"column that changed{_beyond(examples, n)}.",
        alt=f"Table of {part.num_rows} changes in {n} rows.",
        table="changes",
        figure=figure(traces, x="", y="", height=90 + 27 * part.num_rows),
    )


def _beyond(examples: pa.Table | None, n_shown: int) -> str:
    """Count the shown examples that are larger than the stated size."""
    within = [] if examples is None else examples["within_budget"].to_pylist()[:n_shown]
    n_beyond = within.count(False)
    are = "is" if n_beyond == 1 else "are"
    return f"; {n_beyond} of them {are} larger than the stated size" if n_beyond else ""


def _checks(table: pa.Table, measurements: Measurements) -> Chart:
    del measurements
    holds = table["holds"].to_pylist()
    n = table["n"][0].as_py()
    cells = [
        table["check"].to_pylist(),
        ["holds" if value else "does not hold" for value in holds],
        [plain(text, longest=200) for text in table["explanation"].to_pylist()],
    ]
    traces = [
        {
            "type": "table",
            "columnwidth": [2, 1, 4],
            "header": {"values": ["What must hold", "Result", "Seen"], "align": "left"},
            "cells": {"values": cells, "align": "left"},
        }
    ]
    failed = sum(not value for value in holds)
    verdict = "the result can be believed" if not failed else "the result is not to be believed"
    return Chart(
        name="checks",
        title=f"Checks on the attack itself: {verdict}",
        caption=f"{failed} of {len(holds)} checks failed, each on up to {n:,} rows; a weaker "
        "attack that does better, by more than chance explains (exact McNemar test at 5 %), shows "
        "that the stronger one was misled.",
        alt=f"Table of {len(holds)} checks, {failed} failed.",
        table="checks",
        figure=figure(traces, x="", y="", height=120 + 46 * len(holds)),
    )


def _band(
    size: NDArray[np.float64],
    table: pa.Table,
    value: str,
    low: str,
    high: str,
    name: str,
    colour: int,
    start: float | None,
) -> list[dict[str, Any]]:
    line, below, above = (_column(table, column) for column in (value, low, high))
    x = size
    if start is not None:
        x, line = np.r_[0.0, size], np.r_[start, line]
    return [
        {
            "type": "scatter", "mode": "lines", "x": np.r_[size, size[::-1]],
            "y": np.r_[above, below[::-1]], "fill": "toself", "fillcolor": _BANDS[colour],
            "line": {"width": 0}, "hoverinfo": "skip", "showlegend": False,
        },
        {
            "type": "scatter", "mode": "lines+markers", "x": x, "y": line, "name": name,
            "line": {"color": PALETTE[colour], "dash": "solid" if colour == 0 else "dash"},
            "hovertemplate": f"size %{{x:.3g}}: %{{y:.3g}}<extra>{name}</extra>",
        },
    ]  # fmt: skip


def _column(table: pa.Table, name: str) -> NDArray[np.float64]:
    return np.asarray(table[name].to_numpy(zero_copy_only=False), dtype=np.float64)
