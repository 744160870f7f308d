import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzers.core.result import Estimate
from analyzers.toolkit.intervals import (
    clopper_pearson,
    difference_estimate,
    mean_estimate,
    percentile_interval,
    rate_estimate,
    wilson,
)

COUNTS = st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(COUNTS, st.sampled_from([0.8, 0.95, 0.99]))
def test_wilson_and_clopper_pearson_agree_with_scipy(counts, confidence):
    successes, n = counts
    oracle = stats.binomtest(successes, n)

    for ours, method in ((wilson, "wilson"), (clopper_pearson, "exact")):
        low, high = ours(successes, n, confidence=confidence)
        theirs = oracle.proportion_ci(confidence, method=method)
        assert low == pytest.approx(theirs.low, abs=1e-12)
        assert high == pytest.approx(theirs.high, abs=1e-12)


@given(COUNTS)
def test_intervals_of_a_rate_hold_it_and_mirror(counts):
    successes, n = counts
    for function in (wilson, clopper_pearson):
        low, high = function(successes, n)
        assert 0 <= low <= successes / n <= high <= 1
        mirrored = function(n - successes, n)
        assert mirrored.low == pytest.approx(1 - high, abs=1e-9)


def test_a_rate_of_nothing_is_not_measured():
    estimate = rate_estimate(0, 0)

    assert estimate.value is None
    assert estimate.reason


def test_a_rate_names_its_method():
    assert rate_estimate(3, 10).method == "Wilson"
    assert rate_estimate(3, 10, exact=True).method == "Clopper-Pearson"
    assert rate_estimate(3, 10, exact=True).low < rate_estimate(3, 10).low


def test_clopper_pearson_covers_at_least_as_often_as_it_says():
    for p in (0.01, 0.2, 0.5):
        k = np.arange(41)
        ends = [clopper_pearson(int(item), 40) for item in k]
        covers = np.array([low <= p <= high for low, high in ends])
        assert stats.binom.pmf(k, 40, p)[covers].sum() >= 0.95


def test_percentiles_leave_out_undefined_draws_and_give_up_when_most_are():
    draws = np.r_[np.arange(101.0), [np.nan] * 20]

    interval = percentile_interval(draws)

    assert interval == pytest.approx((2.5, 97.5))
    assert percentile_interval(np.r_[1.0, [np.nan] * 9]) is None


def test_the_mean_has_students_interval_whatever_the_order():
    values = np.random.default_rng(0).normal(3, 1e6, 1000)
    theirs = stats.ttest_1samp(values, 0).confidence_interval(0.95)

    estimate = mean_estimate(values)

    assert (estimate.low, estimate.high) == pytest.approx((theirs.low, theirs.high))
    assert mean_estimate(values[::-1]) == estimate
    assert mean_estimate(values[:1]).low is None
    assert mean_estimate(values[:0]).value is None


def test_the_difference_of_two_estimates_is_newcombes_interval():
    # Newcombe 1998, method 10, example: 56/70 - 48/80 is 0.0524 to 0.3339.
    difference = difference_estimate(rate_estimate(56, 70), rate_estimate(48, 80))

    assert difference.value == pytest.approx(0.2)
    assert (difference.low, difference.high) == pytest.approx((0.0524, 0.3339), abs=5e-5)


def test_a_difference_with_something_unmeasured_says_so():
    missing = Estimate.unmeasured("No rows.")

    assert difference_estimate(missing, rate_estimate(1, 2)).reason == "No rows."
    assert difference_estimate(Estimate(value=1.0, n=3), rate_estimate(1, 2)).low is None
