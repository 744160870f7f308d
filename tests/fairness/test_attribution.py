from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from analyzers.fairness import ANALYZER, FairnessParams
from analyzers.fairness.attribution import TOGETHER
from tests.benches import credit_bench, dataset_of, predictions_of, subject_of

NAMES = ("a", "b", "c")


class Formula:
    """A model that is a formula of its columns."""

    kind = "formula"
    native = None
    capabilities = frozenset({Capability.PREDICT_PROBA})

    def __init__(self, formula):
        self.formula = formula

    def predict_proba(self, inputs):
        score = np.asarray(self.formula(inputs), dtype=np.float64)
        return np.column_stack([1 - score, score])

    def predict(self, inputs):
        return self.predict_proba(inputs).argmax(axis=1).astype(np.int64)


def bench_with(formula, n=400, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    frame = pd.DataFrame(
        {
            "a": rng.random(n) * 0.5 + 0.4 * (sex == "m"),
            "b": rng.random(n),
            "c": rng.random(n) * 0.7 + 0.2 * (sex == "f"),
            "sex": sex,
            "label": rng.choice(["no", "yes"], n),
        }
    )
    columns = (
        *(Column(name=name, kind="number", role=Role.FEATURE, is_feature=True) for name in NAMES),
        Column(name="sex", kind="category", role=Role.SENSITIVE, is_sensitive=True),
        Column(name="label", kind="category", role=Role.LABEL, levels=("no", "yes")),
    )
    subject = subject_of(columns, n_rows=n)
    data, model = dataset_of(subject, frame), Formula(formula)
    return Workbench(
        subject=subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(seed),
    )  # fmt: skip


def attributions(bench, **params):
    params = {"draws": 200, "mitigate": "no", **params}
    result = ANALYZER.measure(bench, FairnessParams(**params))
    return result, result.tables["attributions"].to_pandas().set_index("feature")


def test_shares_add_up_to_the_difference_in_mean_score():
    bench = credit_bench(400)
    result, table = attributions(bench)

    for _, rows in table.groupby("attribute"):
        shares = rows.drop(TOGETHER)["value"]
        assert shares.sum() == pytest.approx(rows.loc[TOGETHER, "value"], abs=1e-9)
        total = rows.loc[TOGETHER]
        assert total["low"] < total["all_rows_difference"] < total["high"]
    groups = result.tables["groups"].to_pandas()
    means = groups[(groups["attributes"] == "sex") & (groups["metric"] == "mean_score")]["value"]
    sex = table[table["attribute"] == "sex"]
    assert sex.loc[TOGETHER, "all_rows_difference"] == pytest.approx(means.max() - means.min())


def test_a_sum_of_features_gives_each_its_own_difference_in_means():
    bench = bench_with(lambda rows: 0.3 * rows["a"] + 0.2 * rows["b"] + 0.3 * rows["c"])
    _, table = attributions(bench)

    men = bench.data.frame["sex"] == "m"
    frame = bench.data.frame
    for name, weight in (("a", 0.3), ("b", 0.2), ("c", 0.3)):
        gap = weight * (frame.loc[men, name].mean() - frame.loc[~men, name].mean())
        assert table.loc[name, "low"] < gap < table.loc[name, "high"], name
    assert table.index[0] == "a"


def test_a_feature_the_model_does_not_use_carries_nothing_at_all():
    _, table = attributions(bench_with(lambda rows: 0.5 * rows["a"] * rows["b"]))

    assert table.loc["c", ["value", "low", "high"]].tolist() == [0, 0, 0]


def test_shares_are_the_shapley_values_of_the_whole_game():
    bench = bench_with(lambda rows: rows["a"] * rows["b"] * (1 - rows["c"]), n=120)
    _, table = attributions(bench)

    frame, men = bench.data.frame, (bench.data.frame["sex"] == "m").to_numpy()
    paid = {}
    for inside in [set(x) for x in ({}, "a", "b", "c", "ab", "ac", "bc", "abc")]:
        mixed = {
            name: frame[name].to_numpy()[:, None]
            if name in inside
            else frame[name].to_numpy()[None, :]
            for name in NAMES
        }
        score = (mixed["a"] * mixed["b"] * (1 - mixed["c"])) + np.zeros((len(frame), len(frame)))
        mean = score.mean(axis=1)
        paid[frozenset(inside)] = mean[men].mean() - mean[~men].mean()
    for name in NAMES:
        gains = []
        for order in permutations(NAMES):
            before = frozenset(order[: order.index(name)])
            gains.append(paid[before | {name}] - paid[before])
        assert table.loc[name, "low"] <= np.mean(gains) <= table.loc[name, "high"]


def test_a_table_of_predictions_has_no_attribution_and_everything_else():
    result = ANALYZER.measure(replace(credit_bench(200), model=None), FairnessParams(draws=200))

    assert "attributions" not in result.tables
    assert {"mitigations", "proxies", "groups"} <= set(result.tables)


def test_the_chart_says_what_the_shares_add_up_to():
    result, _ = attributions(bench_with(lambda rows: 0.5 * rows["a"]))
    chart = next(c for c in ANALYZER.draw(result) if c.table == "attributions")

    assert "m minus f" in chart.caption
    assert "pairs of rows" in chart.caption
