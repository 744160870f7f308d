"""Training many models together, over cores or in parts gives what one after another gives."""

import pickle
import time

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.datasets import make_classification
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from analyzers.core.errors import Cancelled, InvalidParameter, ResultError, UnsuitableSubject
from analyzers.core.workbench import untracked
from analyzers.privacy.booster_recipes import booster_recipe
from analyzers.privacy.calibration import roc_area
from analyzers.privacy.campaign import (
    balanced_parts,
    from_table,
    make_plan,
    merge,
    split,
    to_table,
    train,
)
from analyzers.privacy.fanning import over_cores
from analyzers.privacy.likelihood import lira_online
from analyzers.privacy.refitting import EstimatorRecipe, Pool
from analyzers.privacy.shadows import Shadows
from analyzers.privacy.sklearn_perceptrons import perceptron_recipe

FOREST = EstimatorRecipe(RandomForestClassifier(10, n_jobs=2), "copies fitted one by one")


def pool_of(n_rows=160, n_classes=3, n_features=12) -> Pool:
    rows, codes = make_classification(
        n_rows, n_features, n_informative=6, n_redundant=0, n_classes=n_classes, class_sep=0.7,
        flip_y=0.2, random_state=0,
    )  # fmt: skip
    return Pool(rows, codes.astype(np.int64), tuple(str(place) for place in range(n_classes)))


def plan_of(pool, n_models=8, seed=0):
    return make_plan(len(pool.codes), n_models, 0.5, np.random.default_rng(seed))


SEQUENTIAL = {
    "adam": (3, MLPClassifier((16,), max_iter=25, batch_size=16, alpha=0.01)),
    "two classes, early end": (2, MLPClassifier((8,), max_iter=200, tol=0.02, n_iter_no_change=2)),
    "sgd": (2, MLPClassifier((8, 6), "tanh", solver="sgd", max_iter=25, learning_rate_init=0.05)),
    "sgd, plain": (
        3, MLPClassifier((8,), "identity", solver="sgd", max_iter=15, nesterovs_momentum=False)
    ),
    "in order": (3, MLPClassifier((8,), "logistic", max_iter=15, shuffle=False, batch_size=500)),
    "pipeline": (2, make_pipeline(StandardScaler(), MLPClassifier((8,), max_iter=20))),
}  # fmt: skip


@pytest.mark.parametrize(("n_classes", "estimator"), SEQUENTIAL.values(), ids=list(SEQUENTIAL))
def test_a_stack_of_perceptrons_is_scikit_learns_one_after_another(n_classes, estimator):
    pool = pool_of(n_classes=n_classes)
    plan = plan_of(pool, 10)
    together = perceptron_recipe(estimator)

    exact = train(together._replace(precision="float64"), pool, plan)
    quick = train(together, pool, plan)
    alone = train(EstimatorRecipe(estimator, ""), pool, plan, cores=1)

    np.testing.assert_allclose(exact.answers, alone.answers, atol=1e-9)
    np.testing.assert_allclose(quick.answers, alone.answers, atol=0.02)
    np.testing.assert_array_equal(exact.is_right, alone.is_right)


def test_lira_with_stacks_agrees_with_a_plain_sequential_one_at_the_same_seeds():
    pool = pool_of(300, 3, 20)
    target, *others = range(17)
    plan = plan_of(pool, 17)
    network = MLPClassifier((32,), max_iter=40, alpha=0, batch_size=16, learning_rate_init=0.005)
    areas, found = [], []
    for recipe in (perceptron_recipe(network), EstimatorRecipe(network, "")):
        trained = train(recipe, pool, plan)
        shadows = Shadows(
            trained.answers[target], trained.answers[others], plan.inside[others], [], None, ""
        )
        values, is_member = lira_online(shadows), plan.inside[target]
        areas.append(roc_area(values[is_member], values[~is_member]))
        cut = np.sort(values[~is_member])[-2]
        found.append((values[is_member] > cut).mean())

    together, alone = areas
    assert alone.value > 0.7
    # The same networks: far closer than the interval of either.
    assert together.value == pytest.approx(alone.value, abs=0.005)
    assert found[0] == pytest.approx(found[1], abs=0.03)
    assert together.low < alone.value < together.high


def test_categories_go_through_the_pipeline_in_front():
    frame = pd.DataFrame({"word": list("abcdabcdab") * 12, "x": np.arange(120.0) % 7})
    codes = (frame["word"] == "a").to_numpy(np.int64)
    pool = Pool(frame, codes, ("0", "1"))
    estimator = make_pipeline(
        make_column_transformer((OneHotEncoder(), ["word"]), remainder="passthrough"),
        MLPClassifier((8,), max_iter=120, learning_rate_init=0.02),
    )

    together = train(perceptron_recipe(estimator), pool, plan_of(pool, 4))
    alone = train(EstimatorRecipe(estimator, ""), pool, plan_of(pool, 4))

    np.testing.assert_allclose(together.answers, alone.answers, atol=0.02)
    assert together.is_right.mean() > 0.95


