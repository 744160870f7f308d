"""LIME from one shared sample against the package, and against models whose answer is known."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import Ridge

from analyzers.explanation.local import kernel, package_lime, shared_lime, weighted_ridge
from tests.explanation.benches import mixed_frame, mixed_pipeline, number_frame


@pytest.fixture(scope="module")
def forest():
    frame = number_frame(300, 6)
    features = frame.drop(columns="y")
    model = RandomForestClassifier(20, max_depth=5, random_state=0).fit(features, frame["y"])
    return features, lambda asked: model.predict_proba(asked)[:, 1]


def test_the_shared_sample_gives_what_the_package_gives(forest):
    features, ask = forest
    rng = np.random.default_rng(0)

    ours = shared_lime(ask, features.iloc[:6], features, 20_000, rng)

    for place in range(6):
        theirs = package_lime(
            ask, features.iloc[[place]], features, 5000, np.arange(4, dtype=np.int64)
        )
        spread = theirs.weights.std(axis=0).max() + 0.01
        np.testing.assert_allclose(
            ours.weights[place], theirs.weights.mean(axis=0), atol=5 * spread
        )
        assert np.corrcoef(ours.weights[place], theirs.weights.mean(axis=0))[0, 1] > 0.97
        assert ours.r_squared[place] == pytest.approx(theirs.r_squared.mean(), abs=0.06)


def test_of_a_sum_of_categories_lime_finds_each_difference():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({name: rng.choice(["yes", "no"], 500) for name in "abc"})

    def ask(asked):
        return 3.0 * (asked["a"] == "yes") - 2.0 * (asked["b"] == "yes").to_numpy(float)

    row = pd.DataFrame({"a": ["yes"], "b": ["yes"], "c": ["no"]})

    found = shared_lime(lambda asked: np.asarray(ask(asked)), row, frame, 4000, rng)

    np.testing.assert_allclose(found.weights[0], [3, -2, 0], atol=0.02)
    assert found.r_squared[0] > 0.99


def test_a_model_that_answers_the_same_everywhere_has_no_r_squared():
    frame = number_frame(50, 3).drop(columns="y")

    found = shared_lime(
        lambda asked: np.full(len(asked), 0.3), frame.iloc[:2], frame, 300,
        np.random.default_rng(0),
    )  # fmt: skip

    np.testing.assert_allclose(found.weights, 0, atol=1e-12)
    assert np.isnan(found.r_squared).all()


def test_missing_values_and_categories_are_asked_about_as_they_are():
    table = mixed_frame(150)
    features = table.drop(columns="y")
    pipeline = mixed_pipeline(RandomForestClassifier(10, random_state=0))
    pipeline.fit(features, table["y"])
    row = features[features["years"].isna()].iloc[[0]]
    asked_types = []

    def ask(asked):
        asked_types.append(asked.dtypes)
        return pipeline.predict_proba(asked)[:, 1]

    ours = shared_lime(ask, row, features, 500, np.random.default_rng(0))
    theirs = package_lime(ask, row, features, 500, np.array([1, 2]))

    assert np.isfinite(ours.weights).all()
    assert (theirs.weights[:, 2] == 0).all()
    assert all((types == features.dtypes).all() for types in asked_types)


def test_a_column_that_never_changes_gets_no_weight(forest):
    features, ask = forest
    wide = features.assign(same=1.0)

    found = shared_lime(
        lambda asked: ask(asked[features.columns]), wide.iloc[:3], wide, 400,
        np.random.default_rng(0),
    )  # fmt: skip

    np.testing.assert_allclose(found.weights[:, 6], 0, atol=1e-12)


def test_the_regression_is_that_of_scikit_learn():
    rng = np.random.default_rng(0)
    inputs, shares = rng.normal(size=(60, 4)), rng.random(60)
    outputs = inputs @ [1, 2, 0, -1] + rng.normal(size=60)
    reference = Ridge(alpha=1.0).fit(inputs, outputs, sample_weight=shares)

    ours = weighted_ridge(inputs, outputs, shares)

    np.testing.assert_allclose(ours.weights, reference.coef_)
    assert ours.intercept == pytest.approx(reference.intercept_)
    assert ours.r_squared == pytest.approx(reference.score(inputs, outputs, shares))


def test_the_row_itself_weighs_most():
    same = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 0.0]])

    weights = kernel(same)

    assert weights[0] == 1
    assert weights[0] > weights[1] > weights[2] > 0


def test_runs_that_share_what_the_package_learned_equal_runs_from_scratch(forest):
    from lime.lime_tabular import LimeTabularExplainer

    features, ask = forest
    row = features.iloc[[3]]

    found = package_lime(ask, row, features, 300, np.array([5, 9]))

    for run, seed in enumerate((5, 9)):
        fresh = LimeTabularExplainer(
            features.to_numpy(), mode="regression", random_state=seed,
            feature_names=[str(place) for place in range(6)],
        ).explain_instance(
            row.to_numpy()[0],
            lambda array: ask(pd.DataFrame(array, columns=features.columns)),
            num_features=6, num_samples=300,
        )  # fmt: skip
        expected = dict(fresh.local_exp[1])
        np.testing.assert_array_equal(found.weights[run], [expected[at] for at in range(6)])
