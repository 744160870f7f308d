"""Tables: known distances are found, every flip is real, nothing beats the attack."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.wording import BEYOND
from analyzers.core.errors import InvalidParameter, UnsuitableSubject
from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from analyzers.policies import load_policy
from tests.adversarial.benches import flowers_bench, plane_bench, value_bench
from tests.benches import EstimatorModel, credit_bench, dataset_of, predictions_of, subject_of

WEIGHTS = [1.0, -2.0, 0.5, 0.0, 3.0]


def exact_distances(bench: Workbench) -> np.ndarray:
    """Distance to a plane in standardised units: |w.x + b| over the norm of w times the scales."""
    model: Any = bench.model
    features = bench.data.frame[[column.name for column in bench.subject.features]].to_numpy()
    scales = features.std(axis=0)
    return np.abs(model.distance(features)) / np.linalg.norm(model.weights * scales)


@pytest.mark.parametrize("scores", [True, False])
def test_the_distance_to_a_plane_is_found_within_five_percent(scores):
    bench = plane_bench(WEIGHTS, scores=scores)

    rows = ANALYZER.measure(bench, AdversarialParams(rows=60)).tables["rows"].to_pandas()

    exact = exact_distances(bench)[rows["row"]]
    assert len(rows) == 60
    assert (rows["size"] >= exact * (1 - 1e-6)).all(), "nearer than possible"
    assert (rows["size"] <= exact * 1.05).all()


def test_rows_advance_in_step_and_stay_within_their_queries():
    bench = plane_bench(WEIGHTS)

    rows = ANALYZER.measure(bench, AdversarialParams(rows=100, queries=300)).tables["rows"]

    asked = rows["queries"].to_numpy()
    assert asked.min() > 0
    assert asked.max() <= 300
    model: Any = bench.model
    assert model.calls < 500, f"{model.calls} calls for {asked.sum()} questions"


@pytest.mark.parametrize("make", [credit_bench, flowers_bench])
def test_every_example_flips_when_its_listed_changes_are_made_by_hand(make):
    bench = make()
    measured = ANALYZER.measure(bench, AdversarialParams(rows=40, examples=40))
    changes = measured.tables["changes"].to_pandas()
    examples = measured.tables["examples"].to_pandas()
    assert len(examples) > 10

    for example in examples.itertuples():
        row = bench.data.frame.iloc[[example.row]].reset_index(drop=True)
        for change in changes[changes["example"] == example.example].itertuples():
            kind = row[change.feature].dtype
            row[change.feature] = pd.Series([change.to]).astype(kind)
        names = [column.name for column in bench.subject.features]
        code = bench.need_model().predict(row[names])[0]
        assert bench.subject.classes[code] == example.after
        assert example.after != example.before


def test_immutable_columns_never_change_and_are_listed():
    measured = ANALYZER.measure(credit_bench(), AdversarialParams(rows=60, examples=60))

    assert {"age", "sex"}.isdisjoint(measured.tables["changes"]["feature"].to_pylist())
    assert set(measured.tables["fixed_columns"]["feature"].to_pylist()) == {"age", "sex"}


def test_a_chosen_column_stays_fixed():
    params = AdversarialParams(rows=40, examples=40, frozen=("income",))

    measured = ANALYZER.measure(credit_bench(), params)

    assert "income" not in measured.tables["changes"]["feature"].to_pylist()


@pytest.mark.parametrize("make", [lambda: plane_bench(WEIGHTS), flowers_bench, credit_bench])
def test_accuracy_falls_with_size_and_noise_never_beats_the_attack(make):
    curve = ANALYZER.measure(make(), AdversarialParams(rows=60)).tables["curve"].to_pandas()

    assert curve["robust_accuracy"].is_monotonic_decreasing
    assert (curve["robust_accuracy"] <= curve["noise_accuracy"]).all()
    assert (curve["low"] <= curve["robust_accuracy"]).all()
    assert (curve["robust_accuracy"] <= curve["high"]).all()
    assert (curve["n"] == 60).all()


def test_in_many_dimensions_the_attack_needs_far_less_than_noise():
    measured = ANALYZER.measure(plane_bench([1.0] * 30), AdversarialParams(rows=50))

    gap = measured.estimates["gap_to_noise"]
    assert gap.low is not None
    assert gap.low > 0.2


@pytest.mark.parametrize("knowledge", ["scores", "labels only"])
def test_row_order_does_not_matter_and_the_seed_decides(knowledge):
    bench = flowers_bench()
    order = np.random.default_rng(3).permutation(len(bench.data))
    data = dataset_of(bench.subject, bench.data.frame.iloc[order].reset_index(drop=True))
    params = AdversarialParams(rows=40, queries=200, knowledge=knowledge)
    shuffled = Workbench(
        subject=bench.subject, data=data, model=bench.model, rng=np.random.default_rng(0),
        predictions=predictions_of(bench.need_model(), data),
    )  # fmt: skip

    first = ANALYZER.measure(bench, params)
    second = ANALYZER.measure(flowers_bench(), params)
    other = ANALYZER.measure(shuffled, params)

    assert first.estimates == second.estimates
    assert {name: table.to_pydict() for name, table in first.tables.items()} == {
        name: table.to_pydict() for name, table in second.tables.items()
    }
    for name, estimate in first.estimates.items():
        assert other.estimates[name].value == pytest.approx(estimate.value), name


def test_missing_values_stay_missing():
    from sklearn.ensemble import HistGradientBoostingClassifier

    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((200, 3)), columns=list("abc"))
    frame["y"] = np.where(frame["a"] + frame["b"] > 0, "yes", "no")
    frame.loc[::3, "a"] = np.nan
    columns = (
        *(Column(name=name, kind="number", role=Role.FEATURE, is_feature=True) for name in "abc"),
        Column(name="y", kind="category", role=Role.LABEL),
    )
    subject = subject_of(columns, n_rows=200)
    data = dataset_of(subject, frame)
    model = EstimatorModel(
        HistGradientBoostingClassifier(max_iter=20, random_state=0).fit(
            frame[list("abc")], frame["y"]
        ),
        Capability.PREDICT_PROBA,
    )
    bench = Workbench(
        subject=subject, data=data, model=model, predictions=predictions_of(model, data),
        rng=np.random.default_rng(0),
    )  # fmt: skip

    measured = ANALYZER.measure(bench, AdversarialParams(rows=60, examples=60))

    changes = measured.tables["changes"].to_pandas()
    assert len(changes)
    of_a = changes[changes["feature"] == "a"]
    assert frame["a"].iloc[of_a["row"]].notna().all()


def test_nothing_that_can_change_is_answered_with_a_sentence():
    bench = credit_bench(60)

    with pytest.raises(UnsuitableSubject, match=r"at least one column.*immutable"):
        ANALYZER.measure(bench, AdversarialParams(frozen=("income", "region")))


def test_a_constant_model_is_refused_since_an_attack_on_it_says_nothing():
    with pytest.raises(UnsuitableSubject, match="depends on the row, got 'no'"):
        ANALYZER.measure(plane_bench([0.0, 0.0, 0.0]), AdversarialParams(rows=30))


def test_where_nothing_that_matters_may_change_nothing_is_flipped_and_it_says_so():
    bench = plane_bench([1.0, 0.0, 0.0])

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, frozen=("x0",)))

    assert measured.estimates["attack_success_rate"].value == 0
    assert measured.estimates["median_size"].value is None
    assert measured.estimates["median_size"].reason
    assert ANALYZER.draw(measured)


def test_a_model_that_is_always_wrong_is_not_attacked():
    bench = plane_bench(WEIGHTS)
    frame = bench.data.frame.assign(y=bench.data.frame["y"].map({"no": "yes", "yes": "no"}))
    swapped = Workbench(**{**vars(bench), "data": dataset_of(bench.subject, frame)})

    measured = ANALYZER.measure(swapped, AdversarialParams(rows=30))

    assert measured.estimates["robust_accuracy"].value == 0
    assert "nothing to attack" in measured.estimates["attack_success_rate"].reason


def test_without_outcomes_any_other_answer_counts():
    bench = plane_bench(WEIGHTS)
    bare = bench.subject.model_copy(update={"target": None})
    data = dataset_of(bare, bench.data.frame)
    blind = Workbench(
        subject=bare, data=data, model=bench.model, predictions=bench.predictions,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    measured = ANALYZER.measure(blind, AdversarialParams(rows=30))

    assert measured.estimates["attack_success_rate"].n == 30
    goal = measured.tables["threat_model"]["statement"].to_pylist()
    assert any("any other answer" in text for text in goal)


def test_the_largest_change_of_a_plane_is_known():
    bench = value_bench([1.0, -2.0, 0.5])
    features = bench.data.frame[["x0", "x1", "x2"]].to_numpy()
    model: Any = bench.model
    steepest = np.linalg.norm(model.weights * features.std(axis=0))

    measured = ANALYZER.measure(bench, AdversarialParams(rows=40, budget=0.8))

    movement = measured.tables["movement"].to_pandas()
    assert movement["median_change"].is_monotonic_increasing
    assert (movement["median_change"] >= movement["noise_median_change"]).all()
    exact = movement["size"] * steepest
    assert (movement["median_change"] <= exact * (1 + 1e-9)).all(), "more than possible"
    assert (movement["median_change"] >= exact * 0.9).all()


def test_regression_examples_move_the_prediction_by_what_they_say():
    bench = value_bench([1.0, -2.0, 0.5])

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, examples=5))

    examples = measured.tables["examples"].to_pandas()
    assert len(examples) == 5
    assert (examples["size"] <= 1 + 1e-9).all()
    moved = (examples["after"].astype(float) - examples["before"].astype(float)).abs()
    assert (moved > 0).all()


def test_of_a_predicted_number_the_way_is_followed_size_by_size():
    bench = value_bench([1.0, -2.0, 0.5])

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, examples=5))

    examples = measured.tables["examples"].to_pandas().set_index("example")
    steps = measured.tables["example_steps"].to_pandas()
    for example, way in steps.groupby("example"):
        moved = (way["answer"].astype(float) - float(way["answer"].iloc[0])).abs()
        assert way["step"].iloc[0] == 0
        assert way["answer"].iloc[0] == examples["before"][example]
        assert way["answer"].iloc[-1] == examples["after"][example]
        assert moved.is_monotonic_increasing
        assert (way["size"] <= 1 + 1e-9).all()
        assert len(way) >= 3
    assert set(measured.tables["example_places"]["example"].to_pylist()) == set(examples.index)
    assert "size_histogram" not in measured.tables
    charts = {chart.name: chart for chart in ANALYZER.draw(measured)}
    assert "sizes" not in charts
    assert "predictions that were moved" in charts["weak_spots"].caption


def test_where_changes_cost_the_size_is_a_cost_and_no_deviation():
    bench = plane_bench([1.0, 2.0])

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, costs="x0 = 3"))

    headlines = " ".join(f.headline for f in ANALYZER.judge(measured, load_policy("conventions")))
    assert "units of cost" in headlines
    assert "standard deviation" not in headlines
    axes = [chart.figure["layout"].get("xaxis", {}) for chart in ANALYZER.draw(measured)]
    titles = " ".join(axis.get("title", {}).get("text", "") for axis in axes)
    titles = titles.replace("<br>", " ")
    assert "units of cost" in titles
    assert "standard deviations" not in titles


def test_examples_larger_than_the_stated_size_are_marked_and_come_last():
    measured = ANALYZER.measure(plane_bench([1.0, 2.0]), AdversarialParams(rows=60, budget=0.3))

    examples = measured.tables["examples"].to_pylist()
    within = [example["within_budget"] for example in examples]
    assert within == [example["size"] <= 0.3 for example in examples]
    assert within == sorted(within, reverse=True)
    assert {True, False} == set(within)
    for example in examples:
        assert example["sentence"].endswith(BEYOND) != example["within_budget"]
    (chart,) = (chart for chart in ANALYZER.draw(measured) if chart.name == "examples")
    assert "are larger than the stated size" in chart.caption
    # The example in the headline is one that the finding counts.
    assert not measured.facts["smallest_change"].endswith(BEYOND)


def test_the_size_of_a_whole_change_is_called_euclidean():
    measured = ANALYZER.measure(plane_bench([1.0, 2.0]), AdversarialParams(rows=30))

    headlines = [item.headline for item in ANALYZER.judge(measured, load_policy("conventions"))]
    said = "changes of at most 1 (Euclidean, in standard deviations)"
    assert any(said in headline for headline in headlines)


def test_a_wanted_answer_leaves_as_many_rows_as_were_asked_for():
    bench = three_way_bench()
    n_open = int((bench.data.labels != 1).sum())

    measured = ANALYZER.measure(bench, AdversarialParams(rows=40, queries=60, wanted="b"))

    assert measured.estimates["accuracy"].n == min(40, n_open)
    n = len(bench.data)
    assert f"{n - n_open:,} of {n:,} rows are left out" in " ".join(measured.sampling)
    goal = measured.tables["threat_model"]["statement"][1].as_py()
    assert f"{n_open:,} of {n:,} rows are of another class" in goal


def test_the_largest_movement_of_a_plane_of_many_columns_is_found():
    weights = np.random.default_rng(3).normal(size=30).tolist()
    bench = value_bench(weights)

    measured = ANALYZER.measure(bench, AdversarialParams(rows=20, budget=0.7))

    scales = bench.data.frame.iloc[:, :30].to_numpy().std(axis=0)
    exact = 0.7 * np.linalg.norm(np.array(weights) * scales)
    found = measured.estimates["median_change"].value
    # Five columns of thirty, one at a time, reach two thirds of it.
    assert 0.98 * exact < found <= exact * (1 + 1e-9)
    assert measured.estimates["queries"].value <= 600


@pytest.mark.parametrize("knowledge", ["scores", "labels only"])
def test_predicted_numbers_say_that_the_choice_of_labels_is_none(knowledge):
    params = AdversarialParams(rows=10, queries=40, knowledge=knowledge)

    measured = ANALYZER.measure(value_bench([1.0, 2.0]), params)

    assert "changes nothing" in measured.tables["threat_model"]["statement"][2].as_py()


def test_the_finding_says_how_many_were_right_before():
    measured = ANALYZER.measure(plane_bench([1.0, 2.0]), AdversarialParams(rows=30))

    before = measured.estimates["accuracy"].value
    (said,) = (
        finding.headline
        for finding in ANALYZER.judge(measured, load_policy("conventions"))
        if finding.code == "adversarial.robust_accuracy"
    )
    assert said.startswith(f"{100 * before:.0f} % of the answers are right; after ten random")


def three_way_bench():
    from sklearn.linear_model import LogisticRegression

    rng = np.random.default_rng(5)
    codes = rng.integers(0, 3, 240)
    centres = np.array([[0.0, 3.0], [-3.0, -2.0], [3.0, -2.0]])
    frame = pd.DataFrame(centres[codes] + rng.standard_normal((240, 2)), columns=["x0", "x1"])
    frame["y"] = np.array(["a", "b", "c"])[codes]
    columns = (
        Column(name="x0", kind="number", role=Role.FEATURE, is_feature=True),
        Column(name="x1", kind="number", role=Role.FEATURE, is_feature=True),
        Column(name="y", kind="category", role=Role.LABEL, levels=("a", "b", "c")),
    )
    subject = subject_of(columns, task="multiclass", classes=("a", "b", "c"), n_rows=240)
    data = dataset_of(subject, frame)
    fitted = LogisticRegression().fit(data.inputs, frame["y"])
    model = EstimatorModel(fitted, Capability.PREDICT_PROBA)
    return Workbench(
        subject=subject, data=data, training_data=None, model=model,
        predictions=predictions_of(model, data), training_predictions=None,
        rng=np.random.default_rng(0),
    )  # fmt: skip


@pytest.mark.parametrize("knowledge", ["scores", "labels only"])
def test_a_wanted_answer_is_the_only_one_that_counts(knowledge):
    found = ANALYZER.measure(
        three_way_bench(),
        AdversarialParams(rows=40, queries=400, budget=6.0, wanted="b", knowledge=knowledge),
    )

    rows = found.tables["rows"].to_pandas()
    assert set(rows["true"]) == {"a", "c"}
    assert set(rows["after"].dropna()) == {"b"}
    assert rows["after"].notna().mean() > 0.9
    assert found.facts["wanted"] == "b"
    (statement,) = [
        row["statement"] for row in found.tables["threat_model"].to_pylist()
        if "argeted" in row["statement"]
    ]  # fmt: skip
    assert "untargeted" not in statement


def test_a_wanted_answer_that_is_no_class_is_a_sentence():
    with pytest.raises(InvalidParameter, match="name of a class as the wanted answer"):
        ANALYZER.measure(three_way_bench(), AdversarialParams(wanted="d"))


def test_robustness_is_counted_for_every_class():
    found = ANALYZER.measure(three_way_bench(), AdversarialParams(rows=40, queries=300))

    groups = found.tables["by_group"].to_pandas()
    assert set(groups["group"]) == {"a", "b", "c"}
    assert groups["n"].sum() == 40
    whole = found.estimates["robust_accuracy"].value
    assert np.isclose((groups["robust_accuracy"] * groups["n"]).sum() / 40, whole)