def test_a_part_without_a_class_is_fitted_all_the_same():
    pool = pool_of(60, 3)
    codes = pool.codes.copy()
    codes[codes == 2] = 1
    codes[:3] = 2
    pool = pool._replace(codes=codes)
    network = MLPClassifier((4,), max_iter=5)
    plan = plan_of(pool)
    plan.inside[0, :3], plan.inside[1, :3] = False, True

    together = train(perceptron_recipe(network), pool, plan)
    alone = train(EstimatorRecipe(network, ""), pool, plan)

    np.testing.assert_allclose(together.answers, alone.answers, atol=0.02)


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(solver="lbfgs"),
        MLPClassifier(early_stopping=True),
        MLPClassifier(solver="sgd", learning_rate="adaptive"),
        LogisticRegression(),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ],
    ids=["lbfgs", "early stopping", "adaptive", "linear", "pipeline"],
)
def test_what_a_stack_cannot_do_alike_goes_one_by_one(estimator):
    assert perceptron_recipe(estimator) is None


def test_weights_without_bound_are_a_sentence():
    network = MLPClassifier((8,), "identity", solver="sgd", learning_rate_init=1e6, max_iter=30)
    pool = pool_of()

    with pytest.raises(UnsuitableSubject, match="without bound"):
        train(perceptron_recipe(network), pool, plan_of(pool, 4))


@pytest.mark.parametrize("recipe", [FOREST, perceptron_recipe(MLPClassifier((8,), max_iter=5))])
def test_one_core_or_many_whole_or_in_parts_the_bytes_are_the_same(recipe):
    pool = pool_of()
    plan = plan_of(pool, 40)

    whole = train(recipe, pool, plan, cores=1)
    parts = [from_table(to_table(train(recipe, pool, part, cores=3)))
             for part in split(plan, 3, group=recipe.group)]  # fmt: skip
    merged = merge(parts[::-1])

    assert len(parts) == 3
    assert merged.answers.tobytes() == whole.answers.tobytes()
    assert merged.is_right.tobytes() == whole.is_right.tobytes()
    assert merged.plan.inside.tobytes() == plan.inside.tobytes()
    assert to_table(merged).equals(to_table(whole))


def test_a_missing_part_a_double_one_and_another_pool_are_refused():
    pool = pool_of()
    first, second = (train(FOREST, pool, part) for part in split(plan_of(pool, 4), 2))
    elsewhere = train(FOREST, pool_of(100), split(plan_of(pool_of(100), 4), 2)[1])

    for parts in ([second], [first, first, second]):
        with pytest.raises(ResultError, match="each once"):
            merge(parts)
    with pytest.raises(ResultError, match="the same rows"):
        merge([first, elsewhere])
    with pytest.raises(ResultError, match="Expected a table of trained"):
        from_table(to_table(first).slice(0, 0))
    with pytest.raises(InvalidParameter, match="at least 4 shadow models"):
        make_plan(10, 3, 0.5, np.random.default_rng(0))


