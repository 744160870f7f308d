import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sklearn.metrics import precision_score, recall_score

from analyzers.core.workbench import untracked
from analyzers.fairness import ANALYZER, FairnessParams
from analyzers.fairness.classes import AVERAGE, class_rates, class_table
from analyzers.toolkit.groups import Attribute
from tests.fairness.benches import bench_of

CLASSES = ("no", "perhaps", "yes")


def case(n=1500, gap=0.0, seed=0):
    rng = np.random.default_rng(seed)
    sex, labels = rng.choice(["f", "m"], n), rng.integers(0, 3, n)
    right = rng.random(n) < np.where(sex == "m", 0.8, 0.8 - gap)
    return sex, labels, np.where(right, labels, rng.integers(0, 3, n))


def rows_of(sex, labels, decisions, **params):
    bench = bench_of({"sex": sex}, labels, decisions, classes=CLASSES)
    params = {"draws": 200, "search": False, "mitigate": "no", **params}
    return ANALYZER.measure(bench, FairnessParams(**params)).tables["classes"].to_pandas()


def test_averages_are_scikit_learns_macro_averages_by_group():
    sex, labels, decisions = case(gap=0.3)
    rows = rows_of(sex, labels, decisions).set_index(["class", "metric"])

    for metric, peer in (
        ("true_positive_rate", recall_score), ("positive_predictive_value", precision_score),
    ):  # fmt: skip
        each, mean = (
            {
                who: peer(labels[sex == who], decisions[sex == who], average=average)
                for who in ("f", "m")
            }
            for average in (None, "macro")
        )
        row = rows.loc[(AVERAGE, metric)]
        assert row["value"] == pytest.approx(abs(mean["m"] - mean["f"]))
        assert (row["highest"], row["lowest"]) == ("m", "f")
        assert 0 < row["low"] < row["value"] < row["high"]
        for place, name in enumerate(CLASSES):
            gap = abs(each["m"][place] - each["f"][place])
            assert rows.loc[(name, metric), "value"] == pytest.approx(gap)


@settings(max_examples=10, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.integers(0, 10_000), st.integers(20, 200))
def test_two_classes_give_what_the_counts_of_two_classes_give(seed, n):
    rng = np.random.default_rng(seed)
    sex, labels = rng.choice(["f", "m"], n), rng.integers(0, 2, n)
    decisions = rng.integers(0, 2, n)
    two = ANALYZER.measure(
        bench_of({"sex": sex}, labels, decisions),
        FairnessParams(draws=200, search=False, mitigate="no", smallest_group=1),
    ).tables["disparities"].to_pandas().set_index("metric")["value"]  # fmt: skip

    names, codes = np.unique(sex, return_inverse=True)
    table = class_table(
        [Attribute(name="sex", levels=tuple(names), codes=codes.astype(np.int32), made_by="")],
        labels, decisions, ("no", "yes"), rng, smallest=1, n_draws=100, track=untracked,
    ).to_pandas()  # fmt: skip
    yes = table[table["class"] == "yes"].set_index("metric")["value"]

    for ours, theirs in (
        ("selection_rate", "demographic_parity_difference"),
        ("true_positive_rate", "equal_opportunity_difference"),
        ("false_positive_rate", "false_positive_rate_difference"),
        ("positive_predictive_value", "predictive_parity_difference"),
    ):
        assert yes[ours] == pytest.approx(two[theirs], nan_ok=True)


@pytest.mark.parametrize("gap", [0.0, 0.2])
def test_intervals_of_averages_cover_the_truth_as_often_as_they_say(gap):
    truth = gap * 2 / 3
    covered = []
    for seed in range(150):
        sex, labels, decisions = case(n=400, gap=gap, seed=seed)
        names, codes = np.unique(sex, return_inverse=True)
        attribute = Attribute(
            name="sex", levels=tuple(names), codes=codes.astype(np.int32), made_by=""
        )
        rows = class_table(
            [attribute], labels, decisions, CLASSES, np.random.default_rng(seed), smallest=1,
            n_draws=200, track=untracked,
        ).to_pandas()  # fmt: skip
        row = rows[(rows["class"] == AVERAGE) & (rows["metric"] == "true_positive_rate")].iloc[0]
        covered.append(row["low"] <= truth <= row["high"])

    # Two binomial standard errors around 95 % at 150 draws.
    assert 0.91 <= np.mean(covered) <= 0.99


def test_without_outcomes_only_the_selection_rates_are_compared():
    sex, _, decisions = case(n=300)
    rows = rows_of(sex, None, decisions)

    assert rows[rows["metric"] == "selection_rate"]["value"].notna().all()
    others = rows[rows["metric"] != "selection_rate"]
    assert others["value"].isna().all()
    assert others["reason"].str.endswith(".").all()


def test_missing_outcomes_count_in_the_selection_rate_only():
    counts = np.array([[5, 5], [2, 0], [1, 1]])

    selected, n = class_rates(counts, "selection_rate")
    found, n_found = class_rates(counts, "true_positive_rate")

    assert selected.tolist() == [8 / 14, 6 / 14]
    assert n.tolist() == [14, 14]
    assert found.tolist() == [1.0, 0.5]
    assert n_found.tolist() == [2, 2]
