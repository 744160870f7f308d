"""Edited texts: every mixture is asked once, and the change is shared out exactly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from analyzers.core.errors import InvalidParameter
from analyzers.explanation import (
    ANALYZER,
    ask_about_text,
    contrast_chart,
    editable_text,
    edits_chart,
    read_answer,
)
from analyzers.explanation.contrast import contrast_rows
from analyzers.explanation.params import ExplanationParams
from tests.benches import dataset_of, predictions_of
from tests.explanation.benches import text_bench

QUICK = ExplanationParams(rows=30, sampled_rows=10, background_rows=20, lime_samples=200)
WORDS = st.lists(st.sampled_from(["a", "good", "bad", "warm", "film", "dull"]), max_size=12)


@pytest.fixture(scope="module")
def reviews():
    bench = text_bench(make_pipeline(CountVectorizer(), LogisticRegression()))
    return bench, ANALYZER.measure(bench, QUICK)


def asked(bench, question):
    name = bench.subject.target
    rows = question.rows.assign(**{name: bench.subject.classes[0]})
    return predictions_of(bench.model, dataset_of(bench.subject, rows))


@given(before=WORDS, after=WORDS)
def test_the_first_text_is_the_original_and_the_last_the_edited_one(reviews, before, after):
    bench, _ = reviews
    # Twelve words and twelve others differ in at most eight places here, or it is refused.
    question = ask_about_text(bench.subject, "  ".join(before), " ".join(after))
    texts = question.rows.iloc[:, 0].tolist()

    assert len(texts) == 2 ** len(question.edited)
    assert texts[0] == "  ".join(before)
    assert texts[-1].split() == after
    for place in range(len(question.edited)):
        alone = texts[2**place].split()
        assert len(alone) - len(before) == sum(
            0 if words == "nothing" else sign * len(words.split())
            for sign, words in ((1, question.after[place]), (-1, question.before[place]))
        )


def test_each_edit_gets_what_it_does_and_all_add_up(reviews):
    bench, found = reviews
    row = found.facts["shown_row"]
    text = editable_text(found, row)
    assert text == bench.data.inputs[row]
    question = ask_about_text(bench.subject, text, f"{text} good and warm")

    answered = read_answer(found, bench.subject, question, asked(bench, question))

    edits = answered.tables["edits"].to_pandas()
    change = answered.facts["output_after"] - answered.facts["output_before"]
    assert edits["phi"].sum() == pytest.approx(change)
    assert edits["before"].tolist() == ["nothing"]
    assert edits["after"].tolist() == ["good and warm"]
    assert "nothing → good and warm" in edits_chart(answered).figure["data"][0]["y"][0]


def test_more_edits_than_can_be_told_apart_are_refused(reviews):
    bench, _ = reviews
    text = " ".join(f"w{place}" for place in range(20))
    edited = " ".join(f"{'x' if place % 2 else 'w'}{place}" for place in range(20))

    with pytest.raises(InvalidParameter, match="at most 8 edited places, got 10"):
        ask_about_text(bench.subject, text, edited)


def test_the_contrast_of_two_texts_adds_up_over_their_words(reviews):
    _, found = reviews
    rows = found.tables["explained_rows"].to_pandas().set_index("row")
    first, second = rows.index[0], rows.index[5]

    table = contrast_rows(found, first, second)

    gap = rows["output"][first] - rows["output"][second]
    assert table["difference"].sum() == pytest.approx(gap)
    assert set(table["value"]) | set(table["other_value"]) <= {"0", "1", "2", "3"}
    chart = contrast_chart(found, first, second)
    assert chart.table == "tokens"
    assert "all words together" in chart.sentence
