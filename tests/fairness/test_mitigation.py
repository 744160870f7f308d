from dataclasses import replace

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equalized_odds_difference
from sklearn.metrics import accuracy_score

from analyzers.core.errors import Cancelled
from analyzers.fairness import ANALYZER, FairnessParams, decide_at
from analyzers.fairness.retraining import undominated
from analyzers.fairness.thresholding import Rows, propose_thresholds, split_halves
from analyzers.fairness.tradeoffs import CURRENT
from tests.benches import credit_bench
from tests.fairness.benches import bench_of

RETRAIN = "thresholds and fitting again"


def unfair(n=4000, seed=0):
    """Scores that are lower for one group at the same chance of the outcome."""
    rng = np.random.default_rng(seed)
    sex = rng.choice(["f", "m"], n)
    chance = rng.random(n)
    labels = (rng.random(n) < chance).astype(int)
    scores = np.clip(chance - 0.25 * (sex == "f"), 0, 1).round(3)
    return sex, labels, scores


def measured(bench, **params):
    return ANALYZER.measure(bench, FairnessParams(**{"draws": 200, "search": False, **params}))


def value(table, mitigation, metric, group):
    rows = table[
        (table["mitigation"] == mitigation)
        & (table["metric"] == metric)
        & (table["group"] == group)
    ]
    return rows.iloc[0]


def test_thresholds_chosen_on_the_other_half_close_the_gap_they_are_meant_to_close():
    sex, labels, scores = unfair()
    table = measured(bench_of({"sex": sex}, labels, scores=scores)).tables["mitigations"]
    frame = table.to_pandas()

    between = {
        name: value(frame, name, "demographic_parity_difference", "between groups")["value"]
        for name in frame["mitigation"].unique()
    }
    assert between[CURRENT] > 0.2
    assert between["one threshold for each group: demographic parity"] < 0.05
    assert between["randomised thresholds (fairlearn): demographic parity"] < 0.05
    odds = value(
        frame, "randomised thresholds (fairlearn): equalised odds", "equalized_odds_difference",
        "between groups",
    )  # fmt: skip
    assert odds["value"] < 0.06
    assert odds["low"] <= odds["value"] <= odds["high"]


def test_the_decisions_that_can_be_downloaded_are_those_that_were_measured():
    sex, labels, scores = unfair(1200)
    tables = measured(bench_of({"sex": sex}, labels, scores=scores)).tables
    frame, decided = (tables[n].to_pandas() for n in ("mitigations", "mitigated_decisions"))

    for name, part in decided.groupby("mitigation"):
        assert part["row"].tolist() == list(range(1200))
        chosen = part["selected"].to_numpy()
        everyone = value(frame, name, "accuracy", "everyone")
        assert everyone["value"] == pytest.approx(accuracy_score(labels, chosen))
        assert everyone["n"] == 1200
        for metric, peer in (
            ("demographic_parity_difference", demographic_parity_difference),
            ("equalized_odds_difference", equalized_odds_difference),
        ):
            ours = value(frame, name, metric, "between groups")["value"]
            assert ours == pytest.approx(peer(labels, chosen, sensitive_features=sex))
        before = part["selected_by_model"].to_numpy()
        change = accuracy_score(labels, chosen) - accuracy_score(labels, before)
        assert value(frame, name, "accuracy_change", "everyone")["value"] == pytest.approx(change)


def test_halves_hold_half_of_every_group_and_outcome():
    rng = np.random.default_rng(0)
    groups, labels = rng.integers(0, 3, 301), rng.integers(-1, 2, 301)

    half = split_halves(groups, labels, rng)

    for group in range(3):
        for label in (-1, 0, 1):
            mine = half[(groups == group) & (labels == label)]
            assert abs(2 * mine.sum() - len(mine)) <= 1


def test_no_threshold_is_chosen_with_the_outcome_of_the_row_it_decides():
    sex, labels, scores = unfair(800)
    rows = Rows(
        ("f", "m"), (sex == "m").astype(np.int64), labels, (scores > 0.5).astype(np.int64), scores
    )
    half = split_halves(rows.groups, labels, np.random.default_rng(7))
    # Turning the outcomes of one half within each group keeps the split and its counts by group.
    turned = labels.copy()
    for group in (0, 1):
        mine = np.flatnonzero((half == 0) & (rows.groups == group))
        turned[mine] = np.random.default_rng(1).permutation(labels[mine])

    one, other = (
        next(propose_thresholds(part, FixedSplit(half), smallest=10)).decisions
        for part in (rows, rows._replace(labels=turned))
    )

    # The first half is decided by thresholds of the second, whose outcomes did not change.
    assert (one[half == 0] == other[half == 0]).all()


