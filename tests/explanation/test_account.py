"""What is said of how an explanation was made is what the result holds."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline

from analyzers.explanation import ANALYZER, account_of, contrast_chart, local_chart
from analyzers.explanation.chart_words import amount
from analyzers.explanation.params import ExplanationParams
from tests.explanation.benches import number_bench, number_frame, text_bench

QUICK = ExplanationParams(rows=40, sampled_rows=10, background_rows=20, lime_samples=200)


@pytest.fixture(scope="module")
def sampled():
    return ANALYZER.measure(number_bench(GaussianNB(), number_frame(150, 9)), QUICK)


@pytest.fixture(scope="module")
def exact():
    forest = RandomForestClassifier(5, max_depth=3, random_state=0)
    return ANALYZER.measure(number_bench(forest, number_frame(150, 4)), QUICK)


def test_a_sampled_explanation_says_its_error_with_unit_and_number(sampled):
    said = " ".join(account_of(sampled))
    error = sampled.estimates["sampling_error"]

    assert f"± {error.value:.2g} (95 %, probability; median of n = {error.n} rows)" in said
    assert sampled.facts["explainer"] in said
    assert "What was tried before" in said
    assert "shap 0." in said
    assert "lime 0." in said
    for note in sampled.sampling:
        assert note in said


def test_an_exact_explanation_says_that_nothing_is_sampled_and_how_it_adds_up(exact):
    said = " ".join(account_of(exact))
    error = exact.estimates["additivity_error"]

    assert "No value is sampled" in said
    assert f"within {error.value:.2g} (in probability; the largest of n = {error.n}" in said


def test_texts_are_called_texts():
    from sklearn.feature_extraction.text import TfidfVectorizer

    bench = text_bench(make_pipeline(TfidfVectorizer(), LogisticRegression()))
    said = " ".join(account_of(ANALYZER.measure(bench, QUICK)))

    assert "36 texts" in said


def test_the_chart_of_a_row_has_the_error_of_each_sampled_value(sampled, exact):
    row = sampled.tables["values"]["row"][0].as_py()
    table = sampled.tables["values"].to_pandas()
    part = table[table["row"] == row].sort_values("phi", key=np.abs)

    bars = local_chart(sampled, row).figure["data"][0]

    for text, value, error in zip(bars["text"], part["phi"], part["error"], strict=True):
        assert text == f"{value:+.2g} ± {1.96 * error:.1g}"
    assert "95 % half-width" in local_chart(sampled, row).caption
    exact_row = exact.tables["values"]["row"][0].as_py()
    assert "±" not in str(local_chart(exact, exact_row).figure["data"][0]["text"])


@pytest.mark.parametrize(
    ("value", "output", "words"),
    [
        (7.09e-38, "probability of 'a'", "below 0.001"),
        (1 - 1e-9, "probability of 'a'", "above 0.999"),
        (0.0, "probability of 'a'", "0"),
        (0.6666, "probability of 'a'", "0.667"),
        (7.09e-38, "price", "7.09e-38"),
        (0.0004, "log-odds of 'a'", "0.0004"),
    ],
)
def test_probabilities_next_to_an_end_are_said_in_words(value, output, words):
    assert amount(value, output) == words


def test_the_number_of_each_bar_stands_beside_the_chart_where_nothing_cuts_it(sampled):
    rows = list(dict.fromkeys(sampled.tables["values"]["row"].to_pylist()))

    for chart in (local_chart(sampled, rows[0]), contrast_chart(sampled, rows[0], rows[1])):
        bars, layout = chart.figure["data"][0], chart.figure["layout"]
        notes = layout["annotations"]
        assert [note["text"] for note in notes] == bars["text"]
        assert [note["y"] for note in notes] == list(range(len(bars["y"])))
        assert layout["margin"]["r"] >= 6 * max(map(len, bars["text"]))
