"""Boosters' own contributions and closed forms, against shap."""

import catboost
import lightgbm
import numpy as np
import pytest
import shap
import xgboost
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from analyzers.anatomy.encoding import encode
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.explanation.boosters import explain_booster
from analyzers.explanation.linear import explain_linear
from tests.explanation.benches import number_frame

CLASSIFIERS = [
    xgboost.XGBClassifier(n_jobs=1, n_estimators=10),
    lightgbm.LGBMClassifier(n_jobs=1, n_estimators=10, verbose=-1, min_child_samples=5),
    catboost.CatBoostClassifier(iterations=10, verbose=0, allow_writing_files=False),
]


def name_of(model: object) -> str:
    return type(model).__name__


# shap warns that its own answer for LightGBM changed its type.
@pytest.mark.filterwarnings("ignore:LightGBM binary classifier")
@pytest.mark.parametrize("model", CLASSIFIERS, ids=name_of)
def test_a_boosters_values_equal_those_of_shap_and_add_up(model):
    frame = number_frame(150, 5)
    features = frame.drop(columns="y")
    model.fit(features, frame["y"])

    ours = explain_booster(encode(model, features), 5, 1)

    theirs = shap.TreeExplainer(model).shap_values(features)
    np.testing.assert_allclose(ours.values, theirs, atol=1e-5)
    np.testing.assert_allclose(ours.rebuilt, model.predict_proba(features)[:, 1], atol=1e-5)
    assert ours.scale == "log-odds"


@pytest.mark.parametrize("model", CLASSIFIERS, ids=name_of)
def test_with_several_classes_the_mean_class_is_taken_off(model):
    frame = number_frame(150, 5, n_classes=3)
    features = frame.drop(columns="y")
    model.fit(features, frame["y"])

    ours = explain_booster(encode(model, features), 5, 2)

    np.testing.assert_allclose(ours.rebuilt, model.predict_proba(features)[:, 2], atol=1e-5)
    logarithm = np.log(model.predict_proba(features))
    wanted = logarithm[:, 2] - logarithm.mean(axis=1)
    np.testing.assert_allclose(ours.base + ours.values.sum(axis=1), wanted, atol=1e-4)


def test_a_bare_booster_is_explained_like_its_wrapper():
    frame = number_frame(100, 4)
    features = frame.drop(columns="y")
    wrapper = xgboost.XGBClassifier(n_jobs=1, n_estimators=5).fit(features, frame["y"])

    bare = explain_booster(encode(wrapper.get_booster(), features), 4, 1)

    np.testing.assert_array_equal(
        bare.values, explain_booster(encode(wrapper, features), 4, 1).values
    )


def test_another_model_is_no_booster():
    frame = number_frame(50, 3)
    line = LinearRegression().fit(frame.drop(columns="y"), frame["y"])

    with pytest.raises(DoesNotFit, match="no booster"):
        explain_booster(encode(line, frame.drop(columns="y")), 3, None)


@pytest.mark.parametrize("model", [LinearRegression(), Ridge()], ids=name_of)
def test_a_line_gets_its_weight_times_the_distance_from_the_mean(model):
    frame = number_frame(100, 4)
    features = frame.drop(columns="y")
    model.fit(features, features @ [3.0, -2.0, 0.0, 1.0] + 5)
    background = features.iloc[:30]

    ours = explain_linear(encode(model, features), encode(model, background), 4, None)

    wanted = (features - background.mean()) * model.coef_
    np.testing.assert_allclose(ours.values, wanted, atol=1e-10)
    np.testing.assert_allclose(ours.base, model.predict(background).mean())
    np.testing.assert_allclose(ours.rebuilt, model.predict(features))


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_logistic_model_adds_up_to_its_probability(n_classes):
    frame = number_frame(150, 4, n_classes=n_classes)
    features = frame.drop(columns="y")
    model = LogisticRegression().fit(features, frame["y"])

    ours = explain_linear(encode(model, features), encode(model, features.iloc[:40]), 4, 1)

    np.testing.assert_allclose(ours.rebuilt, model.predict_proba(features)[:, 1], atol=1e-12)


def test_a_logistic_models_values_equal_shaps():
    frame = number_frame(150, 4)
    features = frame.drop(columns="y")
    model = LogisticRegression().fit(features, frame["y"])
    masker = shap.maskers.Independent(features.iloc[:40], max_samples=40)

    ours = explain_linear(encode(model, features), encode(model, features.iloc[:40]), 4, 1)

    theirs = shap.LinearExplainer(model, masker).shap_values(features)
    np.testing.assert_allclose(ours.values, theirs, atol=1e-9)
