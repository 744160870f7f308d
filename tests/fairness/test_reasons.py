from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score
from sklearn.metrics.cluster import mutual_info_score

from analyzers.core.finding import Verdict
from analyzers.core.subject import Column, Role
from analyzers.fairness import ANALYZER, FairnessParams, decide_at
from analyzers.fairness.conditions import ALL_STRATA
from analyzers.fairness.proxies import ALL_FEATURES
from analyzers.fairness.tradeoffs import CURRENT, ONE_EACH, ONE_FOR_ALL
from analyzers.policies import load_policy
from analyzers.toolkit.association import uncertainty_coefficient
from tests.benches import subject_of
from tests.fairness.benches import bench_of

CONVENTIONS = load_policy("conventions")


def with_features(bench, features):
    """The same bench with columns the model sees beside the sensitive ones."""
    columns = tuple(
        Column(name=name, kind="category", role=Role.FEATURE, is_feature=True) for name in features
    )
    subject = bench.subject.model_copy(update={"columns": (*bench.subject.columns, *columns)})
    frame = pd.concat([bench.data.frame, pd.DataFrame(features)], axis=1)
    return replace(bench, subject=subject, data=replace(bench.data, subject=subject, frame=frame))


def measured(bench, **params):
    return ANALYZER.measure(bench, FairnessParams(**{"draws": 200, **params}))


