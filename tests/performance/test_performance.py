from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from analyzers.core.dataset import Predictions
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Verdict
from analyzers.performance import ANALYZER, PerformanceParams, at_threshold, decide_at
from analyzers.policies import load_policy
from tests.benches import CREDIT_COLUMNS, credit_bench, credit_frame, dataset_of, subject_of
from tests.performance.benches import bench_of, regression_bench

PARAMS = PerformanceParams(draws=200)


def measured(bench):
    return ANALYZER.measure(bench, PARAMS)


def values(measurements):
    return {name: item.value for name, item in measurements.estimates.items()}


def test_binary_metrics_agree_with_scikit_learn():
    bench = credit_bench(300)
    y, d = bench.predictions.labels, bench.predictions.predicted
    s = bench.predictions.scores[:, 1]
    oracle = {
        "accuracy": metrics.accuracy_score(y, d),
        "balanced_accuracy": metrics.balanced_accuracy_score(y, d),
        "precision": metrics.precision_score(y, d),
        "recall": metrics.recall_score(y, d),
        "specificity": metrics.recall_score(y, d, pos_label=0),
        "f1": metrics.f1_score(y, d),
        "matthews_correlation": metrics.matthews_corrcoef(y, d),
        "roc_auc": metrics.roc_auc_score(y, s),
        "average_precision": metrics.average_precision_score(y, s),
        "brier_score": metrics.brier_score_loss(y, s),
        "log_loss": metrics.log_loss(y, s),
    }

    found = values(measured(bench))

    for name, theirs in oracle.items():
        assert found[name] == pytest.approx(theirs, abs=1e-12), name
    training = bench.training_predictions
    gap = metrics.roc_auc_score(training.labels, training.scores[:, 1]) - oracle["roc_auc"]
    assert found["train_test_gap"] == pytest.approx(gap)


@settings(max_examples=30)
@given(st.integers(0, 10_000))
def test_every_value_lies_in_its_interval(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 40))
    scores = np.round(rng.random(n), int(rng.integers(1, 4)))
    bench = bench_of(rng.integers(-1, 2, n), scores)

    for name, item in measured(bench).estimates.items():
        if item.value is None:
            assert item.reason, name
        elif item.low is not None:
            assert item.low <= item.value + 1e-12, name
            assert item.value <= item.high + 1e-12, name


def test_expected_calibration_error_is_the_mean_distance_over_bins():
    scores = np.repeat([0.05, 0.15, 0.95], [10, 10, 20])
    labels = np.r_[np.ones(2), np.zeros(8), np.ones(1), np.zeros(9), np.ones(15), np.zeros(5)]

    estimate = measured(bench_of(labels.astype(int), scores)).estimates[
        "expected_calibration_error"
    ]

    assert estimate.value == pytest.approx((10 * 0.15 + 10 * 0.05 + 20 * 0.2) / 40)


def test_a_calibrated_model_mostly_stays_below_the_error_it_is_told_it_would():
    below = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        scores = rng.random(200)
        result = measured(bench_of((rng.random(200) < scores).astype(int), scores))
        error = result.estimates["expected_calibration_error"].value
        below += error <= result.facts["calibration_error_if_calibrated"]
    assert 88 <= below <= 99


def test_rows_without_an_outcome_are_left_out_and_counted():
    labels = np.array([1, 0, 1, -1, 0, -1])
    scores = np.array([0.9, 0.2, 0.4, 0.99, 0.7, 0.01])

    result = measured(bench_of(labels, scores))

    assert result.facts["n"] == 4
    assert result.facts["n_unlabelled"] == 2
    assert result.estimates["accuracy"].value == 0.5
    assert result.tables["scores"]["negatives"].to_pylist() == [1, 0, 1, 0]


def test_decisions_without_scores_say_so_and_are_still_measured():
    result = measured(bench_of(np.array([1, 0, 1, 0]), None, decisions=np.array([1, 0, 0, 0])))

    assert result.estimates["accuracy"].value == 0.75
    assert "no score" in result.estimates["roc_auc"].reason
    with pytest.raises(UnsuitableSubject, match="decisions only"):
        at_threshold(result, 0.5)


