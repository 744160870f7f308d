from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from scipy import stats

from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.finding import Verdict
from analyzers.fairness import ANALYZER, FairnessParams, at_threshold, decide_at
from analyzers.fairness.comparing import disparity_table
from analyzers.fairness.counting import Names, count_cells, groups_of, merge_cells
from analyzers.policies import load_policy
from analyzers.toolkit.rates import outcome_codes
from tests.benches import credit_bench
from tests.fairness.benches import bench_of, number_bench

# Shrinking a failing case of many rows takes minutes and says little more.
UNSHRUNK = [Phase.explicit, Phase.generate]
CONVENTIONS = load_policy("conventions")


def planted(n=2000, gap=0.3, seed=0, share=0.5):
    """Two groups; the second is selected `gap` less often."""
    rng = np.random.default_rng(seed)
    sex = np.where(rng.random(n) < share, "male", "female")
    labels = rng.integers(0, 2, n)
    rate = np.where(sex == "male", 0.6, 0.6 - gap)
    return sex, labels, (rng.random(n) < rate).astype(int)


def measured(bench, **params):
    return ANALYZER.measure(bench, FairnessParams(**{"draws": 200, **params}))


def verdicts(result, policy=CONVENTIONS):
    return {finding.code: finding for finding in ANALYZER.judge(result, policy)}


def test_a_planted_gap_fails_and_its_headline_says_it_in_plain_words():
    sex, labels, decisions = planted()

    found = verdicts(measured(bench_of({"sex": sex}, labels, decisions)))

    finding = found["fairness.demographic_parity_difference.sex"]
    assert finding.verdict == Verdict.FAIL
    assert finding.concerns == "sex: female against male"
    assert "percentage points (95 % interval" in finding.headline
    assert found["fairness.demographic_parity_ratio.sex"].verdict == Verdict.FAIL
    assert found["fairness.demographic_parity_ratio.sex"].threshold.status == "industry convention"


def test_no_gap_passes_where_there_are_rows_enough_to_say_so():
    sex, labels, decisions = planted(n=40_000, gap=0.0)

    found = verdicts(measured(bench_of({"sex": sex}, labels, decisions)))

    assert found["fairness.demographic_parity_ratio.sex"].verdict == Verdict.PASS
    assert found["fairness.equalized_odds_difference.sex"].verdict == Verdict.PASS


def test_a_gap_that_rests_on_few_rows_is_inconclusive_and_not_hidden():
    sex, labels, decisions = planted(n=200, share=0.95)

    result = measured(bench_of({"sex": sex}, labels, decisions))

    finding = verdicts(result)["fairness.demographic_parity_difference.sex"]
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "fewer than the 30" in finding.reason
    groups = result.tables["groups"].to_pandas()
    small = groups[(groups["group"] == "female") & (groups["metric"] == "selection_rate")]
    assert small["is_small"].item()
    assert small["low"].item() < small["value"].item() < small["high"].item()


def test_a_small_third_group_is_left_out_of_the_comparison_and_counted():
    sex, labels, decisions = planted(n=1000)
    sex = np.where(np.arange(1000) < 10, "other", sex)

    result = measured(bench_of({"sex": sex}, labels, decisions))

    row = result.tables["disparities"].to_pandas().set_index("metric")
    assert row.loc["demographic_parity_difference", "n_left_out"] == 1
    assert row.loc["demographic_parity_difference", "n_groups"] == 2
    assert (
        "small groups left out"
        in verdicts(result)["fairness.demographic_parity_difference.sex"].headline
    )


def test_n_of_a_rate_is_its_denominator_and_n_of_a_disparity_the_smallest_of_them():
    sex, labels, decisions = planted(n=500)
    result = measured(bench_of({"sex": sex}, labels, decisions))
    groups = result.tables["groups"].to_pandas().set_index(["group", "metric"])
    row = result.tables["disparities"].to_pandas().set_index("metric")

    positives = [int(((sex == name) & (labels == 1)).sum()) for name in ("female", "male")]
    assert groups.loc[("female", "true_positive_rate"), "n"] == positives[0]
    assert groups.loc[("female", "true_positive_rate"), "n_group"] == (sex == "female").sum()
    assert row.loc["equal_opportunity_difference", "n"] == min(positives)
    assert row.loc["equal_opportunity_difference", "n_rows"] == sum(positives)