def berkeley(n=4000, *, is_paradox=True):
    """Women apply to the department that admits few; within departments they are admitted more."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["female", "male"], n)
    hard = rng.random(n) < np.where(sex == "female", 0.8, 0.2) * is_paradox + 0.5 * (not is_paradox)
    admitted = rng.random(n) < np.where(hard, 0.2, 0.7) + np.where(sex == "female", 0.1, 0.0)
    bench = bench_of({"sex": sex}, rng.integers(0, 2, n), admitted.astype(int))
    return with_features(bench, {"department": np.where(hard, "hard", "easy")}), sex, hard, admitted


def test_simpsons_paradox_is_found_and_named():
    bench, *_ = berkeley()

    findings = {f.code: f for f in ANALYZER.judge(measured(bench), CONVENTIONS)}

    finding = findings["fairness.sign_flips.sex"]
    assert finding.verdict == Verdict.WARN
    assert "department" in finding.headline
    assert finding.threshold.status == "mathematics"


def test_without_the_paradox_no_sign_is_said_to_turn():
    bench, *_ = berkeley(is_paradox=False)

    findings = {f.code: f for f in ANALYZER.judge(measured(bench), CONVENTIONS)}

    assert findings["fairness.sign_flips.sex"].verdict == Verdict.PASS


def test_strata_are_put_together_with_mantel_and_haenszels_weights():
    bench, sex, hard, admitted = berkeley()
    table = measured(bench).tables["conditions"].to_pandas().set_index("stratum")

    gaps, weights = [], []
    for stratum, name in ((False, "easy"), (True, "hard")):
        men, women = (admitted[(sex == who) & (hard == stratum)] for who in ("male", "female"))
        gaps.append(men.mean() - women.mean())
        weights.append(len(men) * len(women) / (len(men) + len(women)))
        assert table.loc[name, "value"] == pytest.approx(gaps[-1])
    assert table.loc[ALL_STRATA, "value"] == pytest.approx(np.average(gaps, weights=weights))
    plain = admitted[sex == "male"].mean() - admitted[sex == "female"].mean()
    assert table.loc[ALL_STRATA, "plain_difference"] == pytest.approx(plain)


def test_a_planted_proxy_is_found_alone_and_together():
    rng = np.random.default_rng(0)
    sex = rng.choice(["female", "male"], 900)
    job = np.where(rng.random(900) < 0.9, np.where(sex == "male", "x", "y"), "z")
    noise = rng.choice(["p", "q"], 900)
    bench = bench_of({"sex": sex}, rng.integers(0, 2, 900), rng.integers(0, 2, 900))

    result = measured(with_features(bench, {"job": job, "noise": noise}))

    table = result.tables["proxies"].to_pandas().set_index("feature")
    assert table.loc["job", "low"] > 0.7
    assert table.loc["noise", "low"] == 0
    assert table.loc["noise", "value"] < 0.02
    assert table.loc[ALL_FEATURES, "low"] > 0.9
    found = {f.code: f for f in ANALYZER.judge(result, CONVENTIONS)}
    assert "job alone removes" in found["fairness.attribute_predictability.sex"].headline


def test_the_uncertainty_coefficient_is_mutual_information_over_entropy():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 3, 5000), rng.integers(0, 4, 5000)
    b = np.where(rng.random(5000) < 0.5, a, b)
    table = np.zeros((3, 4), dtype=np.int64)
    np.add.at(table, (a, b), 1)
    shares = np.bincount(a) / 5000
    chance = 2 * 3 / (2 * 5000)

    oracle = (mutual_info_score(a, b) - chance) / -(shares * np.log(shares)).sum()

    assert float(uncertainty_coefficient(table)) == pytest.approx(oracle)
    assert float(uncertainty_coefficient(np.diag([5, 5]) * 1000)) == pytest.approx(1, abs=1e-3)
    assert float(uncertainty_coefficient(np.array([[5, 5], [0, 0]]))) == 0


def test_the_worst_slice_is_found_without_being_told_where_to_look():
    rng = np.random.default_rng(0)
    n = 3000
    city, job = rng.choice(["a", "b", "c"], n), rng.choice(["x", "y", "z"], n)
    sex = rng.choice(["f", "m"], n)
    is_bad = (city == "b") & (job == "y")
    labels = rng.integers(0, 2, n)
    wrong = rng.random(n) < np.where(is_bad, 0.7, 0.1)
    bench = bench_of({"sex": sex}, labels, np.where(wrong, 1 - labels, labels))

    result = measured(with_features(bench, {"city": city, "job": job}))

    table = result.tables["slices"].to_pandas()
    assert table.loc[0, "slice"] == "city: b and job: y"
    assert table.loc[0, "error_rate"] == pytest.approx(wrong[is_bad].mean())
    assert table.loc[0, "n_comparisons"] == 3 + 3 + 2 + 9 + 6 + 6
    finding = {f.code: f for f in ANALYZER.judge(result, CONVENTIONS)}[
        "fairness.worst_slice_difference"
    ]
    assert finding.verdict == Verdict.WARN
    assert "29 slices" in finding.headline


def test_where_errors_are_spread_evenly_no_slice_stands_out():
    rng = np.random.default_rng(3)
    n = 2000
    features = {name: rng.choice(["x", "y", "z"], n) for name in ("a", "b", "c")}
    labels, decisions = rng.integers(0, 2, n), rng.integers(0, 2, n)
    bench = bench_of({"sex": rng.choice(["f", "m"], n)}, labels, decisions)

    table = measured(with_features(bench, features)).tables["slices"].to_pandas()

    assert (table["p_adjusted"] > 0.05).all()


def scored(n=600, seed=0):
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    truth = rng.random(n) * 0.8 + 0.2 * (sex == "m")
    labels = (rng.random(n) < truth).astype(int)
    return bench_of({"sex": sex}, labels, scores=truth.round(3)), sex, labels, truth.round(3)


def test_the_trade_off_holds_the_model_every_threshold_and_equal_rates():
    bench, sex, labels, scores = scored()
    table = measured(bench).tables["tradeoffs"].to_pandas()
    rows = table[table["criterion"] == "demographic parity"]

    now = rows[rows["kind"] == CURRENT].iloc[0]
    decisions = (scores > 0.5).astype(int)
    assert now["accuracy"] == pytest.approx(accuracy_score(labels, decisions))
    rates = [decisions[sex == name].mean() for name in ("f", "m")]
    assert now["difference"] == pytest.approx(abs(rates[0] - rates[1]))
    for kind in (ONE_FOR_ALL, ONE_EACH):
        for row in rows[rows["kind"] == kind].iloc[5:50:9].to_dict("records"):
            cut = dict(zip(row["groups"], row["thresholds"], strict=True))
            chosen = scores >= np.array([np.inf if cut[s] is None else cut[s] for s in sex])
            assert row["accuracy"] == pytest.approx((chosen == labels).mean())
            gap = abs(chosen[sex == "f"].mean() - chosen[sex == "m"].mean())
            assert row["difference"] == pytest.approx(gap)
    each = rows[rows["kind"] == ONE_EACH]
    assert each["difference"].max() < 0.02
    assert each["is_best"].sum() == 1


def test_equal_opportunity_thresholds_equalise_the_true_positive_rate():
    bench, sex, labels, scores = scored()
    table = measured(bench).tables["tradeoffs"].to_pandas()

    best = table[
        (table["criterion"] == "equal opportunity") & (table["kind"] == ONE_EACH) & table["is_best"]
    ].iloc[0]
    cut = dict(zip(best["groups"], best["thresholds"], strict=True))
    rates = [(scores >= cut[name])[(sex == name) & (labels == 1)].mean() for name in ("f", "m")]

    assert abs(rates[0] - rates[1]) == pytest.approx(best["difference"])
    assert best["difference"] < 0.02


def test_moving_the_threshold_moves_the_model_on_the_trade_off():
    bench, _, labels, scores = scored()

    moved = decide_at(measured(bench), 0.7).tables["tradeoffs"].to_pandas()

    now = moved[moved["kind"] == CURRENT].iloc[0]
    assert now["accuracy"] == pytest.approx(((scores >= 0.7) == labels).mean())


def test_a_feature_without_a_shared_stratum_says_nothing():
    bench, sex, _, _ = scored(200)

    result = measured(with_features(bench, {"twin": np.where(sex == "f", "a", "b")}))

    assert result.tables["conditions"].num_rows == 0
    ANALYZER.judge(result, CONVENTIONS)


def test_the_search_can_be_left_out():
    bench, *_ = berkeley(400)

    result = measured(bench, search=False)

    assert not {"conditions", "proxies", "slices"} & set(result.tables)
    codes = {finding.indicator for finding in ANALYZER.judge(result, CONVENTIONS)}
    assert "fairness.sign_flips" not in codes


def test_features_that_cannot_be_groups_are_named_and_left_out():
    bench, *_ = berkeley(400)
    names = [f"n{number}" for number in range(400)]
    more = {f"f{number}": ["x", "y"] * 200 for number in range(25)}

    result = measured(with_features(bench, {"name": names, **more}))

    notes = " ".join(result.sampling)
    assert "name (Expected at most 100 groups" in notes
    assert "first 20 of 27 features" in notes


def test_every_reason_has_its_chart():
    bench, _, _, _ = scored()
    rng = np.random.default_rng(9)
    charts = ANALYZER.draw(measured(with_features(bench, {"city": rng.choice(["a", "b"], 600)})))

    assert {"tradeoffs", "conditions", "proxies", "slices"} <= {chart.table for chart in charts}


def test_a_text_model_has_no_features_to_search():
    bench, *_ = berkeley(200)
    subject = subject_of(bench.subject.columns, modality="text", n_rows=200, model=False)

    result = measured(replace(bench, subject=subject))

    assert "slices" not in result.tables
