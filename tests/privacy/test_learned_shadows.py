"""The attack learned on shadow models: nothing where nothing is, more where formulas miss it."""

from dataclasses import replace

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.tree import DecisionTreeClassifier

from analyzers.core.result import Estimate
from analyzers.privacy.calibration import roc_area
from analyzers.privacy.campaign import make_plan, train
from analyzers.privacy.learned_shadows import learned_on_shadows
from analyzers.privacy.likelihood import lira_online, rmia_online
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.refitting import EstimatorRecipe, Pool
from analyzers.privacy.shadows import Shadows
from tests.privacy.networks import network_bench


def shadows_of(target, answers, inside):
    return Shadows(target, answers, inside, [], Estimate.unmeasured("not asked"), "")


def found_at(values, is_member):
    cut = np.quantile(values[~is_member], 0.99, method="higher")
    return float((values[is_member] > cut).mean())


def test_it_finds_in_trees_what_the_formulas_miss():
    rows, codes = make_classification(1200, 20, n_informative=8, n_classes=4, random_state=0)
    pool = Pool(rows, codes.astype(np.int64), tuple("0123"))
    plan = make_plan(1200, 13, 0.5, np.random.default_rng(0))
    recipe = EstimatorRecipe(DecisionTreeClassifier(min_samples_leaf=3), "")
    trained = train(recipe, pool, plan)
    shadows = shadows_of(trained.answers[0], trained.answers[1:], plan.inside[1:])
    is_member = plan.inside[0]

    learned = learned_on_shadows(shadows, pool.codes, np.random.default_rng(0))

    areas = {
        name: roc_area(values[is_member], values[~is_member]).value
        for name, values in (
            ("learned", learned), ("lira", lira_online(shadows)), ("rmia", rmia_online(shadows)),
        )
    }  # fmt: skip
    assert areas["learned"] > max(areas["lira"], areas["rmia"]) + 0.05
    assert found_at(learned, is_member) > found_at(rmia_online(shadows), is_member)


@pytest.mark.parametrize("kind", ["independent", "constant"])
def test_a_target_without_memory_is_not_accused(kind):
    # The shadow models remember every record; the target was fitted on other people.
    rounds, covered, values = 20, 0, []
    for seed in range(rounds):
        rng = np.random.default_rng(seed)
        plan = make_plan(300, 8, 0.5, rng)
        hardness = rng.normal(0, 2, 300)
        answers = hardness + rng.normal(size=(8, 300)) + 2.0 * plan.inside
        target = hardness + rng.normal(size=300) if kind == "independent" else np.zeros(300)
        found = learned_on_shadows(
            shadows_of(target, answers, plan.inside), rng.integers(0, 2, 300), rng
        )
        estimate = roc_area(found[:150], found[150:])
        covered += estimate.low <= 0.5 <= estimate.high
        values.append(estimate.value)

    assert covered >= rounds - 4
    assert abs(np.mean(values) - 0.5) < 0.03


def test_too_few_models_teach_nothing():
    rng = np.random.default_rng(0)
    plan = make_plan(50, 4, 0.5, rng)
    shadows = shadows_of(np.zeros(50), np.zeros((4, 50)), plan.inside)

    assert learned_on_shadows(shadows, np.zeros(50, dtype=np.int64), rng) is None


def test_it_joins_the_attacks_and_can_be_switched_off():
    bench, seed = network_bench(60), 3
    names = [
        {
            row["attack"]
            for row in measure(replace(bench, rng=np.random.default_rng(seed)), params)
            .tables["attacks"]
            .to_pylist()
        }
        for params in (
            PrivacyParams(shadow_models="8"), PrivacyParams(shadow_models="8", learned=False)
        )
    ]  # fmt: skip

    assert names[0] - names[1] == {"learned", "learned_shadows"}