def test_missing_values_are_a_group_of_their_own():
    sex, labels, decisions = planted(n=600)
    sex = pd.Series(sex).where(np.arange(600) >= 100, None)

    groups = measured(bench_of({"sex": sex}, labels, decisions)).tables["groups"].to_pandas()

    missing = groups[(groups["group"] == "missing") & (groups["metric"] == "selection_rate")]
    assert missing["n"].item() == 100
    assert groups[groups["metric"] == "selection_rate"]["n"].sum() == 2 * 600


def test_labels_outside_the_classes_count_in_the_selection_rate_only():
    sex, labels, decisions = planted(n=400)
    labels = np.where(np.arange(400) < 150, -1, labels)

    result = measured(bench_of({"sex": sex}, labels, decisions))

    groups = result.tables["groups"].to_pandas().set_index(["group", "metric"])["n"]
    assert groups["everyone", "selection_rate"] == 400
    assert groups["everyone", "accuracy"] == 250
    assert result.facts["n_unlabelled"] == 150


def test_without_any_outcome_the_selection_rate_is_still_measured():
    sex, _, decisions = planted(n=400)

    result = measured(bench_of({"sex": sex}, None, decisions))

    assert result.estimates["demographic_parity_difference.sex"].value is not None
    assert "No row has" in result.estimates["equal_opportunity_difference.sex"].reason
    found = verdicts(result)
    assert found["fairness.equal_opportunity_difference.sex"].verdict == Verdict.NOT_TESTED
    ANALYZER.draw(result)


@pytest.mark.parametrize(
    ("attributes", "labels", "reason"),
    [
        ({"sex": ["f"] * 50}, [0, 1] * 25, "only one group, 'f'"),
        ({"sex": [None] * 50}, [0, 1] * 25, "only one group, 'missing'"),
        ({"sex": ["f", "m"] * 25}, [0] * 50, "No row has the positive outcome"),
    ],
)
def test_bad_input_gets_a_clear_sentence(attributes, labels, reason):
    result = measured(bench_of(attributes, labels, [0, 1] * 25))

    assert reason in result.estimates["equal_opportunity_difference.sex"].reason
    for finding in ANALYZER.judge(result, CONVENTIONS):
        assert finding.headline.endswith(".")
    ANALYZER.draw(result)


def test_a_column_of_names_is_left_out_with_a_reason_or_refused_where_it_is_the_only_one():
    names = [f"person {number}" for number in range(300)]
    sex, labels, decisions = planted(n=300)

    result = measured(bench_of({"name": names, "sex": sex}, labels, decisions))

    assert "got 300 different values" in result.facts["left_out"]
    assert set(result.tables["attributes"]["attribute"].to_pylist()) == {"sex"}
    with pytest.raises(UnsuitableSubject, match="300 different values"):
        measured(bench_of({"name": names}, labels, decisions))
    with pytest.raises(UnsuitableSubject, match="300 different values"):
        measured(bench_of({"name": names, "sex": sex}, labels, decisions), attributes=("name",))


def test_wrong_parameters_are_answered_with_what_can_be_chosen():
    sex, labels, decisions = planted(n=100)
    bench = bench_of({"sex": sex}, labels, decisions)

    with pytest.raises(InvalidParameter, match="sex"):
        measured(bench, attributes=("gender",))
    with pytest.raises(InvalidParameter, match="'age'"):
        measured(bench, cut_points="age: 30")
    with pytest.raises(InvalidParameter, match="yes"):
        measured(bench, outcome="maybe")


def test_ages_are_cut_as_asked_and_the_table_says_how():
    bench = credit_bench(300)

    result = measured(bench, cut_points="age: 25, 60", attributes=("age",))

    table = result.tables["attributes"].to_pandas()
    assert table["name"].tolist() == ["under 25", "25 to under 60", "60 and over"]
    assert table["n"].sum() == 300
    assert "user" in table["made_by"].iloc[0]


