"""Partial dependence against scikit-learn's, and accumulated effects of functions we know."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor
from sklearn.inspection import partial_dependence as theirs
from sklearn.linear_model import LogisticRegression

from analyzers.explanation import ANALYZER, effect_chart, explained_row_numbers
from analyzers.explanation.effects import accumulated_effects, grid_of, partial_dependence
from analyzers.explanation.params import ExplanationParams
from tests.benches import credit_bench
from tests.explanation.benches import mixed_frame, number_bench, number_frame

QUICK = ExplanationParams(rows=60, sampled_rows=10, background_rows=20, lime_samples=200)


def test_partial_dependence_is_scikit_learns():
    frame = number_frame(120, 4)
    features = frame.drop(columns="y")
    forest = RandomForestRegressor(10, random_state=0).fit(features, frame["y"])
    grid = grid_of(features["x0"])

    ours = partial_dependence(forest.predict, features, "x0", grid)

    reference = theirs(
        forest, features, ["x0"], kind="both", method="brute",
        custom_values={"x0": grid.to_numpy()},
    )  # fmt: skip
    np.testing.assert_allclose(ours.answers, reference["individual"][0])
    np.testing.assert_allclose(ours.answers.mean(axis=0), reference["average"][0])


@pytest.fixture
def entangled():
    rng = np.random.default_rng(0)
    first = rng.normal(size=800)
    return pd.DataFrame({"a": first, "b": first + 0.1 * rng.normal(size=800)})


def test_accumulated_effects_of_a_sum_are_its_parts_though_columns_hang_together(entangled):
    found = accumulated_effects(
        lambda rows: 2 * rows["a"].to_numpy() + rows["b"].to_numpy() ** 2, entangled, "a"
    )

    np.testing.assert_allclose(np.diff(found.effects), 2 * np.diff(found.edges))
    np.testing.assert_allclose(found.errors, 0, atol=1e-12)
    middle = (found.effects[:-1] + found.effects[1:]) / 2
    assert middle.mean() == pytest.approx(0, abs=0.05)
    assert found.n == 800


def test_the_interval_of_an_interaction_covers_what_more_rows_give(entangled):
    def ask(rows):
        return (rows["a"] * rows["b"]).to_numpy()

    few = accumulated_effects(ask, entangled.iloc[:100], "a")
    # The derivative along a is b, and b is a but for noise: half the square of a.
    known = few.edges**2 / 2
    gaps = (few.effects - few.effects[5]) - (known - known[5])

    assert (few.errors > 0).all()
    assert np.abs(gaps).max() < 0.5


def test_whole_numbers_categories_and_gaps_keep_their_kind():
    frame = mixed_frame(100).drop(columns="y").assign(count=np.arange(100) % 7)
    seen = []

    def ask(rows):
        seen.append(rows.dtypes)
        return np.zeros(len(rows))

    for name in ("amount", "colour", "years", "count"):
        partial_dependence(ask, frame, name, grid_of(frame[name]))
    accumulated_effects(ask, frame, "years")
    accumulated_effects(ask, frame, "count")

    assert all((dtypes == frame.dtypes).all() for dtypes in seen)
    assert grid_of(frame["colour"]).tolist() == ["blue", "green", "red"]
    assert accumulated_effects(ask, frame, "same") is None


@pytest.mark.parametrize(
    "estimator", [LogisticRegression(), GradientBoostingClassifier(n_estimators=10)]
)
def test_effects_are_named_what_the_model_is_asked_for_though_values_are_log_odds(estimator):
    found = ANALYZER.measure(number_bench(estimator, number_frame(150, 4)), QUICK)

    assert found.facts["explained_output"].startswith("log-odds of")
    chart = effect_chart(found, "x0")

    assert chart.caption.startswith("Mean probability of")
    assert chart.figure["layout"]["yaxis"]["title"]["text"].startswith("probability of")
    effects = found.tables["effects"].to_pandas()
    mean = effects.loc[effects["kind"] == "partial dependence", "effect"]
    assert mean.between(0, 1).all()


def test_a_curve_that_leaves_0_to_1_says_why():
    found = ANALYZER.measure(credit_bench(150), QUICK)
    effects = found.tables["effects"].to_pandas()
    is_local = (effects["feature"] == "income") & (effects["kind"] == "accumulated local effects")

    def drawn(most):
        lifted = effects.assign(effect=np.where(is_local, most, effects["effect"]))
        table = pa.Table.from_pandas(lifted, preserve_index=False)
        return effect_chart(replace(found, tables={**found.tables, "effects": table}), "income")

    assert "may leave 0 to 1" in drawn(0.9).caption
    assert "may leave 0 to 1" not in drawn(0.0).caption


def test_the_analyzer_shows_them_for_the_columns_that_matter_most():
    found = ANALYZER.measure(credit_bench(150), QUICK)
    table = found.tables["effects"].to_pandas()
    single = found.tables["ice"].to_pandas()

    mean = table[table["kind"] == "partial dependence"].set_index(["feature", "value"])
    assert set(mean.index.get_level_values(0)) == {"income", "age", "sex", "region"}
    assert (mean["low"] <= mean["effect"]).all()
    assert (mean["effect"] <= mean["high"]).all()
    assert found.facts["shown_row"] in set(single["row"])
    assert mean.loc[("sex", "male"), "effect"] > mean.loc[("sex", "female"), "effect"]
    for name in ("income", "sex"):
        chart = effect_chart(found, name)
        assert chart.table == "effects"
        assert "60 rows" in chart.caption
    assert effect_chart(found, "height") is None


def test_the_chosen_rows_own_line_stands_out_and_a_row_without_one_is_told():
    found = ANALYZER.measure(credit_bench(150), QUICK.model_copy(update={"rows": 140}))
    tried = list(dict.fromkeys(found.tables["ice"]["row"].to_pylist()))
    others = [row for row in explained_row_numbers(found) if row not in tried]
    assert len(tried) >= 100
    assert others

    def own(row):
        chart = effect_chart(found, "income", row)
        dark = [
            trace["name"]
            for trace in chart.figure["data"]
            if trace.get("line", {}).get("width") == 2
        ]
        return dark, chart.caption

    last = tried[-1]
    dark, caption = own(last)
    assert dark == [f"row {last:,}"]
    assert "no line of its own" not in caption
    dark, caption = own(others[0])
    assert dark == []
    assert f"Row {others[0]:,} is not among the rows tried" in caption
