"""Values of trees against background rows: brute force, shap's own, and every tree library."""

from itertools import combinations
from math import factorial

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import shap
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from analyzers.anatomy.encoding import Encoded
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.anatomy.tree import Tree
from analyzers.core.workbench import untracked
from analyzers.explanation.coalitions import explain_by_coalitions
from analyzers.explanation.interventional import (
    _met_values,
    _shares,
    _values_table,
    interventional_interactions,
    interventional_values,
    widths_of,
)
from analyzers.explanation.tree_background import (
    explain_against_background,
    open_trees,
    seconds_of,
)
from tests.explanation.benches import number_bench, number_frame
from tests.explanation.test_measure import QUICK

CLASSIFIERS = [
    RandomForestClassifier(8, max_depth=6, random_state=0),
    ExtraTreesClassifier(8, max_depth=6, random_state=0),
    DecisionTreeClassifier(random_state=0),
    GradientBoostingClassifier(n_estimators=8, random_state=0),
    HistGradientBoostingClassifier(max_iter=8, random_state=0),
    xgboost.XGBClassifier(n_estimators=8, max_depth=4),
    lightgbm.LGBMClassifier(n_estimators=8, num_leaves=12, verbose=-1),
    catboost.CatBoostClassifier(iterations=8, depth=4, verbose=0, allow_writing_files=False),
]


def name_of(value: object) -> str:
    return type(value).__name__


def encoded(model: object, table: object) -> Encoded:
    return Encoded(model, table, np.arange(np.shape(table)[1]))


def explain(model: object, rows: object, background: object, class_index: int | None = 1):
    width = np.shape(rows)[1]
    own, others = encoded(model, rows), encoded(model, background)
    return explain_against_background(own, others, width, class_index, untracked)


def shap_of(model: object, rows: np.ndarray, background: np.ndarray) -> np.ndarray:
    masker = shap.maskers.Independent(background, max_samples=len(background))
    explainer = shap.TreeExplainer(model, masker, feature_perturbation="interventional")
    values = np.asarray(explainer.shap_values(rows, check_additivity=False))
    return values[:, :, 1] if values.ndim == 3 else values


@pytest.mark.parametrize("model", CLASSIFIERS, ids=name_of)
def test_every_tree_library_gives_shaps_own_values(model):
    table = number_frame(260, 6)
    features = table.drop(columns="y").to_numpy(np.float32).astype(np.float64)
    model.fit(features, table["y"])
    rows, background = features[:30], features[60:]

    found = explain(model, rows, background)

    np.testing.assert_allclose(found.values, shap_of(model, rows, background), atol=1e-5)
    np.testing.assert_allclose(found.rebuilt, model.predict_proba(rows)[:, 1], atol=1e-6)
    assert found.n_background == 200
    assert "by patterns" in found.explainer


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n_features=st.integers(1, 4),
    depth=st.integers(1, 5),
    has_missing=st.booleans(),
)
def test_small_trees_equal_brute_force_over_all_coalitions(seed, n_features, depth, has_missing):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 4, size=(40, n_features)).astype(float)
    if has_missing:
        table[rng.random(table.shape) < 0.15] = np.nan
    model = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(table, rng.normal(size=40))
    rows, background = table[:6], table[10:17]

    ours = explain(model, rows, background, None)

    brute = explain_by_coalitions(
        lambda asked: model.predict(asked.to_numpy()),
        pd.DataFrame(rows), pd.DataFrame(background), scale="value", rng=rng, track=untracked,
    )  # fmt: skip
    np.testing.assert_allclose(ours.values, brute.values, atol=1e-9)
    assert ours.base == pytest.approx(brute.base)


