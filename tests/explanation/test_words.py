"""Texts: exact where words are weighed, sampled elsewhere, LIME beside both."""

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from analyzers.explanation import ANALYZER, coloured_words_chart, explained_row_numbers
from analyzers.explanation.params import ExplanationParams
from analyzers.policies import load_policy
from tests.benches import dataset_of
from tests.explanation.benches import text_bench, workbench

CONVENTIONS = load_policy("conventions")

QUICK = ExplanationParams(lime_samples=200, rows=20, sampled_rows=8)


def measure(estimator, params=QUICK):
    bench = text_bench(estimator)
    return bench, ANALYZER.measure(bench, params)


@pytest.mark.parametrize(
    "steps",
    [
        (TfidfVectorizer(),),
        (TfidfVectorizer(ngram_range=(1, 2), stop_words=["a", "and"], sublinear_tf=True),),
        (CountVectorizer(binary=True),),
        (CountVectorizer(), TfidfTransformer()),
    ],
    ids=["tf-idf", "pairs of words", "counts", "two steps"],
)
def test_words_that_are_weighed_add_up_exactly(steps):
    bench, found = measure(make_pipeline(*steps, LogisticRegression(C=10)))

    assert "exact" in str(found.facts["explainer"])
    assert found.estimates["additivity_error"].value == pytest.approx(0, abs=1e-12)
    tokens = found.tables["tokens"].to_pandas()
    lines = found.tables["explained_rows"].to_pandas()
    sums = tokens.groupby("row")["phi"].sum()
    scores = bench.model.predict_proba(bench.data.inputs)[:, 1]
    for row in explained_row_numbers(found):
        output = float(lines.loc[lines["row"] == row, "base"].iloc[0]) + sums[row]
        assert output == pytest.approx(np.log(scores[row] / (1 - scores[row])), abs=1e-9)


def test_the_words_that_decide_come_first_with_their_sign():
    _, found = measure(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)))
    importance = found.tables["importance"].to_pandas().set_index("feature")

    assert {"good", "bad"} <= set(importance.index[:4])
    assert importance.loc["good", "mean"] > 0 > importance.loc["bad", "mean"]


def test_a_word_the_model_does_not_know_adds_nothing():
    _, found = measure(make_pipeline(TfidfVectorizer(vocabulary=["good"]), LogisticRegression()))
    tokens = found.tables["tokens"].to_pandas()

    assert (tokens.loc[tokens["token"] != "good", "phi"] == 0).all()
    assert (tokens.loc[tokens["token"] == "good", "phi"] != 0).any()


def test_other_models_are_asked_with_words_left_out():
    forest = RandomForestClassifier(10, random_state=0)
    _, found = measure(make_pipeline(CountVectorizer(), forest))

    assert "sampled" in str(found.facts["explainer"])
    assert "coefficients" in str(found.facts["explainers_refused"])
    assert found.estimates["additivity_error"].value == pytest.approx(0, abs=1e-9)
    assert found.facts["n_explained"] == 8


def test_leaving_words_out_agrees_with_the_exact_values_in_direction():
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression(C=10))
    _, exact = measure(pipeline)
    _, asked = measure(pipeline, QUICK.model_copy(update={"method": "model-agnostic"}))
    first = exact.tables["tokens"].to_pandas().groupby("token")["phi"].mean()
    second = asked.tables["tokens"].to_pandas().groupby("token")["phi"].mean()
    both = first.index.intersection(second.index)

    assert np.corrcoef(first[both], second[both])[0, 1] > 0.9


def test_lime_agrees_on_a_line_and_its_words_are_charted_in_reading_order():
    _, found = measure(make_pipeline(TfidfVectorizer(), LogisticRegression(C=10)))
    charts = {chart.name: chart for chart in ANALYZER.draw(found)}

    assert found.estimates["shap_lime_correlation"].value > 0.5
    assert found.estimates["lime_width_stability"].value > 0.5
    assert 2 <= found.estimates["lime_width_stability"].n <= 5
    assert found.estimates["lime_width_stability"].high <= 1
    said = {finding.code: finding.headline for finding in ANALYZER.judge(found, CONVENTIONS)}
    assert "the words of a text" in said["explanation.lime_width_stability"]
    positions = charts["words"].figure["data"][0]["x"]
    assert (np.diff(positions) > 0).all()


def test_texts_without_words_are_counted_and_do_not_stand_in_the_way():
    bench = text_bench(make_pipeline(TfidfVectorizer(), LogisticRegression()))
    texts = bench.data.frame.copy()
    texts.iloc[:3, 0] = "  "
    bench = workbench(bench.model, dataset_of(bench.subject, texts))

    found = ANALYZER.measure(bench, ExplanationParams(rows=36, lime_samples=200))

    assert "3 of 36 explained texts have no words" in " ".join(found.sampling)
    drawn = [coloured_words_chart(found, row) is not None for row in explained_row_numbers(found)]
    assert drawn == [False] * 3 + [True] * 33
    assert found.tables["explained_rows"]["is_shown"].to_pylist().count(True) == 1