ROWS = st.integers(20, 120).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 10_000)))


def random_bench(n, seed, order=None, names=("a", "b", "c")):
    rng = np.random.default_rng(seed)
    group = rng.integers(0, 3, n)
    labels, scores = rng.integers(0, 2, n), rng.random(n).round(2)
    order = np.arange(n) if order is None else order
    values = np.array(names)[group][order]
    return bench_of({"g": values}, labels[order], scores=scores[order])


@settings(max_examples=25, deadline=None, phases=UNSHRUNK)
@given(ROWS)
def test_row_order_changes_nothing_at_all(case):
    n, seed = case
    order = np.random.default_rng(seed + 1).permutation(n)

    first, again = measured(random_bench(n, seed)), measured(random_bench(n, seed, order))

    assert first.estimates == again.estimates
    for name, table in first.tables.items():
        assert table.equals(again.tables[name]), name


@settings(max_examples=25, deadline=None, phases=UNSHRUNK)
@given(ROWS)
def test_renaming_the_groups_changes_no_value(case):
    n, seed = case

    first = measured(random_bench(n, seed)).estimates
    again = measured(random_bench(n, seed, names=("z", "y", "x"))).estimates

    assert {k: v.value for k, v in first.items()} == pytest.approx(
        {k: v.value for k, v in again.items()}
    )


@settings(max_examples=40, deadline=None, phases=UNSHRUNK)
@given(ROWS, st.integers(1, 60))
def test_values_lie_in_their_bounds_and_intervals(case, smallest):
    result = measured(random_bench(*case), smallest_group=smallest)

    for name, item in result.estimates.items():
        if item.value is None:
            assert item.reason
            continue
        assert 0 <= item.value <= 1, name
        assert item.low <= item.value <= item.high, name
        assert item.n > 0
    table = result.tables["disparities"].to_pandas()
    known = table.dropna(subset=["p_value"])
    assert known["p_value"].between(0, 1).all()
    adjusted = table.dropna(subset=["p_adjusted"])
    assert (adjusted["p_adjusted"] >= adjusted["p_value"] - 1e-12).all()


def test_a_wider_gap_gives_a_larger_difference_and_a_smaller_ratio():
    values = []
    for gap in (0.0, 0.1, 0.2, 0.4):
        sex, labels, decisions = planted(n=20_000, gap=gap)
        found = measured(bench_of({"sex": sex}, labels, decisions)).estimates
        values.append(
            (
                found["demographic_parity_difference.sex"].value,
                -found["demographic_parity_ratio.sex"].value,
            )
        )
    assert values == sorted(values)


@pytest.mark.parametrize("name", ["demographic_parity_difference", "demographic_parity_ratio"])
def test_intervals_cover_within_two_points_of_what_they_say(name):
    truth = {"demographic_parity_difference": 0.2, "demographic_parity_ratio": 2 / 3}[name]
    names = (Names("sex", ("female", "male")),)
    hits = 0
    for seed in range(1000):
        sex, labels, decisions = planted(n=400, gap=0.2, seed=seed)
        cells = count_cells(names, [(sex == "male").astype(int)], outcome_codes(labels, decisions))
        table = disparity_table([groups_of(cells, [0])], smallest=30, n_draws=200, seed=seed)
        row = next(row for row in table.to_pylist() if row["metric"] == name)
        hits += row["low"] <= truth <= row["high"]
    assert hits / 1000 == pytest.approx(0.95, abs=0.02)


def test_comparisons_are_counted_and_corrected():
    bench = credit_bench(400)
    table = measured(bench).tables["disparities"].to_pandas()
    tested = table[table["p_adjusted"].notna()]

    assert (tested["n_comparisons"] == len(tested)).all()
    assert tested["p_adjusted"].to_numpy() == pytest.approx(
        stats.false_discovery_control(tested["p_value"].to_numpy())
    )
    assert tested["attributes"].nunique() == 3


