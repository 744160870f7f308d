"""A pass mark comes from the reader's own limits alone, and then it is a verdict."""

import pytest

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.core.finding import Verdict
from analyzers.policies import load_policy
from analyzers.policies.own import Limit, own_policy
from tests.adversarial.benches import plane_bench

NAME = "adversarial.robust_accuracy"


@pytest.fixture(scope="module")
def measured():
    params = AdversarialParams(rows=100, queries=200, budget=0.6)
    return ANALYZER.measure(plane_bench([1.0, 1.0], n_rows=200), params)


def finding(measured, policy):
    (found,) = [item for item in ANALYZER.judge(measured, policy) if item.indicator == NAME]
    return found


def test_no_pack_of_ours_sets_a_pass_mark(measured):
    found = finding(measured, load_policy("conventions"))

    assert found.threshold is None
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "set your own limit" in found.reason


@pytest.mark.parametrize(
    ("warn", "fail", "verdict"),
    [
        (0.05, None, Verdict.PASS), (0.99, None, Verdict.WARN), (0.99, 0.95, Verdict.FAIL),
        (0.99, 0.01, Verdict.WARN),
    ],
)  # fmt: skip
def test_a_limit_set_on_the_page_yields_a_verdict(measured, warn, fail, verdict):
    estimate = measured.estimates["robust_accuracy"]
    assert 0.05 < estimate.low < estimate.high < 0.95
    policy = own_policy(
        load_policy("conventions"), [Limit(NAME, "at_least", warn, fail, 1)], title="Ours",
        decided="Risk committee, model risk policy 4.2", as_of="2026-11-23",
    )  # fmt: skip

    found = finding(measured, policy)

    assert found.verdict == verdict
    assert found.threshold is not None
    assert "Risk committee" in found.threshold.source
