"""Our walk over trees against shap's own, which is written independently."""

import numpy as np
import pandas as pd
import pytest
import shap
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.tree import DecisionTreeClassifier

from analyzers.anatomy.encoding import encode
from analyzers.core.workbench import untracked
from analyzers.explanation.forests import explain_forest
from tests.explanation.benches import number_frame

SINGLE_OUTPUT = [
    RandomForestClassifier(12, random_state=0),
    ExtraTreesClassifier(12, random_state=0),
    DecisionTreeClassifier(random_state=0),
    GradientBoostingClassifier(n_estimators=15, random_state=0),
    HistGradientBoostingClassifier(max_iter=15, random_state=0),
]
REGRESSORS = [
    RandomForestRegressor(12, random_state=0),
    GradientBoostingRegressor(n_estimators=15, random_state=0),
    HistGradientBoostingRegressor(max_iter=15, random_state=0),
]


def name_of(estimator: object) -> str:
    return type(estimator).__name__


@pytest.mark.parametrize("estimator", SINGLE_OUTPUT, ids=name_of)
def test_values_of_the_second_class_equal_those_of_shap(estimator):
    frame = number_frame(120, 7)
    features = frame.drop(columns="y")
    estimator.fit(features, frame["y"])

    ours = explain_forest(encode(estimator, features), 7, 1, untracked)

    theirs = np.asarray(shap.TreeExplainer(estimator).shap_values(features))
    theirs = theirs[:, :, 1] if theirs.ndim == 3 else theirs
    np.testing.assert_allclose(ours.values, theirs, atol=1e-9)
    np.testing.assert_allclose(ours.rebuilt, estimator.predict_proba(features)[:, 1], atol=1e-12)


@pytest.mark.parametrize("estimator", REGRESSORS, ids=name_of)
def test_values_of_regressions_equal_those_of_shap(estimator):
    frame = number_frame(120, 5)
    features, target = frame.drop(columns="y"), frame["x0"] * 3 + frame["x1"] * frame["x2"]
    estimator.fit(features, target)

    ours = explain_forest(encode(estimator, features), 5, None, untracked)

    theirs = shap.TreeExplainer(estimator).shap_values(features)
    np.testing.assert_allclose(ours.values, theirs, atol=1e-9)
    np.testing.assert_allclose(ours.rebuilt, estimator.predict(features), atol=1e-9)


def test_with_several_classes_a_forest_is_explained_for_the_chosen_one():
    frame = number_frame(120, 5, n_classes=4)
    features = frame.drop(columns="y")
    forest = RandomForestClassifier(10, random_state=0).fit(features, frame["y"])

    ours = explain_forest(encode(forest, features), 5, 2, untracked)

    theirs = shap.TreeExplainer(forest).shap_values(features)[:, :, 2]
    np.testing.assert_allclose(ours.values, theirs, atol=1e-9)


def test_with_several_classes_boosting_is_explained_against_the_mean_class():
    frame = number_frame(120, 5, n_classes=3)
    features = frame.drop(columns="y")
    model = HistGradientBoostingClassifier(max_iter=8, random_state=0).fit(features, frame["y"])

    ours = explain_forest(encode(model, features), 5, 1, untracked)

    theirs = shap.TreeExplainer(model).shap_values(features)
    np.testing.assert_allclose(ours.values, theirs[:, :, 1] - theirs.mean(axis=2), atol=1e-9)
    np.testing.assert_allclose(ours.rebuilt, model.predict_proba(features)[:, 1], atol=1e-12)


def test_the_first_class_gets_the_opposite_of_the_second():
    frame = number_frame(100, 4)
    features = frame.drop(columns="y")
    model = GradientBoostingClassifier(n_estimators=5, random_state=0).fit(features, frame["y"])

    first = explain_forest(encode(model, features), 4, 0, untracked)
    second = explain_forest(encode(model, features), 4, 1, untracked)

    np.testing.assert_allclose(first.values, -second.values)
    np.testing.assert_allclose(first.rebuilt, model.predict_proba(features)[:, 0], atol=1e-12)