def test_each_group_against_the_rest_has_the_usual_tests_and_the_surest_comes_first():
    sex, labels, decisions = planted(n=900)
    table = measured(bench_of({"sex": sex}, labels, decisions)).tables["against_rest"].to_pandas()

    row = table[(table["group"] == "female") & (table["metric"] == "selection_rate")].iloc[0]
    cells = pd.crosstab(sex, decisions).to_numpy()
    assert row["p_value"] == pytest.approx(stats.fisher_exact(cells).pvalue)
    pooled = decisions.mean()
    error = np.sqrt(pooled * (1 - pooled) * (1 / cells[0].sum() + 1 / cells[1].sum()))
    assert row["standard_deviations"] == pytest.approx(row["value"] / error)
    assert row["rows_concerned"] == pytest.approx(abs(row["value"]) * cells[0].sum())
    certain = np.maximum(np.maximum(table["low"], -table["high"]), 0)
    assert (np.diff(certain) <= 1e-12).all()


def test_impact_ratios_are_the_rates_over_the_highest_category():
    sex, labels, decisions = planted(n=1000)
    sex = np.where(np.arange(1000) < 15, "other", sex)
    scores = np.where(decisions == 1, 0.9, 0.2) + np.linspace(0, 0.05, 1000)

    table = measured(bench_of({"sex": sex}, labels, scores=scores)).tables["impact_ratios"]

    rows = table.to_pandas().set_index(["kind", "category"])
    for kind, is_chosen in (
        ("selection rate", scores > 0.5),
        ("scoring rate", scores > np.median(scores)),
    ):
        rates = {name: is_chosen[sex == name].mean() for name in ("female", "male", "other")}
        assert rows.loc[(kind, "female"), "impact_ratio"] == pytest.approx(
            rates["female"] / max(rates["female"], rates["male"])
        )
        assert rows.loc[(kind, "other"), "is_below_two_percent"]


@settings(max_examples=30, deadline=None, phases=UNSHRUNK)
@given(ROWS, st.integers(0, 100))
def test_the_slider_moves_every_group_exactly(case, percent):
    n, seed = case
    threshold = percent / 100
    bench = random_bench(n, seed)
    scores = bench.predictions.scores[:, 1]
    decided = replace(bench.predictions, predicted=(scores >= threshold).astype(np.int64))

    moved = at_threshold(measured(bench), threshold)
    fresh = measured(replace(bench, predictions=decided)).tables["groups"]

    assert moved.equals(fresh.slice(0, len(moved)))


def test_a_result_at_another_threshold_equals_a_fresh_one_intervals_included():
    bench = credit_bench(300)
    result = measured(bench)
    scores = bench.predictions.scores[:, 1]
    decided = replace(bench.predictions, predicted=(scores >= 0.7).astype(np.int64))

    moved = decide_at(result, 0.7)
    # A new bench, because the generator of the first has moved on.
    fresh = measured(replace(credit_bench(300), predictions=decided))

    assert moved.facts["threshold"] == 0.7
    assert moved.estimates == fresh.estimates
    left_out = {"conditions", "slices", "mitigations", "mitigated_decisions", "saved_models"}
    assert set(fresh.tables) - set(moved.tables) == left_out
    for name, table in moved.tables.items():
        again = fresh.tables[name]
        if name == "groups":
            # Neighbours are found among the rows, which are not in the result.
            again = again.filter(pc.not_equal(again["metric"], "consistency"))
        assert table.equals(again), name
    assert {chart.name for chart in ANALYZER.draw(moved)} < {c.name for c in ANALYZER.draw(result)}
    assert verdicts(moved).keys() < verdicts(result).keys()


def test_there_is_no_slider_without_scores():
    sex, labels, decisions = planted(n=100)

    with pytest.raises(UnsuitableSubject, match="no threshold to move"):
        at_threshold(measured(bench_of({"sex": sex}, labels, decisions)), 0.5)


