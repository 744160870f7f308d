"""The verdict function: a closed table of cases, then properties over all numbers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.core.finding import Finding, Threshold, Verdict, judge_estimate, rate
from analyzers.core.result import Estimate

AT_LEAST = Threshold(indicator="x.ratio", direction="at_least", warn=0.9, fail=0.8, n_min=30)
AT_MOST = Threshold(indicator="x.gap", direction="at_most", warn=0.1, fail=0.2, n_min=30)


def estimate(
    value: float | None, low: float | None = None, high: float | None = None, n: int = 100
):
    return Estimate(value=value, low=low, high=high, n=n)


@pytest.mark.parametrize(
    ("given_estimate", "threshold", "expected"),
    [
        (estimate(0.95, 0.92, 0.98), AT_LEAST, Verdict.PASS),
        (estimate(0.90, 0.90, 0.90), AT_LEAST, Verdict.PASS),
        (estimate(0.95, 0.85, 0.99), AT_LEAST, Verdict.WARN),
        (estimate(0.95, 0.70, 0.99), AT_LEAST, Verdict.WARN),
        (estimate(0.75, 0.70, 0.85), AT_LEAST, Verdict.WARN),
        (estimate(0.75, 0.70, 0.79), AT_LEAST, Verdict.FAIL),
        (estimate(0.75), AT_LEAST, Verdict.FAIL),
        (estimate(0.75, 0.70, 0.79, n=29), AT_LEAST, Verdict.INCONCLUSIVE),
        (estimate(0.05, 0.01, 0.09), AT_MOST, Verdict.PASS),
        (estimate(0.15, 0.05, 0.18), AT_MOST, Verdict.WARN),
        (estimate(0.30, 0.21, 0.40), AT_MOST, Verdict.FAIL),
        (estimate(0.30, 0.19, 0.40), AT_MOST, Verdict.WARN),
        (estimate(None), AT_MOST, Verdict.NOT_TESTED),
        (estimate(0.30, 0.21, 0.40), None, Verdict.INCONCLUSIVE),
    ],
)
def test_verdict_follows_the_interval(given_estimate, threshold, expected):
    assert judge_estimate(given_estimate, threshold).verdict == expected


def test_a_limit_without_fail_never_fails():
    only_warn = Threshold(indicator="x.gap", direction="at_most", warn=0.1)

    assert judge_estimate(estimate(5.0, 4.0, 6.0), only_warn).verdict == Verdict.WARN


def test_no_verdict_without_its_reason():
    for case in (estimate(None), estimate(0.5, n=1), estimate(0.5)):
        judgement = judge_estimate(case, AT_LEAST if case.n == 1 else None)
        assert judgement.reason


numbers = st.floats(-10, 10)


@given(ends=st.lists(numbers, min_size=3, max_size=3), warn=numbers, gap=st.floats(0, 5))
def test_mirroring_numbers_and_direction_keeps_the_verdict(ends, warn, gap):
    low, value, high = sorted(ends)
    up = Threshold(indicator="x.y", direction="at_least", warn=warn, fail=warn - gap)
    down = Threshold(indicator="x.y", direction="at_most", warn=-warn, fail=-(warn - gap))

    assert (
        judge_estimate(estimate(value, low, high), up).verdict
        == judge_estimate(estimate(-value, -high, -low), down).verdict
    )


@given(ends=st.lists(numbers, min_size=3, max_size=3), shift=st.floats(0, 5))
def test_a_better_number_never_gets_a_worse_verdict(ends, shift):
    order = [Verdict.FAIL, Verdict.WARN, Verdict.PASS]
    low, value, high = sorted(ends)
    before = judge_estimate(estimate(value, low, high), AT_LEAST).verdict
    after = judge_estimate(estimate(value + shift, low + shift, high + shift), AT_LEAST).verdict

    assert order.index(after) >= order.index(before)


def finding(verdict: Verdict) -> Finding:
    return Finding(
        code="x.y", area="x", indicator="y", headline="h", estimate=estimate(1.0), verdict=verdict,
        remedy="r", reference="ref",
    )  # fmt: skip


def test_an_area_is_rated_by_its_worst_confirmed_verdict_never_an_average():
    rating = rate([finding(Verdict.PASS)] * 9 + [finding(Verdict.FAIL)])

    assert rating == (Verdict.FAIL, 10, 10)


def test_inconclusive_findings_lower_coverage_not_the_rating():
    rating = rate([finding(Verdict.PASS), finding(Verdict.INCONCLUSIVE)])

    assert rating == (Verdict.PASS, 1, 2)


def test_an_area_without_findings_is_not_tested():
    assert rate([]) == (Verdict.NOT_TESTED, 0, 0)