@settings(max_examples=25, deadline=None)
@given(
    n_rows=st.integers(8, 300), n_models=st.integers(4, 40), share=st.floats(0.01, 0.99),
    seed=st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_rows_and_models_are_dealt_evenly(n_rows, n_models, share, seed):
    inside = balanced_parts(n_rows, n_models, share, np.random.default_rng(seed))
    each = min(max(round(share * n_models), 2), n_models - 2)

    assert (inside.sum(axis=0) == each).all()
    assert np.ptp(inside.sum(axis=1)) <= 1


@given(n_models=st.integers(4, 70), n_parts=st.integers(1, 80), group=st.integers(1, 9))
def test_parts_cover_the_plan_and_keep_groups_together(n_models, n_parts, group):
    plan = make_plan(6, n_models, 0.5, np.random.default_rng(0))

    parts = split(plan, n_parts, group=group)

    assert np.concatenate([part.models for part in parts]).tolist() == list(range(n_models))
    assert all(len(part.models) and part.models[0] % group == 0 for part in parts)
    assert len(parts) <= n_parts


def test_a_failing_task_stops_the_others_and_is_the_one_that_is_told():
    def fails(tick):
        raise UnsuitableSubject("Expected rain, got sun.")

    def waits(tick):
        while True:
            tick()
            time.sleep(0.001)

    with pytest.raises(UnsuitableSubject, match="got sun"):
        over_cores([waits, fails], untracked, "Trying", total=2, cores=2)


def test_cancelling_stops_every_thread():
    n_ticks = []

    def counts(tick):
        for step in range(10_000):
            tick()
            n_ticks.append(step)
            time.sleep(0.001)

    def stop(iterable, what, *, total=None, so_far=None):
        for place, item in enumerate(iterable):
            if place == 3:
                raise Cancelled
            yield item

    with pytest.raises(Cancelled):
        over_cores([counts, counts], stop, "Counting", total=9, cores=2)
    assert len(n_ticks) < 1_000


def test_progress_counts_models():
    seen = []

    def record(iterable, what, *, total=None, so_far=None):
        for item in iterable:
            seen.append((what, total))
            yield item

    pool = pool_of()
    train(FOREST, pool, plan_of(pool, 6), track=record)

    assert seen == [("Fitting shadow models", 6)] * 6


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_lightgbm_file_says_how_it_was_grown(n_classes):
    lightgbm = pytest.importorskip("lightgbm")
    pool = pool_of(240, n_classes)
    asked = {"objective": "binary"} if n_classes == 2 else {
        "objective": "multiclass", "num_class": 3}  # fmt: skip
    booster = lightgbm.train(
        asked | {"learning_rate": 0.2, "num_leaves": 5, "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(pool.rows, pool.codes), 12,
    )  # fmt: skip
    loaded = lightgbm.Booster(model_str=booster.model_to_string())
    wrapper = lightgbm.LGBMClassifier(
        n_estimators=12, learning_rate=0.2, num_leaves=5, verbose=-1, n_jobs=1
    )
    plan = plan_of(pool, 4)

    bare = train(booster_recipe(loaded), pool, plan)
    wrapped = train(EstimatorRecipe(wrapper, ""), pool, plan)

    np.testing.assert_allclose(bare.answers, wrapped.answers, atol=1e-6)


def test_a_catboost_file_says_how_it_was_grown(tmp_path):
    catboost = pytest.importorskip("catboost")
    pool = pool_of(200, 2)
    settings = {"iterations": 12, "depth": 3, "learning_rate": 0.3, "verbose": 0,
                "allow_writing_files": False, "thread_count": 1}  # fmt: skip
    model = catboost.CatBoostClassifier(**settings).fit(pool.rows, pool.codes)
    model.save_model(str(tmp_path / "model.cbm"))
    loaded = catboost.CatBoost().load_model(str(tmp_path / "model.cbm"))
    chosen = np.arange(120)

    grown = booster_recipe(loaded).grow(pool.rows, pool.codes, chosen, 7)

    wrapper = catboost.CatBoostClassifier(**settings, random_seed=7)
    alone = wrapper.fit(pool.rows[chosen], pool.codes[chosen]).predict_proba(pool.rows)
    np.testing.assert_allclose(grown, alone, atol=1e-6)


def test_an_xgboost_file_without_settings_says_so_and_a_pickled_one_has_them():
    xgboost = pytest.importorskip("xgboost")
    pool = pool_of(200, 2)
    grown = xgboost.train(
        {"objective": "binary:logistic", "eta": 0.2, "max_depth": 3, "nthread": 1},
        xgboost.DMatrix(pool.rows, pool.codes), 10,
    )  # fmt: skip
    bare = xgboost.Booster()
    bare.load_model(bytearray(grown.save_raw("json")))

    with pytest.raises(UnsuitableSubject, match="its trees and not its settings"):
        booster_recipe(bare)
    recipe = booster_recipe(pickle.loads(pickle.dumps(grown)))
    plan = plan_of(pool, 4)
    wrapper = xgboost.XGBClassifier(n_estimators=10, learning_rate=0.2, max_depth=3, n_jobs=1)
    np.testing.assert_allclose(
        train(recipe, pool, plan).answers,
        train(EstimatorRecipe(wrapper, ""), pool, plan).answers,
        atol=1e-4,
    )


def test_classes_named_by_numbers_keep_the_boosters_own():
    lightgbm = pytest.importorskip("lightgbm")
    pool = pool_of(200, 2)
    booster = lightgbm.train(
        {"objective": "binary", "scale_pos_weight": 20, "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(pool.rows, pool.codes), 5,
    )  # fmt: skip
    recipe = booster_recipe(lightgbm.Booster(model_str=booster.model_to_string()))
    turned = Pool(pool.rows, 1 - pool.codes, ("1", "0"))

    one = train(recipe, pool, plan_of(pool, 4))
    other = train(recipe, turned, plan_of(pool, 4))

    # The weight stays with the class called 1, whatever place the subject gives it.
    np.testing.assert_allclose(one.answers, other.answers, atol=1e-9)