def test_many_distinct_scores_are_kept_on_a_grid_on_which_the_slider_is_exact(monkeypatch):
    monkeypatch.setattr("analyzers.fairness.scoring.MOST_EXACT_SCORES", 50)
    rng = np.random.default_rng(0)
    sex, labels, _ = planted(n=400)
    scores = rng.random(400)

    result = measured(bench_of({"sex": sex}, labels, scores=scores))

    assert result.facts["threshold_step"] == 1e-4
    assert "exact at multiples" in result.sampling[0]
    groups = at_threshold(result, 0.1234).to_pandas().set_index(["group", "metric"])["value"]
    assert groups["male", "selection_rate"] == (scores >= 0.1234)[sex == "male"].mean()


CELLS = st.integers(1, 200).flatmap(
    lambda n: st.tuples(
        st.lists(st.integers(0, 2), min_size=n, max_size=n),
        st.lists(st.integers(0, 1), min_size=n, max_size=n),
        st.lists(st.integers(0, 5), min_size=n, max_size=n),
        st.integers(0, n),
    )
)


@given(CELLS, st.booleans())
def test_counting_in_parts_and_adding_up_equals_the_whole(case, is_sparse):
    a, b, outcome, cut = (np.array(item) for item in case)
    names = (Names("a", ("x", "y", "z")), Names("b", ("0", "1")))

    with pytest.MonkeyPatch.context() as patch:
        if is_sparse:
            patch.setattr("analyzers.fairness.counting.MOST_DENSE_CELLS", 1)
        whole = count_cells(names, [a, b], outcome)
        parts = [
            count_cells(names, [a[rows], b[rows]], outcome[rows])
            for rows in (slice(0, int(cut)), slice(int(cut), None))
            if len(a[rows])
        ]
    merged = merge_cells(parts)

    assert (merged.codes == whole.codes).all()
    assert (merged.counts == whole.counts).all()
    assert whole.counts.sum() == len(a)
    by_b = groups_of(whole, [1])
    for label, counts in zip(by_b.labels, by_b.counts, strict=True):
        assert counts.tolist() == np.bincount(outcome[b == int(label)], minlength=6).tolist()


def test_parts_with_other_attributes_do_not_add_up():
    one = count_cells((Names("a", ("x",)),), [np.zeros(2, int)], np.zeros(2, int))
    other = count_cells((Names("b", ("x",)),), [np.zeros(2, int)], np.zeros(2, int))

    with pytest.raises(ValueError, match="same attributes"):
        merge_cells([one, other])


def test_a_class_of_several_can_be_the_favourable_one():
    rng = np.random.default_rng(0)
    sex, labels = rng.choice(["f", "m"], 300), rng.integers(0, 3, 300)
    scores = rng.dirichlet([1, 1, 1], 300)
    bench = bench_of({"sex": sex}, labels, scores=scores, classes=("low", "middle", "high"))

    result = measured(bench, outcome="low")

    chosen = scores.argmax(axis=1) == 0
    groups = result.tables["groups"].to_pandas().set_index(["group", "metric"])["value"]
    assert groups["f", "selection_rate"] == pytest.approx(chosen[sex == "f"].mean())
    assert groups["f", "true_positive_rate"] == pytest.approx(
        chosen[(sex == "f") & (labels == 0)].mean()
    )
    assert result.facts["favourable_class"] == "low"
    assert measured(bench).facts["favourable_class"] == "high"


def test_regression_compares_errors_and_distributions():
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 1000)
    actual = rng.normal(0, 1, 1000)
    predicted = actual + np.where(sex == "f", -0.8, 0.0) + rng.normal(0, 0.2, 1000)

    result = measured(number_bench({"sex": sex}, actual, predicted))

    groups = result.tables["groups"].to_pandas().set_index(["group", "metric"])["value"]
    for name in ("f", "m"):
        errors = (predicted - actual)[sex == name]
        assert groups[name, "mean_error"] == pytest.approx(errors.mean())
        assert groups[name, "mean_absolute_error"] == pytest.approx(np.abs(errors).mean())
    theirs = stats.ks_2samp(predicted[sex == "f"], predicted[sex == "m"]).statistic
    assert result.estimates["kolmogorov_distance.sex"].value == pytest.approx(theirs)
    difference = result.estimates["mean_error_difference.sex"]
    assert difference.low < 0.8 < difference.high
    found = verdicts(result)
    assert found["fairness.kolmogorov_distance.sex"].verdict == Verdict.FAIL
    assert found["fairness.mean_error_difference.sex"].verdict == Verdict.INCONCLUSIVE
    assert {chart.table for chart in ANALYZER.draw(result)} == {
        "groups", "disparities", "distributions", "attributes",
    }  # fmt: skip


