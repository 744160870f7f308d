"""Models whose explanation is known beforehand, through every explainer there is.

A sum gives each column its own part less the part's mean; a product is shared equally; a column the
model does not read gets nothing; and of two columns with the same values each gets what the model
reads of it. Everything is compared with Shapley's sum over all coalitions besides.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import product
from typing import Any, NamedTuple

import catboost
import lightgbm
import numpy as np
import pandas as pd
import pytest
import torch
import xgboost
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeRegressor

from analyzers.anatomy.encoding import Encoded
from analyzers.core.model import Capability, Inputs
from analyzers.core.workbench import untracked
from analyzers.explanation import ANALYZER, coalitions
from analyzers.explanation.attribution import Attribution, Target
from analyzers.explanation.choice import explain_rows
from analyzers.explanation.coalitions import explain_by_coalitions
from analyzers.explanation.effects import accumulated_effects, grid_of, partial_dependence
from analyzers.explanation.interactions import exact_interactions, interactions_table
from analyzers.explanation.local import package_lime, shared_lime
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.permutation import move_columns
from analyzers.explanation.tree_background import open_trees
from tests.explanation.benches import (
    CodedModel,
    FunctionModel,
    TorchModel,
    number_data,
    picture_bench,
    text_bench,
    workbench,
)
from tests.explanation.test_coalitions import by_hand

NAMES = ["a", "b", "unused", "twin"]
VALUE = Target(class_index=None, has_probabilities=False)
QUICK = ExplanationParams(lime_samples=400, rows=12, sampled_rows=6)


class World(NamedTuple):
    """Rows to learn from, what to learn, and rows to explain.

    Attributes:
        training: background too; `unused` is the same everywhere and `twin` is a copy of `a`.
        answers: what the model has to learn.
        rows: to explain; here `unused` varies, and `twin` is no copy.
    """

    training: pd.DataFrame
    answers: pd.Series
    rows: pd.DataFrame


@cache
def world(kind: str) -> World:
    rng = np.random.default_rng(0)
    if kind == "sum":
        training = pd.DataFrame(rng.normal(size=(60, 2)), columns=["a", "b"])
    else:
        training = pd.DataFrame(list(product([-1.0, 1.0], repeat=2)) * 10, columns=["a", "b"])
    training = training.assign(unused=0.0, twin=training["a"])
    a, b = training["a"], training["b"]
    # The small sum beside the product shows greedy trees the way.
    answers = 3 * a - 2 * b if kind == "sum" else a * b + 0.1 * a + 0.05 * b
    rows = pd.DataFrame(rng.choice([-1.0, 1.0], (12, 4)), columns=NAMES)
    if kind == "sum":
        rows = pd.DataFrame(rng.normal(size=(12, 4)), columns=NAMES)
    return World(training, answers, rows)


class Network(TorchModel):
    """A module with one output, which is the answer itself."""

    capabilities = frozenset({Capability.GRADIENT})

    def predict(self, inputs: Inputs) -> Any:
        with torch.no_grad():
            return self.native(self.tensor_of(inputs)).double().numpy()


class Adding(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 3 * torch.tanh(x[:, 0]) - 2 * x[:, 1]


class Multiplying(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x[:, 0] * x[:, 1] + 0.1 * x[:, 0] + 0.05 * x[:, 1]


def one_tree(depth: int, **chosen: Any) -> dict[str, Any]:
    """Settings of a booster: many stumps for a sum, one tree as it is for a product."""
    many = {"n_estimators": 25, "learning_rate": 0.3}
    one = {"n_estimators": 1, "learning_rate": 1.0}
    return {"max_depth": depth, "random_state": 0, **(many if depth == 1 else one), **chosen}


def hist(depth: int) -> HistGradientBoostingRegressor:
    chosen = one_tree(depth, min_samples_leaf=1)
    return HistGradientBoostingRegressor(max_iter=chosen.pop("n_estimators"), **chosen)


TREES: dict[str, Callable[[int], Any]] = {
    "tree": lambda depth: DecisionTreeRegressor(max_depth=depth, random_state=0),
    "forest": lambda depth: RandomForestRegressor(
        8, max_depth=depth, bootstrap=False, random_state=0,
        max_features=1 if depth == 1 else None,
    ),
    "extra trees": lambda depth: ExtraTreesRegressor(8, max_depth=depth, random_state=0),
    "gradient boosting": lambda depth: GradientBoostingRegressor(**one_tree(depth)),
    "histogram boosting": hist,
    "XGBoost": lambda depth: xgboost.XGBRegressor(**one_tree(depth, reg_lambda=0, n_jobs=1)),
    "LightGBM": lambda depth: lightgbm.LGBMRegressor(
        **one_tree(depth, min_child_samples=1, min_data_in_bin=1, verbose=-1, n_jobs=1)
    ),
    "CatBoost": lambda depth: catboost.CatBoostRegressor(
        **one_tree(depth, l2_leaf_reg=0, verbose=0, allow_writing_files=False, thread_count=1)
    ),
}  # fmt: skip


class Case(NamedTuple):
    """One explainer: the model for a kind of world, how it is asked for, and its name."""

    model: Callable[[str], Any]
    method: str
    explainer: str
    tolerance: float = 1e-9


def trees(name: str, method: str, explainer: str, tolerance: float = 1e-9) -> Case:
    @cache
    def model(kind: str) -> CodedModel:
        given = world(kind)
        fitted = TREES[name](1 if kind == "sum" else 2)
        return CodedModel(fitted.fit(given.training, given.answers))

    return Case(model, method, explainer, tolerance)


@cache
def line(kind: str) -> CodedModel:
    given = world(kind)
    return CodedModel(Ridge(alpha=1e-6).fit(given.training, given.answers))


@cache
def network(kind: str) -> Network:
    return Network(Adding() if kind == "sum" else Multiplying())


@cache
def function(kind: str) -> FunctionModel:
    def answer(rows: pd.DataFrame) -> Any:
        a, b = rows["a"].to_numpy(), rows["b"].to_numpy()
        return 3 * np.sin(a) - 2 * b if kind == "sum" else a * b + 0.1 * a + 0.05 * b

    return FunctionModel(answer, is_classifier=False)


EXPLAINERS = {
    **{f"{name}, path-dependent": trees(name, "automatic", "path-dependent", 1e-9)
       for name in ("tree", "forest", "extra trees", "gradient boosting", "histogram boosting")},
    **{f"{name}, its own": trees(name, "automatic", f"{name}'s own", 1e-5)
       for name in ("XGBoost", "LightGBM", "CatBoost")},
    **{f"{name}, interventional": trees(name, "interventional", "interventional", 1e-5)
       for name in TREES},
    "line": Case(line, "automatic", "exact linear SHAP"),
    "gradients": Case(network, "automatic", "integrated gradients", 1e-5),
    "all coalitions": Case(function, "automatic", "all coalitions"),
    "orders": Case(function, "automatic", "antithetic orders"),
}  # fmt: skip
SUMS = list(EXPLAINERS)
PRODUCTS = [name for name in EXPLAINERS if name not in ("line",)]


def explained(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Attribution, Any]:
    case, given = EXPLAINERS[name], world(kind)
    if name == "orders":
        monkeypatch.setattr(coalitions, "MOST_EXACT_QUESTIONS", 0)
    model = case.model(kind)

    def data(rows: pd.DataFrame) -> Any:
        return number_data(rows.assign(y=0.0), None)

    found = explain_rows(
        model, data(given.rows), data(given.training), VALUE, most_sampled=50,
        method=case.method, rng=np.random.default_rng(0), track=untracked,
    )  # fmt: skip
    assert case.explainer in found.attribution.explainer, found
    assert found.n_rows == len(given.rows)
    return found.attribution, model


@pytest.mark.parametrize("name", SUMS)
def test_of_a_sum_each_column_gets_its_part_less_the_parts_mean(name, monkeypatch):
    found, model = explained(name, "sum", monkeypatch)
    given, close = world("sum"), EXPLAINERS[name].tolerance * 10

    for place, column in enumerate(NAMES):
        # Of a sum the rest does not matter: it may stay as it is in the first training row.
        own = pd.concat([given.training.iloc[[0]]] * len(given.rows), ignore_index=True)
        usual = pd.concat([given.training.iloc[[0]]] * len(given.training), ignore_index=True)
        own[column], usual[column] = given.rows[column], given.training[column].to_numpy()
        part = model.predict(own) - model.predict(usual).mean()
        np.testing.assert_allclose(found.values[:, place], part, atol=close)
    np.testing.assert_allclose(found.rebuilt, model.predict(given.rows), atol=close)
    assert found.base == pytest.approx(model.predict(given.training).mean(), abs=close)


@pytest.mark.parametrize("name", SUMS)
def test_an_unused_column_gets_exactly_nothing(name, monkeypatch):
    for kind in ("sum", "product") if name in PRODUCTS else ("sum",):
        found, _ = explained(name, kind, monkeypatch)

        assert np.abs(found.values[:, NAMES.index("unused")]).max() <= 1e-12


@pytest.mark.parametrize("name", PRODUCTS)
def test_a_product_is_shared_equally(name, monkeypatch):
    found, model = explained(name, "product", monkeypatch)
    rows, close = world("product").rows, EXPLAINERS[name].tolerance * 10
    a, b = rows["a"].to_numpy(), rows["b"].to_numpy()
    # Trees may read the copy in place of the column.
    read = found.values[:, NAMES.index("a")], found.values[:, NAMES.index("twin")]
    if np.abs(read[1]).max() <= 1e-12:
        np.testing.assert_allclose(read[0], a * b / 2 + 0.1 * a, atol=close)
        np.testing.assert_allclose(found.values[:, 1], a * b / 2 + 0.05 * b, atol=close)
    for place in range(3):
        hand = by_hand(model.predict, rows.iloc[place], world("product").training)
        np.testing.assert_allclose(found.values[place], hand, atol=close)


def test_of_two_equal_columns_the_one_that_is_read_gets_everything_and_a_line_halves_it(
    monkeypatch,
):
    rows, training = world("sum").rows, world("sum").training
    for name in ("gradients", "all coalitions", "orders"):
        found, _ = explained(name, "sum", monkeypatch)
        assert np.abs(found.values[:, NAMES.index("twin")]).max() <= 1e-12
    line, _ = explained("line", "sum", monkeypatch)
    for column in ("a", "twin"):
        half = 1.5 * (rows[column] - training[column].mean())
        np.testing.assert_allclose(line.values[:, NAMES.index(column)], half, atol=1e-5)


@pytest.mark.parametrize("name", TREES)
def test_trees_know_the_pair_of_a_product_and_its_strength(name):
    given = world("product")
    fitted = TREES[name](2).fit(given.training[["a", "b", "unused"]], given.answers)
    rows = given.rows[["a", "b", "unused"]]
    places = np.arange(3)
    opened = open_trees(
        Encoded(fitted, rows, places),
        Encoded(fitted, given.training[["a", "b", "unused"]], places), None,
    )  # fmt: skip

    found = exact_interactions(opened, places, None, track=untracked)

    assert found is not None
    table = interactions_table(found, NAMES[:3]).to_pandas()
    assert {table["feature"][0], table["other"][0]} == {"a", "b"}
    assert table["strength"][0] == pytest.approx(1, abs=1e-5)
    assert table["strength"][1:].max() <= 1e-9


@pytest.fixture(scope="module")
def signs() -> pd.DataFrame:
    return pd.DataFrame(list(product([-1.0, 1.0], repeat=4)) * 4, columns=NAMES)


@pytest.mark.parametrize("by_package", [False, True], ids=["shared sample", "the package"])
def test_lime_on_a_sum_a_product_and_columns_that_are_not_read(by_package):
    # Uniform columns: each quarter's mean is known. Around a middle of 0 LIME sees no product.
    table = pd.DataFrame(np.random.default_rng(0).uniform(0, 2, (2000, 4)), columns=NAMES)
    row = pd.DataFrame([[1.8, 1.8, 1.8, 1.8]], columns=NAMES)

    def weights(ask):
        if by_package:
            return package_lime(ask, row, table, 8000, np.array([1])).weights[0]
        return shared_lime(ask, row, table, 8000, np.random.default_rng(0)).weights[0]

    added = weights(lambda rows: (3 * rows["a"] - 2 * rows["b"]).to_numpy())
    multiplied = weights(lambda rows: (rows["a"] * rows["b"]).to_numpy())

    # The mean of the row's own quarter less that of the three others.
    np.testing.assert_allclose(added[:2], [3, -2], rtol=0.05)
    assert np.abs(added[2:]).max() < 0.1
    assert np.abs(multiplied[2:]).max() < 0.03 < 0.2 < multiplied[:2].min()
    assert multiplied[0] == pytest.approx(multiplied[1], rel=0.15)


def test_moved_columns_on_a_product_and_columns_that_are_not_read(signs):
    model = FunctionModel(lambda rows: rows["a"] * rows["b"], is_classifier=False)

    a, b, unused, twin = move_columns(
        model, VALUE, signs, model.predict(signs), [(name,) for name in NAMES],
        rng=np.random.default_rng(0), track=untracked,
    )  # fmt: skip

    # Half of the signs change when they are shuffled, each by 2.
    assert a.increases.mean() == pytest.approx(1, abs=0.15)
    assert b.increases.mean() == pytest.approx(1, abs=0.15)
    assert unused.increases.max() == twin.increases.max() == 0


def test_effects_on_a_sum_a_product_and_a_column_that_is_not_read():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(400, 3)), columns=NAMES[:3])
    grid = grid_of(rows["a"])

    def add(asked):
        return (3 * asked["a"] - 2 * asked["b"]).to_numpy()

    def multiply(asked):
        return (asked["a"] * asked["b"]).to_numpy()

    added = partial_dependence(add, rows, "a", grid)
    np.testing.assert_allclose(
        added.answers.mean(axis=0), 3 * grid.to_numpy() - 2 * rows["b"].mean(), atol=1e-9
    )
    single = partial_dependence(multiply, rows, "a", grid).answers
    # Each row has the slope of its own other factor, and their mean is that factor's mean.
    np.testing.assert_allclose(single, np.outer(rows["b"], grid), atol=1e-9)
    np.testing.assert_allclose(single.mean(axis=0), rows["b"].mean() * grid, atol=1e-9)
    flat = accumulated_effects(multiply, rows, "a")
    assert np.ptp(flat.effects) < 4 * flat.errors.max()
    for ask in (add, multiply):
        away = partial_dependence(ask, rows, "unused", grid_of(rows["unused"])).answers
        assert np.ptp(away, axis=1).max() == 0
        assert np.abs(accumulated_effects(ask, rows, "unused").effects).max() == 0


class BothWords:
    """Says yes where a text has both words: a product of their presence."""

    classes_ = np.array([0, 1])

    def fit(self, texts, labels):
        return self

    def predict_proba(self, texts):
        both = np.array([float("good" in text and "clever" in text) for text in texts])
        return np.column_stack([1 - both, both])


def test_words_left_out_share_what_takes_both_and_give_the_others_nothing():
    bench = text_bench(BothWords())

    tokens = ANALYZER.measure(bench, QUICK).tables["tokens"].to_pandas()

    both = {"good", "clever"}
    tokens["token"] = tokens["token"].str.strip(",")
    per_text = tokens.groupby("row")["token"].agg(set)
    whole = tokens["row"].isin(per_text.index[per_text.map(both.issubset)])
    counts = tokens["token"].isin(both)
    assert whole.any()
    np.testing.assert_allclose(tokens.loc[whole & counts, "phi"], 0.5, atol=1e-9)
    assert (tokens.loc[~(whole & counts), "phi"] == 0).all()


class TwoCorners(torch.nn.Module):
    """Multiplies the brightness of two opposite corners of 4 by 4 points."""

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        first = pictures[:, :, :4, :4].mean(dim=(1, 2, 3))
        second = pictures[:, :, 4:, 4:].mean(dim=(1, 2, 3))
        chance = (0.05 + 0.9 * first * second).clamp(0.001, 0.999)
        return torch.stack([torch.log(1 - chance), torch.log(chance)], dim=1)


@pytest.mark.parametrize("method", ["automatic", "model-agnostic"])
def test_pictures_share_a_product_between_two_like_corners_and_leave_the_rest_out(method):
    bench = picture_bench(TorchModel(TwoCorners()))
    images = bench.data.images.copy()
    # Both corners alike, so that neither has a larger share.
    images[:, 4:, 4:] = images[:, :4, :4]
    bench = workbench(bench.model, replace(bench.data, images=images))

    cells = ANALYZER.measure(bench, QUICK.model_copy(update={"method": method})).tables["cells"]

    for _, part in cells.to_pandas().groupby("row"):
        heat = part["phi"].to_numpy().reshape(8, 8).copy()
        first, second = heat[:4, :4].sum(), heat[4:, 4:].sum()
        assert first == pytest.approx(second, rel=0.05, abs=2e-3)
        heat[:4, :4] = heat[4:, 4:] = 0
        np.testing.assert_allclose(heat, 0, atol=1e-9)


SMALL = pd.DataFrame(list(product([0.0, 1.0, 2.0], repeat=3)), columns=["a", "b", "c"])


def looked_up(cells: np.ndarray) -> Callable[[pd.DataFrame], np.ndarray]:
    return lambda rows: cells[tuple(rows[name].to_numpy(int) for name in "abc")]


@settings(max_examples=15)
@given(seed=st.integers(0, 10_000), is_sampled=st.booleans(), n_background=st.integers(2, 27))
def test_shapleys_four_properties_hold_for_any_function(seed, is_sampled, n_background):
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, 3, 3, 3))
    first, second[:] = first + first.swapaxes(0, 1), second[:1]
    rows = SMALL.iloc[rng.integers(0, 27, 4)].reset_index(drop=True)
    background = SMALL.iloc[rng.permutation(27)[:n_background]].reset_index(drop=True)

    def explain(cells, asked=rows, behind=background):
        with pytest.MonkeyPatch.context() as patch:
            if is_sampled:
                patch.setattr(coalitions, "MOST_EXACT_QUESTIONS", 0)
            return explain_by_coalitions(
                looked_up(cells), asked, behind, scale="value",
                rng=np.random.default_rng(1), track=untracked,
            )  # fmt: skip

    one, other = explain(first), explain(second)
    # Efficiency, linearity, and nothing for a column that is not read.
    np.testing.assert_allclose(one.rebuilt, looked_up(first)(rows), atol=1e-9)
    np.testing.assert_allclose(
        explain(2 * first - 3 * second).values, 2 * one.values - 3 * other.values, atol=1e-9
    )
    assert np.abs(other.values[:, 0]).max() <= 1e-12
    if is_sampled:
        return
    # Symmetry: a and b trade places in rows and background, and so do their values.
    traded = {"a": "b", "b": "a"}
    mirrored = explain(
        first,
        rows.rename(columns=traded)[list("abc")],
        background.rename(columns=traded)[list("abc")],
    )
    np.testing.assert_allclose(mirrored.values[:, [1, 0, 2]], one.values, atol=1e-9)
    hand = by_hand(looked_up(first), rows.iloc[0], background)
    np.testing.assert_allclose(one.values[0], hand, atol=1e-9)


@settings(max_examples=8)
@given(seed=st.integers(0, 10_000), method=st.sampled_from(["automatic", "interventional"]))
def test_a_forest_gets_the_mean_of_its_trees_values(seed, method):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(rng.normal(size=(40, 3)), columns=["a", "b", "c"])
    frame["y"] = frame["a"] * frame["b"] + frame["c"]
    features = frame[["a", "b", "c"]]
    forest = RandomForestRegressor(4, max_depth=3, random_state=seed).fit(features, frame["y"])
    for tree in forest.estimators_:
        # The forest takes the names off before it asks its trees.
        tree.feature_names_in_ = forest.feature_names_in_

    def values(native):
        return explain_rows(
            CodedModel(native), number_data(frame[:6], None), number_data(frame[6:], None), VALUE,
            most_sampled=6, method=method, rng=np.random.default_rng(0), track=untracked,
        ).attribution.values  # fmt: skip

    alone = np.mean([values(tree) for tree in forest.estimators_], axis=0)

    np.testing.assert_allclose(values(forest), alone, atol=1e-9)


def test_nearest_neighbours_read_both_copies_of_a_column_alike():
    given = world("sum")
    model = CodedModel(KNeighborsRegressor(3).fit(given.training, given.answers))
    same = given.rows.assign(twin=given.rows["a"])

    found = explain_by_coalitions(
        model.predict, same, given.training, scale="value",
        rng=np.random.default_rng(0), track=untracked,
    )  # fmt: skip

    np.testing.assert_allclose(
        found.values[:, NAMES.index("a")], found.values[:, NAMES.index("twin")], atol=1e-9
    )