@pytest.mark.parametrize("labels", [[1, 1, 1], [0, 0, 0], [-1, -1, -1]])
def test_one_outcome_only_is_explained_and_not_a_number(labels):
    result = measured(bench_of(np.array(labels), np.array([0.2, 0.6, 0.9])))

    assert result.estimates["roc_auc"].value is None
    assert result.estimates["roc_auc"].reason
    verdicts = {f.indicator: f.verdict for f in ANALYZER.judge(result, load_policy("conventions"))}
    assert verdicts["performance.roc_auc"] == Verdict.NOT_TESTED
    ANALYZER.draw(result)


@given(st.floats(0, 1), st.integers(0, 50))
@settings(max_examples=40)
def test_the_slider_is_exact_at_any_threshold(threshold, seed):
    rng = np.random.default_rng(seed)
    labels, scores = rng.integers(0, 2, 60), rng.random(60)
    threshold = float(scores[0]) if seed % 2 else threshold
    result = measured(bench_of(labels, scores))

    table = at_threshold(result, threshold).to_pandas().set_index("metric")

    decisions = (scores >= threshold).astype(int)
    assert table.loc["accuracy", "value"] == pytest.approx(
        metrics.accuracy_score(labels, decisions)
    )
    assert table.loc["selection_rate", "value"] == pytest.approx(decisions.mean())
    again = measured(bench_of(labels, scores, decisions=decisions))
    lift = again.estimates["lift_over_majority"]
    assert table.loc["lift_over_majority", "value"] == pytest.approx(lift.value)
    assert table.loc["lift_over_majority", "low"] == pytest.approx(lift.low)


def test_a_result_at_another_threshold_is_judged_and_drawn_like_any_other():
    result = measured(credit_bench(200))

    moved = decide_at(result, 0.9)

    assert moved.facts["threshold"] == 0.9
    selected = moved.tables["confusion"].to_pandas()
    assert selected[selected["predicted"] == "yes"]["count"].sum() == round(
        moved.estimates["selection_rate"].value * 200
    )
    assert moved.estimates["roc_auc"] == result.estimates["roc_auc"]
    assert len(moved.tables["metrics"]) == len(result.tables["metrics"])
    assert moved.tables["metrics"].schema.equals(ANALYZER.tables["metrics"])
    assert len(ANALYZER.draw(moved)) == len(ANALYZER.draw(result))
    assert decide_at(result, 0.9).estimates == moved.estimates


def test_multiclass_metrics_agree_with_scikit_learn():
    rng = np.random.default_rng(0)
    scores = rng.dirichlet([1, 1, 1], 200)
    labels = np.where(rng.random(200) < 0.6, scores.argmax(axis=1), rng.integers(0, 3, 200))
    bench = bench_of(labels, scores, classes=("a", "b", "c"))
    predicted = scores.argmax(axis=1)

    result = measured(bench)

    found = values(result)
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(labels, predicted))
    assert found["balanced_accuracy"] == pytest.approx(
        metrics.balanced_accuracy_score(labels, predicted)
    )
    assert found["macro_f1"] == pytest.approx(metrics.f1_score(labels, predicted, average="macro"))
    assert found["macro_roc_auc"] == pytest.approx(
        metrics.roc_auc_score(labels, scores, multi_class="ovr", average="macro")
    )
    assert found["log_loss"] == pytest.approx(metrics.log_loss(labels, scores))
    matrix = result.tables["confusion"]["count"].to_numpy().reshape(3, 3)
    assert (matrix == metrics.confusion_matrix(labels, predicted)).all()
    per_class = result.tables["per_class"].to_pandas().set_index(["class", "metric"])["value"]
    theirs = metrics.precision_recall_fscore_support(labels, predicted)
    for place, name in enumerate("abc"):
        for metric, row in zip(("precision", "recall", "f1"), theirs, strict=False):
            assert per_class[name, metric] == pytest.approx(row[place])
    assert {chart.name for chart in ANALYZER.draw(result)} == {
        "confusion", "per_class", "calibration",
    }  # fmt: skip


def test_a_class_nobody_has_is_not_measured():
    scores = np.array([[0.8, 0.1, 0.1], [0.1, 0.8, 0.1]] * 4)
    result = measured(bench_of(np.array([0, 1] * 4), scores, classes=("a", "b", "c")))

    rows = result.tables["per_class"].to_pandas().set_index(["class", "metric"])
    assert np.isnan(rows.loc[("c", "recall"), "value"])
    assert rows.loc[("c", "recall"), "reason"]
    ANALYZER.draw(result)