def interactions_by_brute_force(ask, row: np.ndarray, background: np.ndarray) -> np.ndarray:
    n = len(row)

    def worth(kept: tuple[int, ...]) -> float:
        mixed = background.copy()
        mixed[:, list(kept)] = row[list(kept)]
        return float(ask(mixed).mean())

    found = np.zeros((n, n))
    for one, two in combinations(range(n), 2):
        rest = [place for place in range(n) if place not in (one, two)]
        for size in range(n - 1):
            weight = factorial(size) * factorial(n - size - 2) / factorial(n - 1)
            for kept in combinations(rest, size):
                found[one, two] += weight * (
                    worth((*kept, one, two)) - worth((*kept, one)) - worth((*kept, two))
                    + worth(kept)
                )  # fmt: skip
    return found + found.T


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**31), depth=st.integers(1, 5))
def test_interactions_equal_brute_force(seed, depth):
    rng = np.random.default_rng(seed)
    table = rng.integers(0, 4, size=(40, 4)).astype(float)
    model = DecisionTreeRegressor(max_depth=depth, random_state=0).fit(table, rng.normal(size=40))
    opened = open_trees(encoded(model, table[:3]), encoded(model, table[10:16]), None)
    found = np.zeros((4, 4, 3))

    for tree, _ in opened.ensemble.trees:
        interventional_interactions(tree, opened.ensemble.columns, 3, np.arange(4), found)

    brute = [interactions_by_brute_force(model.predict, row, table[10:16]) for row in table[:3]]
    np.testing.assert_allclose(found, np.moveaxis(brute, 0, 2), atol=1e-9)


def test_deep_leaves_are_tabled_without_a_matrix_and_equal_brute_force():
    rng = np.random.default_rng(0)
    table = rng.normal(size=(400, 9))
    model = DecisionTreeRegressor(random_state=0).fit(table, rng.normal(size=400))
    opened = open_trees(encoded(model, table[:4]), encoded(model, table[50:55]), None)
    assert max(widths_of(opened.ensemble.trees[0][0])) == 9

    values, base = interventional_values(opened.ensemble.trees[0][0], opened.ensemble.columns, 4)

    brute = explain_by_coalitions(
        lambda asked: model.predict(asked.to_numpy()),
        pd.DataFrame(table[:4]), pd.DataFrame(table[50:55]),
        scale="value", rng=rng, track=untracked,
    )  # fmt: skip
    np.testing.assert_allclose(values, brute.values, atol=1e-9)
    assert base == pytest.approx(brute.base)


def chain(n_features: int) -> Tree:
    """A tree that asks one column after the other whether it is positive, left to the end."""
    inner = np.arange(n_features)
    return Tree(
        left=np.concatenate([inner + 1, np.full(n_features + 1, -1)]),
        right=np.concatenate([n_features + 1 + inner, np.full(n_features + 1, -1)]),
        feature=np.concatenate([inner, np.zeros(n_features + 1, dtype=np.int64)]),
        cover=np.ones(2 * n_features + 1),
        value=(np.arange(2 * n_features + 1) == n_features).astype(float),
        threshold=np.zeros(2 * n_features + 1),
        goes_left=lambda node, columns: columns[:, node] > 0,
    )


def test_a_leaf_of_forty_columns_shares_its_worth_equally():
    columns = np.concatenate([np.ones((3, 40)), -np.ones((5, 40))])

    values, base = interventional_values(chain(40), columns, 3)

    # All columns are needed together, and the background lets none through.
    np.testing.assert_allclose(values, np.full((3, 40), 1 / 40))
    assert base == 0.0


def test_wide_leaves_by_pairs_equal_their_tables():
    rng = np.random.default_rng(0)
    own, behind = rng.integers(0, 2**9, 40), rng.integers(0, 2**9, 60)
    table = _values_table(_shares(behind, 9), 9)

    found, at = _met_values(own, behind, 9)

    np.testing.assert_allclose(found[:, at], table[:, own], atol=1e-12)


def test_trees_of_more_columns_than_a_pattern_holds_are_refused():
    with pytest.raises(OverflowError, match="more than 62 columns"):
        interventional_values(chain(70), np.ones((4, 70)), 2)


def test_fully_grown_forests_equal_shap():
    table = number_frame(600, 20)
    features = table.drop(columns="y").to_numpy(np.float32).astype(np.float64)
    forest = RandomForestClassifier(5, random_state=0).fit(features, table["y"])

    found = explain(forest, features[:20], features[100:130])

    expected = shap_of(forest, features[:20], features[100:130])
    np.testing.assert_allclose(found.values, expected, atol=1e-5)


def test_work_that_would_take_hours_is_refused_before_it_starts():
    table = number_frame(600, 20)
    features = table.drop(columns="y").to_numpy()
    forest = RandomForestClassifier(5, random_state=0).fit(features, table["y"])
    opened = open_trees(encoded(forest, features[:50]), encoded(forest, features[50:90]), 1)
    more = opened.ensemble._replace(trees=opened.ensemble.trees * 20)

    assert seconds_of(opened._replace(ensemble=more)) > 10 * seconds_of(opened) > 0


