"""Rules on the fitted model against what scikit-learn says of the same objects."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from analyzers.core.model import Capability
from analyzers.policies import load_policy
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.structure import (
    count_parameters,
    group_sizes,
    smallest_leaf,
    stored_records,
)
from tests.benches import EstimatorModel, predictions_of
from tests.privacy.networks import network_bench

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = (X[:, 0] + RNG.normal(size=120) > 0).astype(int)


def rules_of(estimator) -> dict[str, dict]:
    bench = network_bench(150)
    fitted = estimator.fit(bench.training_data.inputs, bench.training_data.frame["y"])
    model = EstimatorModel(fitted, Capability.PREDICT_PROBA)
    measured = measure(
        replace(
            bench, model=model, predictions=predictions_of(model, bench.data),
            training_predictions=predictions_of(model, bench.training_data),
        ),
        PrivacyParams(),
    )  # fmt: skip
    assert judge(measured, load_policy("conventions"))
    return {row["rule"]: row for row in measured.tables["structure"].to_pylist()}


def test_the_smallest_leaf_is_the_one_the_rows_fall_into():
    tree = DecisionTreeClassifier(min_samples_leaf=7, random_state=0).fit(X, Y)

    assert smallest_leaf(tree) == np.unique(tree.apply(X), return_counts=True)[1].min() >= 7


def test_forests_and_boosters_answer_for_their_worst_tree():
    forest = RandomForestClassifier(5, min_samples_leaf=4, random_state=0).fit(X, Y)
    boosted = GradientBoostingClassifier(n_estimators=4, min_samples_leaf=6).fit(X, Y)

    assert 1 < smallest_leaf(forest) < 12
    assert smallest_leaf(boosted) >= 6
    assert smallest_leaf(LogisticRegression().fit(X, Y)) is None


def test_models_that_keep_records_say_how_many():
    assert stored_records(KNeighborsClassifier().fit(X, Y)) == 120
    machine = SVC().fit(X, Y)
    assert stored_records(machine) == len(machine.support_vectors_)
    assert stored_records(DecisionTreeClassifier().fit(X, Y)) is None


def test_parameters_are_counted():
    stump = DecisionTreeClassifier(max_depth=1).fit(X, Y)
    network = MLPClassifier((5,), max_iter=1, solver="lbfgs")
    with pytest.warns(match="lbfgs"):
        network.fit(X, Y)

    assert count_parameters(stump) == 2 + 2
    assert count_parameters(LogisticRegression().fit(X, Y)) == 4
    assert count_parameters(network) == 3 * 5 + 5 + 5 + 1
    assert count_parameters(RandomForestClassifier(3, max_depth=1).fit(X, Y)) == 3 * 4
    assert count_parameters(KNeighborsClassifier().fit(X, Y)) is None


def test_equal_answers_are_grouped():
    scores = np.array([[0.2, 0.8], [0.2, 0.8], [0.5, 0.5], [0.2, 0.8]])

    assert group_sizes(scores).tolist() == [3, 3, 1, 3]


def test_a_tree_grown_to_the_end_breaks_every_rule_and_a_pruned_one_keeps_them():
    grown = rules_of(make_pipeline(StandardScaler(), DecisionTreeClassifier(random_state=0)))
    pruned = rules_of(DecisionTreeClassifier(min_samples_leaf=40, random_state=0))

    assert {name for name, row in grown.items() if row["is_broken"]} >= {
        "smallest_leaf", "class_disclosure",
    }  # fmt: skip
    assert grown["smallest_leaf"]["value"] == 1
    assert {name for name, row in pruned.items() if row["is_broken"]} <= {"class_disclosure"}
    assert pruned["small_groups"]["value"] == 0
    assert all(row["n"] == 150 for row in grown.values())


def test_neighbours_are_in_the_file():
    assert rules_of(KNeighborsClassifier(1))["stored_records"]["is_broken"]
