"""Guessing an attribute: a model that remembers gives it away, an honest one adds nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.policies import load_policy
from analyzers.privacy.attribute_inference import Guesses, excess_of
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of
from tests.privacy.worlds import gaussian_bench

COLUMNS = (
    Column(name="x", kind="number", role=Role.FEATURE, is_feature=True),
    Column(
        name="ill", kind="category", role=Role.FEATURE, is_feature=True, is_sensitive=True,
        levels=("no", "yes"),
    ),
    Column(name="granted", kind="category", role=Role.LABEL, levels=("no", "yes")),
)  # fmt: skip


def people(n_rows: int, rng: np.random.Generator) -> pd.DataFrame:
    """Illness is a coin toss that nothing else tells, and so is the outcome."""
    return pd.DataFrame(
        {
            "x": rng.normal(size=n_rows),
            "ill": rng.choice(["no", "yes"], n_rows),
            "granted": rng.choice(["no", "yes"], n_rows),
        }
    )


def bench_with(classifier, n_rows=400):
    rng = np.random.default_rng(1)
    subject = subject_of(COLUMNS, n_rows=n_rows, training_data=True)
    training, held_out = (dataset_of(subject, people(n_rows, rng)) for _ in range(2))
    fitted = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["ill"]), remainder="passthrough"), classifier
    ).fit(training.inputs, training.frame["granted"])
    model = EstimatorModel(fitted, Capability.PREDICT_PROBA)
    return replace(
        gaussian_bench(50, 50), subject=subject, data=held_out, training_data=training,
        model=model, predictions=predictions_of(model, held_out),
        training_predictions=predictions_of(model, training),
    )  # fmt: skip


def sides_of(bench, **params) -> dict[str, dict]:
    measured = measure(bench, PrivacyParams(**params))
    return {row["side"]: row for row in measured.tables["attribute_inference"].to_pylist()}


def test_a_model_that_remembers_gives_the_attribute_away():
    sides = sides_of(bench_with(KNeighborsClassifier(1)))

    # With the true illness the nearest neighbour is the record itself, which gives its outcome;
    # with the other one it is somebody else's, which is right half of the time.
    assert sides["members"]["guessed_rightly"] == pytest.approx(0.75, abs=0.07)
    assert sides["members"]["imputed_rightly"] == pytest.approx(0.5, abs=0.1)
    assert sides["members minus non-members"]["low"] > 0.1
    assert sides["non-members"]["low"] <= 0 <= sides["non-members"]["high"]


def test_a_model_that_cannot_remember_adds_nothing():
    gap = sides_of(bench_with(LogisticRegression()))["members minus non-members"]

    assert gap["low"] <= 0 <= gap["high"]
    assert gap["n"] == 200


def test_the_finding_has_both_guesses_and_the_excess():
    bench = bench_with(KNeighborsClassifier(1))
    findings = judge(measure(bench, PrivacyParams()), load_policy("conventions"))
    headline = next(
        item.headline for item in findings if item.code == "privacy.attribute_inference.ill"
    )

    assert "with the model" in headline
    assert "without it" in headline
    assert "95 % interval" in headline


def test_a_column_the_model_does_not_use_is_left_out_and_named():
    measured = measure(bench_with(LogisticRegression()), PrivacyParams(inferred=("granted",)))

    assert "attribute_inference" not in measured.tables
    assert "Inference of granted is left out: the model does not use that column." in (
        measured.sampling
    )


def test_intervals_of_the_excess_cover_as_often_as_they_say():
    hits, truth = 0, 0.2
    for seed in range(200):
        rng = np.random.default_rng(seed)
        draw = rng.random(300)
        guesses = Guesses(without=(draw >= 0.3) & (draw < 0.4), with_model=draw < 0.3)
        value, draws = excess_of(guesses, rng)
        low, high = np.quantile(draws, [0.025, 0.975])
        assert value == pytest.approx(guesses.with_model.mean() - guesses.without.mean())
        hits += low <= truth <= high

    # 95 % asked for; three standard errors of 200 rounds below.
    assert hits >= 180