@pytest.mark.parametrize(
    "model",
    [
        xgboost.XGBClassifier(n_estimators=5, max_depth=3),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1),
        catboost.CatBoostClassifier(iterations=5, depth=3, verbose=0, allow_writing_files=False),
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
    ],
    ids=name_of,
)
def test_several_classes_and_missing_numbers_add_up(model):
    table = number_frame(200, 5, n_classes=3)
    features = table.drop(columns="y").to_numpy(np.float32).astype(np.float64)
    features[np.random.default_rng(0).random(features.shape) < 0.1] = np.nan
    model.fit(features, table["y"])

    found = explain(model, features[:20], features[50:], 2)

    np.testing.assert_allclose(found.rebuilt, model.predict_proba(features[:20])[:, 2], atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        xgboost.XGBClassifier(n_estimators=5, enable_categorical=True, max_cat_to_onehot=2),
        xgboost.XGBClassifier(n_estimators=5, enable_categorical=True, max_cat_to_onehot=20),
        lightgbm.LGBMClassifier(n_estimators=5, verbose=-1, min_data_per_group=5),
        HistGradientBoostingClassifier(max_iter=5, random_state=0),
    ],
    ids=["XGBoost sets", "XGBoost one by one", "LightGBM", "HistGradientBoosting"],
)
def test_categories_are_explained_as_they_are_where_shap_refuses_them(model):
    rng = np.random.default_rng(0)
    colour = pd.Categorical(rng.choice(list("abcdefg"), 300))
    features = pd.DataFrame({"colour": colour, "size": rng.normal(size=300).astype(np.float32)})
    label = (features["size"] > 0) ^ features["colour"].isin(["a", "e"])
    features.loc[:20, "colour"] = np.nan
    model.fit(features, label.astype(int))

    found = explain(model, features.iloc[:40], features.iloc[100:])

    truth = model.predict_proba(features.iloc[:40])[:, 1]
    np.testing.assert_allclose(found.rebuilt, truth, atol=1e-6)


@pytest.mark.parametrize(
    "model",
    [
        xgboost.XGBClassifier(booster="dart", rate_drop=0.5, n_estimators=5),
        catboost.CatBoostClassifier(
            iterations=3, verbose=0, allow_writing_files=False, grow_policy="Lossguide"
        ),
        lightgbm.LGBMClassifier(n_estimators=3, linear_tree=True, verbose=-1),
    ],
    ids=["dart", "not symmetric", "linear leaves"],
)
def test_trees_that_are_not_read_are_refused_in_words(model):
    table = number_frame(200, 4)
    features = table.drop(columns="y").to_numpy()
    model.fit(features, table["y"])

    with pytest.raises(DoesNotFit, match=r"its (trees|leaves)"):
        explain(model, features[:10], features[50:])


def test_a_duplicated_column_that_the_model_does_not_read_gets_nothing():
    rng = np.random.default_rng(0)
    first = rng.normal(size=300)
    features = np.column_stack([first, first])
    model = DecisionTreeRegressor(max_depth=3, random_state=0).fit(features[:, :1], first)
    wide = DecisionTreeRegressor(max_depth=3, random_state=0).fit(
        np.column_stack([first, np.zeros(300)]), first
    )

    found = explain(wide, features[:20], features[100:], None)

    assert np.abs(found.values[:, 1]).max() == 0
    alone = explain(model, features[:20, :1], features[100:, :1], None)
    np.testing.assert_allclose(found.values[:, 0], alone.values[:, 0])


def test_the_analyzer_uses_thousands_of_background_rows_when_asked_to():
    from analyzers.explanation import ANALYZER

    bench = number_bench(RandomForestClassifier(5, max_depth=4, random_state=0),
                         number_frame(1600, 5))  # fmt: skip
    params = QUICK.model_copy(update={"method": "interventional", "background_rows": 1500})

    measured = ANALYZER.measure(bench, params)

    assert measured.facts["n_background"] == 1500
    assert "interventional" in str(measured.facts["explainer"])
    error = measured.estimates["additivity_error"].value
    assert error is not None
    assert error < 1e-6
