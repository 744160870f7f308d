"""LiRA and RMIA: against a plain loop, on a network that remembers and one that cannot."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from analyzers.core.errors import Cancelled, UnsuitableSubject
from analyzers.core.finding import Verdict
from analyzers.core.result import Measurements
from analyzers.policies import load_policy
from analyzers.privacy.campaign import balanced_parts
from analyzers.privacy.drawing import draw
from analyzers.privacy.judging import judge
from analyzers.privacy.likelihood import RMIA_OFFSET, lira_offline, lira_online, rmia_offline
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.refitting import fit_anew
from analyzers.privacy.shadows import Shadows, doubt_of
from tests.privacy.networks import network_bench
from tests.privacy.worlds import gaussian_bench

SHADOWED = PrivacyParams(shadow_models="8")


@cache
def attacked(is_honest: bool) -> Measurements:
    return measure(network_bench(is_honest=is_honest), SHADOWED)


def points_of(measured: Measurements, attack: str) -> dict[float, dict]:
    rows = measured.tables["operating_points"].to_pylist()
    return {row["accepted_rate"]: row for row in rows if row["attack"] == attack}


def random_shadows(n_models=7, n_rows=50, seed=0) -> Shadows:
    rng = np.random.default_rng(seed)
    inside = balanced_parts(n_rows, n_models, 0.5, rng)
    answers = rng.normal(0, 1, inside.shape) + inside
    return Shadows(rng.normal(0.5, 1, n_rows), answers, inside, [], None, "")


def test_lira_is_that_of_a_plain_loop_over_records():
    shadows = random_shadows()
    residual_in, residual_out, means = [], [], []
    for row in range(50):
        mine = shadows.answers[:, row]
        own_in, own_out = mine[shadows.inside[:, row]], mine[~shadows.inside[:, row]]
        means.append((own_in.mean(), own_out.mean()))
        residual_in += list(own_in - own_in.mean())
        residual_out += list(own_out - own_out.mean())

    def spread(residuals):
        return np.sqrt(np.sum(np.square(residuals)) / (len(residuals) - 50))

    for row in range(50):
        answer, (with_it, without) = shadows.target[row], means[row]
        inside = stats.norm.logpdf(answer, with_it, spread(residual_in))
        outside = stats.norm.logpdf(answer, without, spread(residual_out))
        assert lira_online(shadows)[row] == pytest.approx(inside - outside)
        above = (answer - without) / spread(residual_out)
        assert lira_offline(shadows)[row] == pytest.approx(above)


def test_rmia_ranks_as_counting_the_population_does():
    shadows = random_shadows(seed=3)
    chance = 1 / (1 + np.exp(-shadows.answers))
    ratios = []
    for row in range(50):
        without = chance[~shadows.inside[:, row], row].mean()
        inside = RMIA_OFFSET * without + (1 - RMIA_OFFSET)
        ratios.append(1 / (1 + np.exp(-shadows.target[row])) / ((without + inside) / 2))
    counted = [(ratio / np.array(ratios[:25]) >= 1).mean() for ratio in ratios]

    assert rmia_offline(shadows) == pytest.approx(np.log(ratios))
    assert stats.spearmanr(rmia_offline(shadows), counted).statistic > 0.99


@pytest.mark.parametrize(("n_models", "share", "each"), [(8, 0.5, 4), (4, 0.9, 2), (16, 0.01, 2)])
def test_every_row_is_with_and_without_equally_many_models(n_models, share, each):
    inside = balanced_parts(200, n_models, share, np.random.default_rng(0))

    assert inside.sum(axis=0).tolist() == [each] * 200
    assert not (inside == inside[0]).all()


def test_shadow_models_find_more_at_few_false_accusations_than_the_loss_does():
    measured = attacked(False)
    loss, lira, chosen = (points_of(measured, name)[0.01]
                          for name in ("loss", "lira_online", "chosen"))  # fmt: skip

    # Not by luck: the exact intervals do not touch.
    assert lira["true_positive_low"] > loss["true_positive_high"]
    assert chosen["true_positive_low"] > loss["true_positive_high"]
    areas = {row["attack"]: row["value"] for row in measured.tables["attacks"].to_pylist()}
    assert areas["rmia_offline"] > areas["loss"] + 0.02
    assert measured.facts["auditor_grade"] == 2
    assert measured.facts["low_rate_attack"].startswith(("LiRA", "RMIA"))
    assert measured.facts["shadow_doubt"] == ""


def test_a_model_fitted_elsewhere_is_not_accused_by_its_shadows():
    measured = attacked(True)

    for row in measured.tables["attacks"].to_pylist():
        # Nine attacks looked at together: three standard errors rather than two.
        half = (row["high"] - row["low"]) / 2
        assert abs(row["value"] - 0.5) < 1.5 * half, row["attack"]
    for row in measured.tables["operating_points"].to_pylist():
        assert row["true_positive_low"] <= 0.02
    assert measured.estimates["epsilon_lower_bound"].value == 0.0
    assert "not made alike" in measured.facts["shadow_doubt"]


def test_the_attacks_stand_on_one_chart():
    titles = set(attacked(False).tables["roc"]["title"].to_pylist())

    assert {"Loss", "LiRA, online", "LiRA, offline", "RMIA, offline"} <= titles


def test_the_shadow_models_stand_beside_the_target_on_a_chart():
    chart = next(item for item in draw(attacked(False)) if item.name == "shadow_models")

    assert [len(trace["x"]) for trace in chart.figure["data"]] == [8, 1]
    assert "8 shadow models" in chart.caption


def test_row_order_does_not_matter_to_shadow_models():
    bench = network_bench(120)
    order = np.random.default_rng(4).permutation(120)
    predictions = bench.predictions
    moved = replace(
        bench, data=bench.data.take(order), rng=np.random.default_rng(0),
        predictions=replace(
            predictions, rows=predictions.rows[order], labels=predictions.labels[order],
            predicted=predictions.predicted[order], scores=predictions.scores[order],
        ),
    )  # fmt: skip
    params = PrivacyParams(shadow_models="4")

    first, again = measure(bench, params), measure(moved, params)

    assert again.tables["shadow_models"].equals(first.tables["shadow_models"])
    assert again.tables["attacks"].equals(first.tables["attacks"])


def test_they_are_off_unless_asked_for_and_the_page_says_what_they_need():
    measured = measure(network_bench(60), PrivacyParams())
    finding = {item.code: item for item in judge(measured, load_policy("conventions"))}[
        "privacy.shadow_held_out_difference"
    ]

    assert measured.facts["auditor_grade"] == 1
    assert "shadow_models" not in measured.tables
    assert finding.verdict == Verdict.NOT_TESTED
    assert "16 for a finding" in finding.remedy


def test_a_weak_attack_that_finds_little_is_no_pass_where_a_strong_one_is_possible():
    def verdict(shadow_models: str, *, refit: bool) -> Verdict:
        bench = network_bench(400, is_honest=True, refit=refit)
        found = judge(
            measure(bench, PrivacyParams(shadow_models=shadow_models)), load_policy("conventions")
        )
        return next(item.verdict for item in found if item.indicator == "privacy.attack_auc")

    assert verdict("off", refit=True) == Verdict.INCONCLUSIVE
    assert verdict("4", refit=True) == Verdict.PASS
    assert verdict("off", refit=False) == Verdict.PASS


@pytest.mark.parametrize("bench", [network_bench(60, refit=False), gaussian_bench(60, 60)])
def test_what_cannot_be_fitted_anew_is_attacked_without_and_says_why(bench):
    measured = measure(bench, SHADOWED)

    assert measured.estimates["attack_auc"].value is not None
    assert any("No shadow models were fitted. Expected" in note for note in measured.sampling)


class Refusing(LogisticRegression):
    def fit(self, x, y):
        raise RuntimeError("the licence server is away")


def test_a_model_that_refuses_gets_its_own_words():
    with pytest.raises(UnsuitableSubject, match=r"fitted anew on 2 rows.*licence server is away"):
        fit_anew(Refusing(), np.ones((4, 1)), np.array([0, 1, 0, 1]), np.array([0, 1]),
                 ("a", "b"), 0)  # fmt: skip


def test_cancelling_reaches_the_shadow_models():
    def stop(iterable, what, *, total=None, so_far=None):
        for item in iterable:
            if what.startswith("Training 8 shadow"):
                raise Cancelled
            yield item

    with pytest.raises(Cancelled):
        measure(replace(network_bench(60), track=stop), SHADOWED)


def test_labels_keep_the_names_the_settings_use():
    rows = pd.DataFrame({"x": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]})
    codes = np.array([1, 1, 1, 0, 0, 0])
    model = LogisticRegression(class_weight={"low": 1, "high": 5})
    model.fit(rows, np.array(["high", "low"])[codes])

    scores = fit_anew(model, rows, codes, np.arange(6), ("high", "low"), 0)

    assert roc_auc_score(codes, scores[:, 1]) == 1.0


@pytest.mark.parametrize("library", ["xgboost", "lightgbm"])
def test_wrappers_of_boosters_are_fitted_anew(library):
    module = pytest.importorskip(library)
    make = module.XGBClassifier if library == "xgboost" else module.LGBMClassifier
    settings = {} if library == "xgboost" else {"verbose": -1}
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.normal(size=(200, 2)), columns=["x", "z"])
    codes = (rows["x"] > 0).to_numpy(np.int64)
    model = make(n_estimators=5, n_jobs=1, **settings).fit(rows, codes)

    scores = fit_anew(model, rows, codes, np.arange(100), ("0", "1"), 0)

    assert roc_auc_score(codes, scores[:, 1]) > 0.95


def test_a_class_that_no_chosen_row_has_gets_no_probability():
    codes = np.array([0, 1, 0, 1, 2, 2])
    scores = fit_anew(LogisticRegression(), np.arange(6.0)[:, None], codes, np.arange(4),
                      ("a", "b", "c"), 0)  # fmt: skip

    np.testing.assert_array_equal(scores[:, 2], 0)
    np.testing.assert_allclose(scores.sum(axis=1), 1)


def test_other_accuracy_is_doubted_and_chance_is_not():
    def row(training, held_out):
        return {"training_accuracy": training, "held_out_accuracy": held_out,
                "n_training": 500, "n_held_out": 500}  # fmt: skip

    shadows = [row(0.95 + step / 1000, 0.8 - step / 1000) for step in range(8)]

    assert doubt_of([row(0.96, 0.79), *shadows]) == ""
    assert "on other rows is 0.797" in doubt_of([row(0.95, 0.65), *shadows])
    assert "fitted on is 0.95" in doubt_of([row(0.80, 0.80), *shadows])
