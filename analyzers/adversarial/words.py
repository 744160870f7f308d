"""Texts before and after, the changed words in bold."""

from typing import Any

import pyarrow as pa

from analyzers.adversarial.edits import changed_words
from analyzers.core.chart import Chart
from analyzers.core.result import Measurements
from analyzers.toolkit.plots import figure, plain

MOST_SHOWN = 12
LONGEST_TEXT = 400
LETTERS_A_LINE = 52


def draw_texts(table: pa.Table, measurements: Measurements) -> Chart:
    """Lay out examples as a table; words that changed are bold."""
    examples = table.to_pylist()[:MOST_SHOWN]
    is_shortened = "words_left_share" in measurements.estimates
    originals = [
        # What was left out can be shown where it stood only.
        highlighted(example["original"], changed_words(example["adversarial"], example["original"]))
        if is_shortened
        else plain(example["original"], longest=LONGEST_TEXT)
        for example in examples
    ]
    cells = [
        [str(example["row"]) for example in examples],
        originals,
        [
            plain(example["adversarial"], longest=LONGEST_TEXT)
            if is_shortened
            else highlighted(example["adversarial"], example["changed_words"])
            for example in examples
        ],
        [f"{plain(example['before'])} → {plain(example['after'])}" for example in examples],
        [f"{example['words_changed_share']:.0%}" for example in examples],
        [f"{example['similarity']:.2f}" for example in examples],
    ]
    traces = [
        {
            "type": "table",
            "columnwidth": [1, 6, 6, 2, 1.3, 1.3],
            "header": {
                "values": ["Row", "Before", "After", "Answer", "Words changed", "Similarity"],
                "align": "left",
            },
            "cells": {"values": cells, "align": "left"},
        }
    ]
    return Chart(
        name="texts",
        title="Texts before and after, left out words in bold"
        if is_shortened
        else "Texts before and after, changed words in bold",
        caption=f"{len(examples)} of {table.num_rows} kept examples, the "
        f"{'shortest' if is_shortened else 'least changed'} first.",
        alt=f"Table of {len(examples)} texts before and after the attack.",
        table="text_examples",
        figure=figure(traces, x="", y="", height=100 + sum(map(_height, examples))),
    )


def _height(example: dict[str, Any]) -> int:
    """About how high the row of an example is drawn, in pixels."""
    longest = min(max(len(example["original"]), len(example["adversarial"])), LONGEST_TEXT)
    return 16 + 20 * -(-longest // LETTERS_A_LINE)


def highlighted(text: str, changed: list[int]) -> str:
    """Escape a text for a figure and put the words at `changed` in bold.

    Invisible characters come out as blanks in `plain`; here they are named, since they are the
    whole change.
    """
    marked, length, places = [], 0, set(changed)
    for place, word in enumerate(text.split()):
        length += len(word) + 1
        if length > LONGEST_TEXT:
            marked.append("…")
            break
        shown = plain("".join(char if char.isprintable() else "◌" for char in word))
        marked.append(f"<b>{shown}</b>" if place in places else shown)
    return " ".join(marked)