def test_regression_metrics_agree_with_scikit_learn():
    bench = regression_bench(300)
    y, p = bench.predictions.labels, bench.predictions.predicted

    found = values(measured(bench))

    assert found["mean_absolute_error"] == pytest.approx(metrics.mean_absolute_error(y, p))
    assert found["median_absolute_error"] == pytest.approx(metrics.median_absolute_error(y, p))
    assert found["root_mean_squared_error"] == pytest.approx(metrics.root_mean_squared_error(y, p))
    assert found["r_squared"] == pytest.approx(metrics.r2_score(y, p))
    assert found["mean_error"] == pytest.approx((p - y).mean())


@pytest.mark.parametrize("name", ["r_squared", "median_absolute_error", "root_mean_squared_error"])
def test_regression_intervals_cover_as_often_as_they_say(name):
    truth = values(measured(regression_bench(200_000, seed=99)))[name]
    results = [measured(regression_bench(150, seed=seed)).estimates[name] for seed in range(300)]

    hits = sum(item.low <= truth <= item.high for item in results)

    assert hits / 300 >= 0.92


def test_a_constant_outcome_has_no_explained_variance():
    bench = regression_bench(20)
    flat = replace(bench.predictions, labels=np.full(20, 3.0))

    result = measured(replace(bench, predictions=flat))

    assert "same in every row" in result.estimates["r_squared"].reason


def test_golden_numbers_of_a_small_case():
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1, 1, 0])
    scores = np.array([0.1, 0.2, 0.6, 0.4, 0.9, 0.8, 0.3, 0.7, 0.55, 0.05])

    found = measured(bench_of(labels, scores)).estimates

    assert found["accuracy"].value == 0.8
    assert (found["accuracy"].low, found["accuracy"].high) == pytest.approx(
        (0.4902, 0.9433), abs=1e-4
    )
    assert found["roc_auc"].value == pytest.approx(0.88)
    assert found["average_precision"].value == pytest.approx((3 + 4 / 5 + 5 / 7) / 5)
    assert found["kolmogorov_smirnov"].value == pytest.approx(0.6)
    assert found["brier_score"].value == pytest.approx(0.1405)
    assert found["lift_over_majority"].value == pytest.approx(0.3)


def test_findings_say_the_number_the_interval_and_n():
    findings = ANALYZER.judge(measured(credit_bench(200)), load_policy("conventions"))

    for finding in findings:
        assert "95 % interval" in finding.headline
        assert "n = " in finding.headline
        assert finding.clauses
    by_name = {finding.indicator: finding for finding in findings}
    assert by_name["performance.roc_auc"].threshold.status == "tool default"


def test_many_distinct_scores_are_kept_on_a_grid_and_said_to_be(monkeypatch):
    monkeypatch.setattr("analyzers.performance.binary.MOST_EXACT_SCORES", 10)
    rng = np.random.default_rng(0)
    labels, scores = rng.integers(0, 2, 300), rng.random(300)

    result = measured(bench_of(labels, scores))

    assert result.facts["threshold_step"] == 1e-4
    assert "exact at multiples" in result.sampling[0]
    table = at_threshold(result, 0.3217).to_pandas().set_index("metric")
    assert table.loc["selection_rate", "value"] == pytest.approx((scores >= 0.3217).mean())


def test_without_training_data_the_gap_is_not_measured():
    bench = credit_bench(100)

    result = measured(replace(bench, training_predictions=None))

    assert "No training data" in result.estimates["train_test_gap"].reason


def test_training_decisions_without_scores_leave_the_gap_out():
    bench = credit_bench(100)
    bare = replace(bench.training_predictions, scores=None)

    result = measured(replace(bench, training_predictions=bare))

    assert result.estimates["train_test_gap"].value is None


def test_the_positive_class_need_not_be_the_last():
    frame = credit_frame(50, 0)
    subject = subject_of(CREDIT_COLUMNS, n_rows=50).model_copy(update={"positive_class": "no"})
    data = dataset_of(subject, frame)
    scores = np.column_stack([data.labels == 0, data.labels == 1]).astype(float)
    predictions = Predictions(
        rows=data.rows, labels=data.labels, predicted=data.labels, scores=scores
    )

    result = measured(
        replace(credit_bench(50), subject=subject, data=data, predictions=predictions)
    )

    assert result.facts["positive_class"] == "no"
    assert result.estimates["roc_auc"].value == 1
    assert result.estimates["selection_rate"].value == pytest.approx((data.labels == 0).mean())
