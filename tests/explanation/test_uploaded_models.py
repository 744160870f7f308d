"""Models as the loaders hand them over: categories as the file spells them."""

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from analyzers.anatomy.compiled import Compiled
from analyzers.core.model import Inputs
from analyzers.core.subject import Trust
from analyzers.explanation import ANALYZER, tabular
from analyzers.explanation.params import ExplanationParams
from analyzers.loaders.catboost_model import describe_catboost
from analyzers.loaders.lightgbm_model import describe_booster as describe_lightgbm
from analyzers.loaders.matched_model import MatchedModel
from analyzers.loaders.unwrapped import describe_object
from analyzers.loaders.xgboost_model import describe_booster as describe_xgboost
from tests.benches import dataset_of, subject_of
from tests.explanation.benches import columns_of, workbench

QUICK = ExplanationParams(rows=40, sampled_rows=10, background_rows=20, lime_samples=200)


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"colour": rng.choice(["red", "green", "blue"], 300), "size": rng.normal(size=300)}
    )
    frame["y"] = ((frame["colour"] == "red") ^ (frame["size"] > 0.5)).astype(int).astype(str)
    return frame


def features_of(frame: pd.DataFrame) -> Inputs:
    return frame[["colour", "size"]].astype({"colour": "category"})


def fitted_lightgbm(frame):
    model = lightgbm.LGBMClassifier(n_jobs=1, n_estimators=8, verbose=-1)
    return model.fit(features_of(frame), frame["y"].astype(int))


def fitted_xgboost(frame):
    model = xgboost.XGBClassifier(n_jobs=1, n_estimators=8, enable_categorical=True)
    return model.fit(features_of(frame), frame["y"].astype(int))


def fitted_catboost(frame):
    model = catboost.CatBoostClassifier(
        iterations=8, verbose=0, cat_features=["colour"], allow_writing_files=False
    )
    return model.fit(frame[["colour", "size"]], frame["y"].astype(int))


@pytest.mark.parametrize(
    ("load", "explainer"),
    [
        (lambda frame: describe_lightgbm(fitted_lightgbm(frame).booster_, trust=Trust.DATA),
         "LightGBM's own"),
        (lambda frame: describe_xgboost(fitted_xgboost(frame).get_booster(), trust=Trust.DATA),
         "XGBoost's own"),
        (lambda frame: describe_catboost(fitted_catboost(frame), trust=Trust.DATA),
         "CatBoost's own"),
        (lambda frame: describe_object(fitted_lightgbm(frame), trust=Trust.CODE, notes=()),
         "LightGBM's own"),
    ],
    ids=["LightGBM file", "XGBoost file", "CatBoost file", "LightGBM wrapper"],
)  # fmt: skip
def test_categories_reach_the_boosters_own_explainer(load, explainer, table):
    subject = subject_of(columns_of(table, "y"), classes=("0", "1"), n_rows=len(table))
    data = dataset_of(subject, table)
    model = MatchedModel(load(table), subject, data.take(np.arange(20)).inputs)

    found = ANALYZER.measure(workbench(model, data), QUICK)

    assert explainer in str(found.facts["explainer"]), found.facts["explainers_refused"]
    assert found.estimates["additivity_error"].value < 1e-5
    assert found.facts["explainers_refused"] == ""
    values = found.tables["values"].to_pandas()
    red = values[(values["feature"] == "colour") & (values["value"] == "red")]
    assert red["phi"].abs().mean() > 0.01


@pytest.mark.parametrize("method", ["automatic", "model-agnostic"])
def test_asking_a_compiled_copy_changes_no_number(table, method, monkeypatch):
    subject = subject_of(columns_of(table, "y"), classes=("0", "1"), n_rows=len(table))
    data = dataset_of(subject, table)
    encoder = make_column_transformer((OneHotEncoder(), ["colour"]), remainder="passthrough")
    forest = make_pipeline(encoder, RandomForestClassifier(10, random_state=0))
    loaded = describe_object(
        forest.fit(table[["colour", "size"]], table["y"]), trust=Trust.CODE, notes=()
    )
    model = MatchedModel(loaded, subject, data.take(np.arange(20)).inputs)
    params = QUICK.model_copy(update={"method": method})

    by_copy = ANALYZER.measure(workbench(model, data), params)
    monkeypatch.setattr(tabular, "compile_for", lambda bench: Compiled(bench.need_model(), ""))
    by_model = ANALYZER.measure(workbench(model, data), params)

    assert "to the last bit on 1,000 of 1,000 rows" in str(by_copy.facts["asked"])
    assert by_copy.estimates == by_model.estimates
    for name, found in by_copy.tables.items():
        assert found.equals(by_model.tables[name]), name
