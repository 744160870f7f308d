"""Known answers for pairs of columns, moved columns, cohorts and typical reasons."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier

from analyzers.anatomy.encoding import Encoded
from analyzers.core.workbench import untracked
from analyzers.explanation import ANALYZER, dependence_chart
from analyzers.explanation.attribution import Target
from analyzers.explanation.cohorts import Cohort
from analyzers.explanation.interactions import (
    exact_interactions,
    interactions_table,
    on_log_odds,
    sampled_interactions,
)
from analyzers.explanation.permutation import (
    losses,
    move_columns,
    permutation_table,
    sets_of,
    together,
)
from analyzers.explanation.reasons import find_reasons
from analyzers.explanation.tree_background import open_trees
from tests.explanation.benches import FunctionModel, number_bench, number_frame
from tests.explanation.test_measure import QUICK

NAMES = ["a", "b", "c", "unused"]


def normal(n_rows: int = 300, seed: int = 0) -> pd.DataFrame:
    return pd.DataFrame(np.random.default_rng(seed).normal(size=(n_rows, 4)), columns=NAMES)


def sampled(ask, *, draws: int = 10):
    table = normal()
    found = sampled_interactions(
        ask, table.iloc[:60], table.iloc[100:], np.arange(4),
        rng=np.random.default_rng(1), track=untracked, draws=draws,
    )  # fmt: skip
    return interactions_table(found, NAMES).to_pandas()


def test_a_model_that_adds_columns_up_has_no_interaction():
    table = sampled(lambda rows: (3 * rows["a"] - rows["b"] ** 2).to_numpy())

    assert table["strength"].max() < 1e-7
    assert len(table) == 6


def test_a_product_of_two_columns_is_the_only_pair_and_has_its_known_strength():
    table = sampled(lambda rows: (rows["a"] * rows["b"] + rows["c"]).to_numpy(), draws=60)

    assert (table["feature"][0], table["other"][0]) == ("a", "b")
    # Mean square of (a - mean a) (b - mean b) over independent normal columns is 1.
    rows, mean = normal().iloc[:60], normal().iloc[100:].mean()
    truth = np.sqrt((((rows["a"] - mean["a"]) * (rows["b"] - mean["b"])) ** 2).mean())
    assert table["strength"][0] == pytest.approx(truth, rel=0.25)
    assert table["strength"][1:].max() < 1e-7


def test_exact_interactions_of_trees_find_the_same_pair():
    table = normal(600)
    target = table["a"] * table["b"] + table["c"]
    model = GradientBoostingRegressor(max_depth=3, random_state=0).fit(table, target)
    opened = open_trees(
        Encoded(model, table.iloc[:40], np.arange(4)),
        Encoded(model, table.iloc[100:200], np.arange(4)),
        None,
    )

    found = exact_interactions(opened, np.array([2, 0, 1]), None, track=untracked)

    assert found is not None
    first = interactions_table(found, NAMES).to_pandas().iloc[0]
    assert {first["feature"], first["other"]} == {"a", "b"}
    assert first["low"] > 0


def test_stumps_have_no_interaction():
    table = normal()
    model = GradientBoostingRegressor(max_depth=1, n_estimators=20, random_state=0).fit(
        table, table["a"]
    )
    own = Encoded(model, table.iloc[:20], np.arange(4))

    found = exact_interactions(open_trees(own, own, None), np.arange(4), None, track=untracked)

    assert found is not None
    assert found.squares.max() == 0


def test_a_logistic_model_has_no_interaction_on_the_log_odds():
    def probabilities(rows: pd.DataFrame) -> np.ndarray:
        chance = 1 / (1 + np.exp(-(rows["a"] + rows["b"]).to_numpy()))
        return np.column_stack([1 - chance, chance])

    assert sampled(on_log_odds(probabilities, 1))["strength"].max() < 1e-6
    assert sampled(lambda rows: probabilities(rows)[:, 1])["strength"].max() > 1e-3


def moved(model, target, table, labels, sets):
    return move_columns(
        model, target, table, labels, sets, rng=np.random.default_rng(0), track=untracked
    )


def test_moving_an_unused_column_costs_nothing_and_a_used_one_its_known_loss():
    table = normal(2000)
    model = FunctionModel(lambda rows: rows["a"], is_classifier=False)
    target = Target(class_index=None, has_probabilities=False)

    used, unused = moved(model, target, table, table["a"].to_numpy(), [("a",), ("unused",)])

    assert unused.increases.max() == 0
    # The mean distance of two independent standard normal numbers is 2 / sqrt(pi).
    assert used.increases.mean() == pytest.approx(2 / np.sqrt(np.pi), rel=0.08)


def test_a_duplicated_column_matters_only_together_with_its_twin():
    table = normal(400)
    table["b"] = table["a"] + 1e-3 * table["b"]
    model = FunctionModel(lambda rows: np.maximum(rows["a"], rows["b"]), is_classifier=False)
    target = Target(class_index=None, has_probabilities=False)
    sets = sets_of(table, np.arange(4))
    assert sets[-1] == ("a", "b")

    found = moved(model, target, table, table["a"].to_numpy(), sets)

    one, both = found[0].increases.mean(), found[-1].increases.mean()
    assert both > 1.5 * one


def test_the_parts_of_one_category_go_together():
    codes = np.random.default_rng(0).integers(0, 4, 300)
    table = pd.DataFrame({f"colour_{code}": (codes == code).astype(float) for code in range(4)})
    table["size"] = np.random.default_rng(1).normal(size=300)

    assert together(table) == [("colour_0", "colour_1", "colour_2", "colour_3")]


def test_a_cohort_has_its_own_importance_and_small_ones_none():
    table = normal(200)
    is_first = np.arange(200) < 100
    table["c"] = is_first.astype(float)
    model = FunctionModel(lambda rows: rows["a"] * rows["c"], is_classifier=False)
    target = Target(class_index=None, has_probabilities=False)
    truth = model.predict(table)
    few = np.arange(200) < 5

    lines = permutation_table(
        moved(model, target, table, truth, [("a",)]),
        [Cohort("c", "1", is_first), Cohort("c", "0", ~is_first), Cohort("c", "few", few)],
    ).to_pandas()

    increase = lines.set_index("group")["increase"]
    assert increase["0"] == 0
    assert increase["1"] > 0.5
    assert "few" not in increase
    assert increase["all rows"] == pytest.approx(increase["1"] / 2)


def test_losses_are_those_of_the_kind_of_answer():
    table = pd.DataFrame({"a": [0.9, 0.2]})
    sure = FunctionModel(lambda rows: rows["a"], is_classifier=True)
    codes = np.array([1, 1])

    given = losses(sure, Target(class_index=1, has_probabilities=True), table, codes)
    decided = losses(sure, Target(class_index=1, has_probabilities=False), table, codes)

    np.testing.assert_allclose(given, [0.01, 0.64])
    np.testing.assert_allclose(decided, [0.0, 1.0])


def test_two_kinds_of_explanation_become_two_reasons_whatever_their_strength():
    rng = np.random.default_rng(0)
    kind = rng.random(200) < 0.3
    strength = rng.uniform(0.1, 5, size=(200, 1))
    values = np.where(kind[:, None], [1.0, 0.1, 0.0], [0.0, -0.1, -1.0]) * strength

    found = find_reasons(values, np.random.default_rng(0))

    assert found is not None
    assert found.codes.max() == 1
    assert (found.codes == kind).all()
    assert found.silhouette > 0.99


def test_rows_without_different_reasons_are_left_in_one_heap():
    assert find_reasons(np.ones((100, 3)), np.random.default_rng(0)) is None
    assert (
        find_reasons(np.random.default_rng(0).normal(size=(10, 3)), np.random.default_rng(0))
        is None
    )


def test_the_analyzer_returns_and_draws_all_of_it():
    frame = number_frame(300, 5)
    forest = RandomForestClassifier(10, max_depth=4, random_state=0)
    measured = ANALYZER.measure(number_bench(forest, frame), QUICK)

    strongest = measured.tables["interactions"].to_pandas().iloc[0]
    assert {strongest["feature"], strongest["other"]} < {"x0", "x1", "x2"}
    assert strongest["low"] > 0
    assert measured.facts["interactions"] == "exact values of the trees"
    cohorts = set(measured.tables["permutation"].to_pandas()["attribute"])
    assert {"", "true outcome", "model's answer"} <= cohorts
    names = [chart.name for chart in ANALYZER.draw(measured)]
    assert {"interactions", "permutation", "reasons"} <= set(names)


def test_a_dependence_is_coloured_by_its_strongest_partner():
    frame = number_frame(300, 5)
    forest = RandomForestClassifier(10, max_depth=4, random_state=0)
    measured = ANALYZER.measure(number_bench(forest, frame), QUICK)
    line = measured.tables["interactions"].to_pylist()[0]

    chart = dependence_chart(measured, line["feature"])

    assert chart is not None
    assert line["other"] in chart.caption
    shares = chart.figure["data"][0]["marker"]["color"]
    assert {min(shares), max(shares)} == {0.0, 1.0}
    assert chart.figure["data"][0]["marker"]["colorbar"]["title"]["text"] == line["other"]