def test_regression_does_not_depend_on_row_order():
    rng = np.random.default_rng(0)
    sex, actual, predicted = (
        rng.choice(["f", "m", "x"], 200),
        rng.normal(size=200),
        rng.normal(size=200),
    )
    order = rng.permutation(200)

    first = measured(number_bench({"sex": sex}, actual, predicted))
    again = measured(number_bench({"sex": sex[order]}, actual[order], predicted[order]))

    assert first.estimates == again.estimates


def test_regression_of_one_group_or_without_outcomes_is_explained():
    result = measured(number_bench({"sex": ["f"] * 40}, None, np.arange(40.0)))

    assert "one group" in result.estimates["kolmogorov_distance.sex"].reason
    assert result.estimates["mean_error_difference.sex"].value is None
    ANALYZER.draw(result)
    ANALYZER.judge(result, CONVENTIONS)


def test_chart_names_are_fit_for_file_names_whatever_the_columns_are_called():
    sex, labels, decisions = planted(n=300)
    scores = np.where(decisions == 1, 0.8, 0.3)
    columns = {"a/b": sex, "a.b": sex[::-1]}

    charts = ANALYZER.draw(measured(bench_of(columns, labels, scores=scores)))

    names = [chart.name for chart in charts]
    assert len(set(names)) == len(names)
    assert all(name.replace("_", "").isalnum() for name in names)


def test_hostile_group_names_are_words_in_the_charts():
    sex, labels, decisions = planted(n=300)
    sex = np.where(sex == "male", "<b>$x$", "f")

    for chart in ANALYZER.draw(measured(bench_of({"<i>sex": sex}, labels, decisions))):
        assert "<b>" not in str(chart.figure)
        assert "<i>" not in str(chart.figure)


def test_golden_numbers_of_a_small_case():
    sex = np.repeat(["f", "m"], [40, 60])
    decisions = np.r_[np.ones(10), np.zeros(30), np.ones(30), np.zeros(30)].astype(int)
    labels = np.r_[np.ones(20), np.zeros(20), np.ones(30), np.zeros(30)].astype(int)

    bench = bench_of({"sex": sex}, labels, decisions)
    found = measured(bench, smallest_group=5, draws=4000).estimates

    # The textbook intervals that the bootstrap refines: Agresti and Caffo 2000 for the difference
    # (11/42 against 31/62), and the same two added rows on the logarithm for the ratio.
    difference, ratio = (
        found[f"demographic_parity_{kind}.sex"] for kind in ("difference", "ratio")
    )
    assert difference.value == 0.25
    assert (difference.low, difference.high) == pytest.approx((0.056, 0.420), abs=0.01)
    assert ratio.value == 0.5
    assert (ratio.low, ratio.high) == pytest.approx((0.298, 0.922), abs=0.05)
    assert found["equal_opportunity_difference.sex"].value == 0.5
    assert found["equalized_odds_difference.sex"].value == 0.5
    assert found["false_positive_rate_ratio.sex"].reason == "The rate is 0 in every group."


def test_groups_that_do_not_differ_are_not_named_against_themselves():
    sexes = ["f", "m"] * 100
    bench = bench_of({"sex": sexes}, [1, 0, 0, 1] * 50, decisions=[0] * 200)

    findings = ANALYZER.judge(ANALYZER.measure(bench, FairnessParams()), load_policy("conventions"))

    (headline,) = [
        item.headline for item in findings
        if item.code.startswith("fairness.demographic_parity_difference")
    ]  # fmt: skip
    assert "the selection rate is 0.0% in every group compared" in headline
