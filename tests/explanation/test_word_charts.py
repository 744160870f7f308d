"""Coloured words: every word once, in lines that do not overlap, from the side it is read from."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.result import Measurements
from analyzers.explanation.tables import TABLES
from analyzers.explanation.word_charts import (
    MOST_WORDS,
    coloured_words_chart,
    lay_out,
    word_steps_chart,
)


def measured(words, phi, row=3):
    lines = [
        {"row": row, "position": at, "token": word, "phi": float(value)}
        for at, (word, value) in enumerate(zip(words, phi, strict=True))
    ]
    tokens = pa.Table.from_pylist(lines, schema=TABLES["tokens"])
    facts = {"explained_output": "log-odds of 'positive'", "scale": "log-odds", "shown_row": row}
    return Measurements(tables={"tokens": tokens}, facts=facts)


@given(st.lists(st.text(min_size=0, max_size=80), min_size=1, max_size=60))
def test_no_two_words_share_a_place_and_none_leaves_the_line(words):
    places, n_lines = lay_out(words)

    assert len(places) == len(words)
    assert {line for _, _, line in places} == set(range(n_lines))
    for line in range(n_lines):
        ends = sorted((left, left + width) for left, width, at in places if at == line)
        assert ends[0][0] >= -1e-9
        assert ends[-1][1] <= 46 + 1e-9
        assert all(before[1] <= after[0] + 1e-9 for before, after in pairwise(ends))


def test_reading_order_is_kept_from_either_side():
    rightwards, _ = lay_out(["a", "good", "film"])
    leftwards, _ = lay_out(["فيلم", "جيد", "جدا"])

    assert [left for left, _, _ in rightwards] == sorted(left for left, _, _ in rightwards)
    assert [left for left, _, _ in leftwards] == sorted(
        (left for left, _, _ in leftwards), reverse=True
    )
    wide, _ = lay_out(["电影", "ab"])
    assert wide[0][1] == pytest.approx(4.8)
    assert wide[1][1] == pytest.approx(2.8)


def test_the_deepest_ground_is_under_the_word_that_counts_most():
    chart = coloured_words_chart(measured(["not", "a", "good", "film"], [-0.4, 0.0, 0.8, 0.1]), 3)

    depths = [
        float(shape["fillcolor"].split(",")[3][:-1]) for shape in chart.figure["layout"]["shapes"]
    ]
    assert np.argmax(depths) == 2
    assert depths[1] < depths[3] < depths[0] < depths[2]
    assert chart.figure["layout"]["shapes"][0]["fillcolor"].startswith("rgba(0,114,178")
    assert chart.figure["layout"]["shapes"][2]["fillcolor"].startswith("rgba(213,94,0")
    assert "“good” counts most" in chart.title
    assert "n = 4 words" in chart.caption


def test_words_are_shown_as_they_are_and_never_as_markup():
    chart = coloured_words_chart(measured(["<b>x</b>", "$a$"], [1.0, 0.5]), 3)

    assert chart.figure["data"][-1]["text"] == ["&lt;b&gt;x&lt;/b&gt;", "&#36;a&#36;"]
    assert "<b>" not in chart.title


def test_a_long_text_is_cut_and_says_so():
    words = ["word"] * (MOST_WORDS + 50)
    chart = coloured_words_chart(measured(words, np.ones(len(words))), 3)

    assert len(chart.figure["data"][-1]["text"]) == MOST_WORDS
    assert f"The first {MOST_WORDS} of {len(words)} words." in chart.caption


def test_a_text_that_was_not_kept_has_no_chart():
    assert coloured_words_chart(measured(["a"], [1.0]), 4) is None
    assert word_steps_chart(measured(["a"], [1.0]), 4) is None
    assert coloured_words_chart(Measurements(), 3) is None
    assert word_steps_chart(measured(["a"], [1.0]), 3) is not None