def test_missing_numbers_go_the_way_the_forest_sends_them():
    frame = number_frame(200, 4)
    features = frame.drop(columns="y").mask(np.random.default_rng(1).random((200, 4)) < 0.2)
    forest = RandomForestClassifier(10, random_state=0).fit(features, frame["y"])

    ours = explain_forest(encode(forest, features), 4, 1, untracked)

    np.testing.assert_allclose(ours.rebuilt, forest.predict_proba(features)[:, 1], atol=1e-12)


def test_categories_of_histogram_boosting_add_up():
    rng = np.random.default_rng(0)
    features = pd.DataFrame(
        {
            "colour": pd.Categorical(rng.choice(list("abcdefgh"), 300)),
            "size": rng.normal(size=300),
        }
    )
    target = features["colour"].isin(["a", "c", "h"]) ^ (features["size"] > 0)
    features.loc[:20, "colour"] = None
    model = HistGradientBoostingClassifier(
        max_iter=10, categorical_features="from_dtype", random_state=0
    )
    model.fit(features, target)

    ours = explain_forest(encode(model, features), 2, 1, untracked)

    np.testing.assert_allclose(ours.rebuilt, model.predict_proba(features)[:, 1], atol=1e-12)
    assert np.abs(ours.values[:, 0]).mean() > 0.1


def test_a_column_the_model_never_asks_about_gets_exactly_nothing():
    frame = number_frame(100, 4)
    features = frame.drop(columns="y").assign(same=1.0)
    forest = RandomForestClassifier(10, random_state=0).fit(features, frame["y"])

    ours = explain_forest(encode(forest, features), 5, 1, untracked)

    assert (ours.values[:, 4] == 0).all()


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), depth=st.integers(1, 9), columns=st.integers(1, 6))
def test_any_forest_adds_up_and_equals_shap(seed, depth, columns):
    rng = np.random.default_rng(seed)
    features = pd.DataFrame(rng.integers(0, 4, (40, columns)).astype(float))
    target = rng.integers(0, 2, 40)
    forest = RandomForestClassifier(3, max_depth=depth, random_state=seed).fit(features, target)
    if len(forest.classes_) < 2:
        return

    ours = explain_forest(encode(forest, features), columns, 1, untracked)

    np.testing.assert_allclose(ours.rebuilt, forest.predict_proba(features)[:, 1], atol=1e-10)
    theirs = shap.TreeExplainer(forest).shap_values(features)[:, :, 1]
    np.testing.assert_allclose(ours.values, theirs, atol=1e-9)


def test_the_order_of_rows_does_not_change_a_value():
    frame = number_frame(90, 4)
    features = frame.drop(columns="y")
    forest = RandomForestClassifier(5, random_state=0).fit(features, frame["y"])
    order = np.random.default_rng(3).permutation(90)

    straight = explain_forest(encode(forest, features), 4, 1, untracked)
    shuffled = explain_forest(encode(forest, features.iloc[order]), 4, 1, untracked)

    np.testing.assert_allclose(shuffled.values, straight.values[order], atol=1e-12)


def test_categories_behind_a_number_do_not_take_its_place():
    # The model puts its categories first; what it says of a column must come back to that column.
    frame = number_frame(200, 3)
    kinds = np.random.default_rng(0).choice(["u", "v", "w"], 200)
    features = frame[["x0"]].assign(kind=pd.Categorical(kinds))
    model = HistGradientBoostingClassifier(
        max_iter=8, categorical_features="from_dtype", random_state=0
    )
    model.fit(features, (frame["x0"] > 0).astype(int))

    ours = explain_forest(encode(model, features), 2, 1, untracked)

    assert np.abs(ours.values[:, 0]).mean() > 1
    np.testing.assert_allclose(ours.values[:, 1], 0, atol=0.1)
    np.testing.assert_allclose(ours.rebuilt, model.predict_proba(features)[:, 1], atol=1e-12)