class FixedSplit:
    """A generator whose permutation leads to a given split whatever the labels are."""

    def __init__(self, half):
        self._half = half

    def permutation(self, n):
        return np.arange(n)


@pytest.fixture(autouse=True)
def _fixed_split(monkeypatch):
    from analyzers.fairness import thresholding

    plain = thresholding.split_halves

    def split(groups, labels, rng):
        return rng._half if isinstance(rng, FixedSplit) else plain(groups, labels, rng)

    monkeypatch.setattr(thresholding, "split_halves", split)


def test_a_small_group_keeps_the_models_decisions():
    sex, labels, scores = unfair(900)
    sex = np.where(np.arange(900) < 15, "x", sex)
    decided = measured(bench_of({"sex": sex}, labels, scores=scores)).tables["mitigated_decisions"]
    frame = decided.to_pandas()

    few = frame[frame["row"] < 15]
    assert (few["selected"] == few["selected_by_model"]).all()
    assert (frame["selected"] != frame["selected_by_model"]).any()


def test_the_model_is_fitted_again_and_measured_on_other_rows():
    bench = credit_bench(600)
    result = measured(bench, mitigate=RETRAIN, rounds=4, attributes=("sex",))
    frame = result.tables["mitigations"].to_pandas()

    kinds = set(frame["kind"])
    assert {"fitted again (exponentiated gradient)", "fitted again (grid search)"} <= kinds
    name = "fitted again (exponentiated gradient): demographic parity"
    now = value(frame, CURRENT, "demographic_parity_difference", "between groups")
    then = value(frame, name, "demographic_parity_difference", "between groups")
    assert then["value"] < now["value"]
    assert value(frame, name, "accuracy", "everyone")["n"] == 600
    again = measured(bench_again(bench), mitigate=RETRAIN, rounds=4, attributes=("sex",))
    assert again.tables["mitigated_decisions"].equals(result.tables["mitigated_decisions"])


def bench_again(bench):
    return replace(bench, rng=np.random.default_rng(0))


def test_where_the_model_cannot_be_fitted_again_the_reason_is_given():
    bench = credit_bench(300)
    for without, reason in (
        ({"model": None}, "needs a scikit-learn model"),
        ({"training_data": None}, "needs the training data"),
    ):
        result = measured(replace(bench, **without), mitigate=RETRAIN)
        assert any(reason in note for note in result.sampling)
        assert "mitigations" in result.tables


def test_fitting_again_can_be_cancelled_between_two_fits():
    fits = []

    def stop(iterable, what, *, total=None, so_far=None):
        for item in iterable:
            if what.startswith("Fitting"):
                fits.append(what)
                if len(fits) > 2:
                    raise Cancelled
            yield item

    bench = replace(credit_bench(300), track=stop)
    with pytest.raises(Cancelled):
        measured(bench, mitigate=RETRAIN, attributes=("sex",))
    assert len(fits) == 3


def test_other_decisions_can_be_left_out_and_do_not_follow_the_slider():
    sex, labels, scores = unfair(400)
    bench = bench_of({"sex": sex}, labels, scores=scores)

    assert "mitigations" not in measured(bench, mitigate="no").tables
    assert "mitigations" not in decide_at(measured(bench_again(bench)), 0.7).tables


def test_the_chart_has_the_model_on_it_and_says_the_price():
    sex, labels, scores = unfair(900)
    charts = ANALYZER.draw(measured(bench_of({"sex": sex}, labels, scores=scores)))

    mine = [chart for chart in charts if chart.table == "mitigations"]
    assert len(mine) == 2
    assert CURRENT in {trace["name"] for trace in mine[0].figure["data"]}
    assert "accuracy changes by" in mine[0].sentence
    assert "n = 900" in mine[0].caption


def test_undominated_points_are_those_nobody_beats():
    assert undominated(np.array([1.0, 2, 3, 2]), np.array([3.0, 2, 2.5, 2])) == [0, 1, 3]
