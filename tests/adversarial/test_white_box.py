"""Tables whose model is known from inside: gradients within the rules, and proofs on the page."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from analyzers.adversarial import ANALYZER, AdversarialParams, constrained_gradient
from analyzers.adversarial.constrained_gradient import within
from analyzers.adversarial.found import Found
from analyzers.adversarial.table_slopes import open_slopes
from analyzers.adversarial.target import Target
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from analyzers.policies import load_policy
from analyzers.toolkit.feasible import space_of
from tests.adversarial.benches import plane_bench, value_bench
from tests.benches import EstimatorModel, credit_bench, predictions_of

COLUMNS = (
    Column(name="wage", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="least", kind="integer", role=Role.FEATURE, is_feature=True),
    Column(name="most", kind="integer", role=Role.FEATURE, is_feature=True),
    Column(name="place", kind="category", role=Role.FEATURE, is_feature=True),
    Column(name="plan", kind="category", role=Role.FEATURE, is_feature=True),
)


def people(seed: int, n_rows: int = 150) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    least = rng.integers(0, 30, n_rows)
    return pd.DataFrame(
        {
            "wage": rng.normal(30, 8, n_rows).round(2),
            "least": least,
            "most": least + rng.integers(0, 12, n_rows),
            "place": rng.choice(["east", "north", "west"], n_rows),
            "plan": rng.choice(["x", "y"], n_rows),
        }
    )


def fitted(estimator: Any, frame: pd.DataFrame, n_classes: int = 2, seed: int = 0) -> Any:
    rng = np.random.default_rng(seed)
    lean = (
        (frame["wage"] - 30) / 8 + (frame["most"] - 20) / 10 + 1.5 * (frame["place"] == "west")
        - (frame["plan"] == "y") + rng.normal(0, 0.3, len(frame))
    )  # fmt: skip
    codes = np.digitize(lean, np.quantile(lean, np.arange(1, n_classes) / n_classes))
    model = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(), ["place", "plan"]), (StandardScaler(), ["wage", "least", "most"])
        ),
        estimator,
    ).fit(frame, codes)
    return EstimatorModel(model, Capability.PREDICT_PROBA)


def network(activation: str = "relu") -> MLPClassifier:
    return MLPClassifier((12, 8), activation=activation, max_iter=60, random_state=0, solver="adam")


def target_of(
    model: Any, frame: pd.DataFrame, *, wanted: int | None = None, **rules: Any
) -> Target:
    space = space_of(COLUMNS, frame, keeps_relations=True, **rules)
    codes = model.predict(frame)
    rows = np.flatnonzero(codes != wanted)[:30] if wanted is not None else np.arange(30)
    return Target(
        model, space, frame.iloc[rows].reset_index(drop=True), codes[rows], sight="scores",
        wanted=wanted,
    )  # fmt: skip


def plain_steps(slopes: Any, target: Target, size: float, steps: int) -> np.ndarray:
    """PGD with one length of step, repaired after each: what the attack must not fall behind."""
    rows = np.arange(len(target.originals))
    points = target.originals.copy()
    fell = np.zeros(len(rows), dtype=bool)
    for _ in range(steps):
        climb = slopes.at(points, rows)
        length = np.linalg.norm(climb.slopes, axis=1, keepdims=True)
        step = climb.slopes / np.maximum(length, 1e-12) * (2.5 * size / steps)
        points = within(target, points + step * target.space.scales, rows, size)
        fell |= target.is_confirmed(points, rows)
    return fell


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 1000),
    size=st.sampled_from([0.3, 0.8, 1.5, 2.5]),
    frozen=st.sampled_from([(), ("wage",), ("place", "most")]),
    rising=st.sampled_from([(), ("wage",), ("least",)]),
    falling=st.sampled_from([(), ("most",)]),
    is_wanted=st.booleans(),
)
def test_gradient_steps_never_break_a_rule(seed, size, frozen, rising, falling, is_wanted):
    frame = people(seed)
    model = fitted(LogisticRegression(), frame, 3)
    target = target_of(
        model, frame, wanted=2 if is_wanted else None, frozen=frozen, rising=rising, falling=falling
    )
    assert target.space.relations
    found = Found(target)

    constrained_gradient.search(
        open_slopes(model, target), target, found, sizes=(size,), steps=12, restarts=2,
        rng=np.random.default_rng(seed),
    )  # fmt: skip

    rows = found.rows
    assert target.space.is_feasible(found.points[rows], target.originals[rows]).all()
    assert target.is_confirmed(found.points[rows], rows).all()
    assert (found.distances[rows] <= size * (1 + 1e-9)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_slopes_are_those_of_small_changes(activation):
    frame = people(1)
    model = fitted(network(activation), frame, 3)
    target = target_of(model, frame)
    rows = np.arange(len(target.originals))

    slopes = open_slopes(model, target)
    climb = slopes.at(target.originals, rows)

    nudged = target.originals.copy()
    nudged[:, 0] += 1e-4
    rise = (slopes.at(nudged, rows).margins - climb.margins) / 1e-4 * target.space.scales[0]
    np.testing.assert_allclose(climb.slopes[:, 0], rise, rtol=0.02, atol=1e-4)
    assert ((climb.margins > 0) == target.is_confirmed(target.originals, rows)).all()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("size", [0.5, 1.0, 1.5])
def test_it_does_not_fall_behind_plain_steps_with_repair(size):
    frame = people(2)
    model = fitted(network(), frame)
    target = target_of(model, frame)
    slopes, found = open_slopes(model, target), Found(target)

    constrained_gradient.search(
        slopes, target, found, sizes=(size,), steps=20, restarts=2, rng=np.random.default_rng(0)
    )

    plain = plain_steps(slopes, target, size, 20)
    assert np.isfinite(found.distances).sum() >= plain.sum()
    assert plain.any()


def test_on_a_plane_of_numbers_it_comes_near_the_exact_distance():
    frame = people(3)[["wage", "least", "most"]].astype(float) / 7.0
    columns = tuple(
        Column(
            name=name, kind="number", role=Role.FEATURE, is_feature=True, minimum=-99, maximum=99
        )
        for name in frame
    )
    codes = (frame["wage"] > frame["wage"].median()).astype(int)
    line = LogisticRegression().fit(frame, codes)
    model = EstimatorModel(line, Capability.PREDICT_PROBA)
    space = space_of(columns, frame)
    target = Target(model, space, frame[:20], model.predict(frame[:20]), sight="scores")
    found = Found(target)
    sizes = np.geomspace(0.001, 4, 120)

    constrained_gradient.search(
        open_slopes(model, target), target, found, sizes=tuple(sizes), steps=10, restarts=1,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    exact = np.abs(line.decision_function(frame[:20])) / np.linalg.norm(line.coef_ * space.scales)
    near = exact > 0.01
    assert (found.distances[near] >= exact[near] * (1 - 1e-9)).all()
    assert (found.distances[near] <= exact[near] * 1.08).all()


class TorchTable:
    """A torch module of logits on the columns themselves."""

    kind = "a torch module"
    capabilities = frozenset({Capability.PREDICT_PROBA, Capability.GRADIENT})

    def __init__(self, native: Any) -> None:
        self.native = native

    def tensor_of(self, inputs: Any) -> Any:
        import torch

        return torch.from_numpy(np.array(inputs, dtype=np.float32))

    def logits(self, tensor: Any) -> Any:
        return self.native(tensor)

    def gradient(self, inputs: Any, codes: Any) -> Any:
        raise NotImplementedError

    def predict(self, inputs: Any) -> Any:
        return self.predict_proba(inputs).argmax(axis=1)

    def predict_proba(self, inputs: Any) -> Any:
        import torch

        with torch.no_grad():
            return torch.softmax(self.native(self.tensor_of(inputs)).double(), dim=1).numpy()


def test_a_torch_network_on_a_table_is_attacked_by_its_gradients():
    import torch

    bench = plane_bench([1.0, -2.0, 0.5])
    torch.manual_seed(0)
    line = torch.nn.Linear(3, 2)
    with torch.no_grad():
        line.weight.copy_(torch.tensor([[0.0, 0.0, 0.0], [1.0, -2.0, 0.5]]))
        line.bias.zero_()
    bench = type(bench)(**{**vars(bench), "model": TorchTable(line)})

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, knowledge="whole model"))

    attacks = measured.tables["attacks"].to_pylist()
    assert attacks[0]["attack"] == "CAPGD"
    assert attacks[0]["n_broken"] > 5
    assert attacks[1]["n_broken"] == 0, "on a plane gradients leave nothing to a search"
    assert "gradients" in measured.tables["threat_model"]["statement"][2].as_py()
    assert "attacks" in [chart.name for chart in ANALYZER.draw(measured)]


@pytest.fixture(scope="module")
def known():
    params = AdversarialParams(rows=40, knowledge="whole model", examples=40)
    return ANALYZER.measure(credit_bench(), params)


def test_a_proof_is_said_with_interval_and_count(known):
    estimates = known.estimates
    assert estimates["proved_robust"].n == 40
    assert estimates["undecided"].value == 0
    assert estimates["smallest_proved"].value == 1
    # What is proved and what is flipped share out the rows.
    left = estimates["robust_accuracy"].value
    assert estimates["proved_robust"].value + estimates["undecided"].value == pytest.approx(left)
    said = [finding.headline for finding in ANALYZER.judge(known, load_policy("conventions"))]
    assert any("it is proved" in headline and "n = 40" in headline for headline in said)
    assert all("no smaller change does." in text
               for text in known.tables["examples"]["sentence"].to_pylist())  # fmt: skip


def test_proved_and_found_are_drawn_beside_each_other(known):
    names = [chart.name for chart in ANALYZER.draw(known)]
    curve = known.tables["proof_curve"].to_pandas()

    assert {"proof_curve", "search_gap"} <= set(names)
    assert (curve["proved"] <= curve["not_flipped"]).all()
    assert curve["proved"].is_monotonic_decreasing
    assert curve["size"].iloc[-1] == 2


def test_knowing_the_model_never_makes_the_attack_weaker(known):
    blind = ANALYZER.measure(credit_bench(), AdversarialParams(rows=40))

    inside = known.tables["rows"].to_pandas().set_index("row")["size"].fillna(np.inf)
    outside = blind.tables["rows"].to_pandas().set_index("row")["size"].fillna(np.inf)
    assert (inside <= outside[inside.index] * (1 + 1e-9)).all()


def test_a_model_without_an_inside_says_so_and_is_searched():
    measured = ANALYZER.measure(
        plane_bench([1.0, 2.0]), AdversarialParams(rows=20, knowledge="whole model")
    )

    assert "no trees" in measured.facts["inside_refused"]
    statement = measured.tables["threat_model"]["statement"][2].as_py()
    assert statement.startswith("Black-box")
    assert "could not be used" in statement
    assert measured.estimates["attack_success_rate"].value > 0


def test_a_model_without_slopes_is_refused():
    frame = people(0)
    target = target_of(fitted(LogisticRegression(), frame), frame)

    neighbours = fitted(KNeighborsClassifier(), frame)

    with pytest.raises(DoesNotFit, match="KNeighbors"):
        open_slopes(neighbours, target)


def test_the_most_a_prediction_can_move_is_proved_on_trees():
    bench = value_bench([1.0, -2.0, 0.5])
    features = bench.data.frame[["x0", "x1", "x2"]]
    trees = GradientBoostingRegressor(n_estimators=20, random_state=0)
    model = EstimatorModel(trees.fit(features, bench.data.frame["y"]))
    data = bench.data
    known = Workbench(
        subject=bench.subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    measured = ANALYZER.measure(known, AdversarialParams(rows=20, knowledge="whole model"))

    estimates, reach = measured.estimates, measured.tables["reach"].to_pandas()
    assert estimates["largest_proved"].value == 1
    assert (reach["search_found"] <= reach["largest_known"]).all()
    assert (reach["largest_known"] <= reach["no_more_than"]).all()
    assert estimates["median_ceiling"].value == pytest.approx(estimates["median_change"].value)
    said = [finding.headline for finding in ANALYZER.judge(measured, load_policy("conventions"))]
    assert any("moves more than half of the predictions" in headline for headline in said)
    assert "search_gap" in [chart.name for chart in ANALYZER.draw(measured)]


def test_a_proof_that_is_ended_early_keeps_what_it_has_and_says_so():
    bench = credit_bench()
    was_ended = False

    def track(iterable: Any, what: str, *, total: Any = None, so_far: Any = None) -> Any:
        nonlocal was_ended
        for number, item in enumerate(iterable):
            if what == "Proving the smallest change" and number == 4:
                assert so_far is not None
                assert so_far().done == 4
                was_ended = True
                return
            yield item

    ended = type(bench)(**{**vars(bench), "track": track, "was_ended": lambda: was_ended})

    measured = ANALYZER.measure(ended, AdversarialParams(rows=30, knowledge="whole model"))

    proof = measured.tables["proof"].to_pandas()
    assert measured.cut_short.startswith("Proofs were tried for 4 of")
    assert (proof["boxes"].iloc[4:] == 0).all()
    assert (proof["no_smaller_than"].iloc[4:] == 0).all()
    assert (proof["verdict"].iloc[4:] == "between the two").all()
    assert proof["verdict"].iloc[:4].str.startswith("proved").all()
