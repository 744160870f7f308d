"""Rebuilding models whose copies have a known agreement."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.tree import DecisionTreeClassifier

from analyzers.core.model import Capability
from analyzers.policies import load_policy
from analyzers.privacy.drawing import draw
from analyzers.privacy.extraction import BUDGETS, STRATEGIES, mixed_rows
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.benches import EstimatorModel, predictions_of
from tests.privacy.networks import network_bench
from tests.privacy.worlds import gaussian_bench


@cache
def robbed(name: str):
    estimator = {
        "tree": DecisionTreeClassifier(max_depth=3, random_state=0),
        "constant": DummyClassifier(strategy="prior"),
    }[name]
    bench = network_bench(300)
    estimator.fit(bench.training_data.inputs, bench.training_data.frame["y"])
    model = EstimatorModel(estimator, Capability.PREDICT_PROBA)
    return measure(
        replace(
            bench, model=model, predictions=predictions_of(model, bench.data),
            training_predictions=predictions_of(model, bench.training_data),
        ),
        PrivacyParams(extraction=True),
    )  # fmt: skip


def agreement(name: str, strategy: str) -> dict[int, float]:
    return {
        row["queries"]: row["value"]
        for row in robbed(name).tables["extraction"].to_pylist()
        if row["strategy"] == strategy
    }


@pytest.mark.parametrize("strategy", ["random", "margin"])
def test_more_questions_make_a_better_copy(strategy):
    found = agreement("tree", strategy)

    assert tuple(found) == BUDGETS
    assert found[3000] > found[30] + 0.1
    assert found[3000] > 0.85
    assert found[3000] > robbed("tree").estimates["agreement_of_a_constant"].high


def test_asking_where_the_copy_is_unsure_is_at_least_as_good():
    assert agreement("tree", "margin")[3000] >= agreement("tree", "random")[3000] - 0.02


def test_a_constant_model_is_rebuilt_with_the_fewest_questions():
    assert set(agreement("constant", "margin").values()) == {1.0}
    assert robbed("constant").estimates["agreement_of_a_constant"].value == 1.0


def test_mixed_rows_take_every_value_from_the_owned_rows():
    owned = pd.DataFrame({"a": [1.0, 2.0, None], "b": ["x", "y", "z"]})

    mixed = mixed_rows(owned, 50, np.random.default_rng(0))

    assert len(mixed) == 50
    pd.testing.assert_frame_equal(mixed.iloc[:3], owned)
    assert set(mixed["b"]) == {"x", "y", "z"}
    assert set(mixed["a"].dropna()) == {1.0, 2.0}


def test_the_finding_stands_beside_the_usual_answer():
    findings = {item.code: item for item in judge(robbed("tree"), load_policy("conventions"))}
    headline = findings["privacy.extraction"].headline

    assert "A copy made from 1,000 answers" in headline
    assert "n = 150" in headline
    assert "always giving the usual answer" in headline


def test_the_chart_has_a_line_for_each_way_to_ask():
    chart = next(item for item in draw(robbed("tree")) if item.name == "extraction")

    assert [trace["name"] for trace in chart.figure["data"]] == list(STRATEGIES.values())
    assert all(len(trace["x"]) == len(BUDGETS) for trace in chart.figure["data"])
    assert "n = 150" in chart.caption


def test_without_a_model_nothing_is_rebuilt_and_the_reason_is_given():
    measured = measure(gaussian_bench(80, 80), PrivacyParams(extraction=True))

    assert "extraction" not in measured.tables
    assert any(note.startswith("Model extraction is left out.") for note in measured.sampling)
