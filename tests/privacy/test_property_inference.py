"""The share of a group in training data: told where behaviour shows it, and only there."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.policies import load_policy
from analyzers.privacy.drawing import draw
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.property_inference import read_off
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of
from tests.privacy.worlds import gaussian_bench

COLUMNS = (
    Column(name="x", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="sex", kind="category", role=Role.SENSITIVE, is_sensitive=True),
    Column(name="granted", kind="category", role=Role.LABEL, levels=("no", "yes")),
)


def people(n_rows, share, rng):
    """The rule is turned round for one sex, so a model shows whom it was fitted on."""
    sex = np.where(rng.random(n_rows) < share, "female", "male")
    x = rng.normal(size=n_rows)
    pull = np.where(sex == "female", x, -x)
    granted = np.where(pull + 0.3 * rng.normal(size=n_rows) > 0, "yes", "no")
    return pd.DataFrame({"x": x, "sex": sex, "granted": granted})


def bench_with(share, *, refit=True):
    rng = np.random.default_rng(2)
    subject = subject_of(COLUMNS, n_rows=800, training_data=True)
    training = dataset_of(subject, people(400, share, rng))
    held_out = dataset_of(subject, people(800, 0.5, rng))
    fitted = LogisticRegression().fit(training.inputs, training.frame["granted"])
    capabilities = [Capability.PREDICT_PROBA, *([Capability.REFIT] if refit else [])]
    model = EstimatorModel(fitted, *capabilities)
    return replace(
        gaussian_bench(50, 50), subject=subject, data=held_out, training_data=training,
        model=model, predictions=predictions_of(model, held_out),
        training_predictions=predictions_of(model, training),
    )  # fmt: skip


def test_a_share_that_behaviour_shows_is_read_within_its_interval():
    found = measure(bench_with(0.8), PrivacyParams(property_models="16"))

    share = found.estimates["property_share"]
    assert share.low <= found.facts["property_true_share"] <= share.high
    assert abs(share.value - 0.8) < 0.15
    assert found.facts["property_error"] < 0.5 * found.facts["property_blind_error"]
    rows = found.tables["property_models"].to_pylist()
    assert (rows[0]["is_target"], rows[0]["read_share"]) == (True, share.value)
    errors = [row["read_share"] - row["share"] for row in rows[1:]]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(found.facts["property_error"])
    (chart,) = (chart for chart in draw(found) if chart.name == "property_models")
    assert "n = 16 models" in chart.caption
    assert "sex: " in chart.title
    headlines = [finding.headline for finding in judge(found, load_policy("conventions"))]
    assert any("Behaviour tells the share better than guessing" in text for text in headlines)


def test_behaviour_without_the_share_in_it_is_no_better_than_guessing():
    rng = np.random.default_rng(0)
    shares = np.linspace(0.1, 0.9, 32)

    line = read_off(rng.normal(size=(32, 4)), shares, np.zeros(4))

    assert line.error > 0.8 * line.blind_error


def test_a_straight_relation_is_read_exactly():
    shares = np.linspace(0.1, 0.9, 16)

    line = read_off(np.stack([shares, -shares], axis=1), shares, np.array([0.35, -0.35]))

    assert abs(line.share - 0.35) < 0.01


def test_a_model_that_cannot_be_fitted_anew_gets_a_sentence():
    found = measure(bench_with(0.8, refit=False), PrivacyParams(property_models="16"))

    assert "property_share" not in found.estimates
    assert any("Property inference is left out" in note for note in found.sampling)
