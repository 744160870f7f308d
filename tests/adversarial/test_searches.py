"""Searches by questions against trying everything, on trees, under every rule and price."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier

from analyzers.adversarial import combination, tabular
from analyzers.adversarial.exchange import exchange
from analyzers.adversarial.found import Found
from analyzers.adversarial.params import AdversarialParams
from analyzers.adversarial.target import Target
from analyzers.core.model import Capability
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from analyzers.toolkit.feasible import space_of
from tests.adversarial.test_proof import COLUMNS, nearest_by_trying, one_hot, outcome, people
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of

N_ROWS = 12


def searched(estimator, seed, *, sight="scores", n_classes=2, **rules):
    """All searches on some rows of a table small enough to try everything."""
    frame = people(seed)
    codes = outcome(frame, seed, n_classes)
    model = EstimatorModel(one_hot(estimator).fit(frame, codes), Capability.PREDICT_PROBA)
    space = space_of(COLUMNS, frame, **rules)
    rows = frame.iloc[:N_ROWS].reset_index(drop=True)
    target = Target(model, space, rows, model.predict(rows), sight=sight)
    names = tuple("abc"[:n_classes])
    subject = subject_of(COLUMNS, classes=names, n_rows=len(frame))
    data = dataset_of(subject, frame)
    bench = Workbench(
        subject=subject, data=data, predictions=predictions_of(model, data), model=model,
        rng=np.random.default_rng(0),
    )  # fmt: skip
    params = AdversarialParams(knowledge=sight)
    return target, tabular.find_changes(target, bench, params), params


def hold_to_rules(target, found, params):
    rows = found.rows
    assert target.space.is_feasible(found.points[rows], target.originals[rows]).all()
    assert target.is_confirmed(found.points[rows], rows).all()
    assert (target.queries <= params.queries).all()
    sizes = target.space.distance(found.points[rows], target.originals[rows])
    np.testing.assert_allclose(sizes, found.distances[rows])


@pytest.mark.parametrize("costs", ["", "wage = 3; place = 0.5", "years = 0.25; plan = 2"])
@pytest.mark.parametrize("sight", ["scores", "labels only"])
def test_on_small_trees_the_smallest_change_is_within_five_percent(costs, sight):
    ratios = []
    for seed in range(3):
        tree = DecisionTreeClassifier(max_depth=3, random_state=0)
        target, found, params = searched(tree, seed, costs=costs, sight=sight)
        hold_to_rules(target, found, params)
        exact = nearest_by_trying(target)
        np.testing.assert_array_equal(np.isfinite(found.distances), np.isfinite(exact))
        ratios.append((found.distances / exact)[np.isfinite(exact)])
    ratios = np.concatenate(ratios)

    assert (ratios >= 1 - 1e-9).all(), "nearer than possible"
    assert (ratios <= 1.05).mean() >= 0.97
    assert ratios.max() <= 1.25


@pytest.mark.parametrize(
    "estimator",
    [
        RandomForestClassifier(20, max_depth=4, random_state=0),
        GradientBoostingClassifier(n_estimators=20, max_depth=3, random_state=0),
    ],
    ids=lambda item: type(item).__name__,
)
def test_on_many_trees_few_rows_miss_the_smallest_change(estimator):
    ratios = []
    for seed in range(3):
        target, found, params = searched(estimator, seed)
        exact = nearest_by_trying(target)
        hold_to_rules(target, found, params)
        known = np.isfinite(exact)
        ratios.append(found.distances[known] / exact[known])
    ratios = np.concatenate(ratios)

    assert (ratios >= 1 - 1e-9).all()
    assert (ratios <= 1.05).mean() >= 0.9


@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    seed=st.integers(0, 10_000),
    n_classes=st.integers(2, 3),
    frozen=st.sampled_from([(), ("years",), ("place", "wage")]),
    rising=st.sampled_from([(), ("wage",), ("years",)]),
    sight=st.sampled_from(["scores", "labels only"]),
)
def test_no_rule_and_no_limit_on_questions_is_broken(seed, n_classes, frozen, rising, sight):
    forest = RandomForestClassifier(5, max_depth=4, random_state=0)
    target, found, params = searched(
        forest, seed, n_classes=n_classes, frozen=frozen, rising=rising, sight=sight
    )

    hold_to_rules(target, found, params)
    assert (found.distances >= nearest_by_trying(target) * (1 - 1e-9)).all()


def test_where_effects_add_up_the_cheapest_set_is_found_at_once():
    frame = people(1)
    model = EstimatorModel(
        one_hot(LogisticRegression(C=10)).fit(frame, outcome(frame, 1, 2)), Capability.PREDICT_PROBA
    )
    space = space_of(COLUMNS, frame)
    rows = frame.iloc[:N_ROWS].reset_index(drop=True)
    target = Target(model, space, rows, model.predict(rows), sight="scores")
    found = Found(target)

    combination.search(
        target, found, target.originals, np.arange(N_ROWS), queries=200,
        rng=np.random.default_rng(0),
    )  # fmt: skip

    exact = nearest_by_trying(target)
    assert (target.queries <= 200).all()
    # Numbers move by a few sizes only, so a tenth is lost on them before anything is shrunk.
    assert np.median(found.distances / exact) <= 1.1


class OneOfTwo(EstimatorModel):
    """Says yes for a wage from 1.5 or from five years; one of them is much the cheaper."""

    def predict(self, inputs):
        return self.predict_proba(inputs).argmax(axis=1)

    def predict_proba(self, inputs):
        yes = (inputs["wage"] >= 1.5) | (inputs["years"] >= 5)
        return np.column_stack([~yes, yes]).astype(float)


def test_a_dear_change_is_exchanged_for_a_cheap_one():
    frame = people(2)
    space = space_of(COLUMNS, frame, costs="wage = 10")
    rows = frame.iloc[:1].assign(wage=0.2, years=3)
    target = Target(OneOfTwo(None), space, rows, np.zeros(1, dtype=np.int64), sight="labels only")
    found = Found(target)
    dear = target.originals.copy()
    dear[0, 0] = 1.5
    found.offer(dear, np.zeros(1, dtype=np.int64), np.ones(1), source="by hand")

    exchange(target, found, queries=500, rng=np.random.default_rng(0))

    assert found.points[0, 0] == pytest.approx(0.2)
    assert found.points[0, 1] == 5
    assert found.distances[0] == pytest.approx(nearest_by_trying(target)[0])


class Stairs:
    """No where the first number is small; behind a first cut a little of the second is enough."""

    kind, native = "stairs", None
    capabilities = frozenset({Capability.PREDICT_PROBA})

    def predict_proba(self, inputs):
        first, second = inputs["x0"].to_numpy(), inputs["x1"].to_numpy()
        score = np.where(first > 1.6, 0.9, np.where(first > 0.5, 0.2 + 0.6 * (second > 0.3), 0.1))
        return np.c_[1 - score, score]

    def predict(self, inputs):
        return self.predict_proba(inputs).argmax(axis=1)


def test_a_second_change_is_looked_for_behind_the_first_cut():
    names = [f"x{at}" for at in range(20)]
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200, 20)), columns=names)
    columns = tuple(
        Column(name=name, kind="number", role=Role.FEATURE, is_feature=True, minimum=-9, maximum=9)
        for name in names
    )
    space = space_of(columns, frame)
    rows = pd.DataFrame(np.zeros((4, 20)), columns=names)
    target = Target(Stairs(), space, rows, np.zeros(4, dtype=np.int64), sight="scores")
    found = Found(target)
    far = rows.to_numpy().copy()
    far[:, 0] = 1.7
    found.offer(far, np.arange(4), target.margins(far, np.arange(4)), source="a single change")

    exchange(target, found, queries=200, rng=np.random.default_rng(0))

    exact = np.sqrt((0.5 / space.scales[0]) ** 2 + (0.3 / space.scales[1]) ** 2)
    assert (target.queries <= 200).all()
    assert found.distances == pytest.approx(np.full(4, exact), rel=0.05)
