"""The shared numbers and the checks on the attack, against textbook values."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzers.adversarial.checks import large_budget_reaches_zero, weaker_does_not_win
from analyzers.adversarial.robustness import Outcome, median_estimate, robustness_estimates


def test_the_interval_of_a_median_is_the_binomial_one():
    values = np.arange(1.0, 21.0)

    estimate = median_estimate(values, "")

    # Conover's table: for n = 20 the 6th and the 15th value hold the median with 95.9 %.
    assert (estimate.value, estimate.low, estimate.high) == (10.5, 6.0, 15.0)


def test_the_interval_of_a_median_covers_what_it_says():
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        estimate = median_estimate(rng.exponential(size=25), "")
        hits += estimate.low <= np.log(2) <= estimate.high
    assert 0.945 <= hits / 2000 <= 0.985


def test_few_values_give_no_interval_and_say_so():
    assert median_estimate(np.array([1.0, 2.0]), "").low is None
    assert median_estimate(np.zeros(0), "nothing").reason == "nothing"


@given(st.integers(0, 40), st.integers(0, 40))
def test_a_weaker_attack_wins_only_beyond_chance(weak_only, strong_only):
    weak = np.r_[np.ones(weak_only), np.zeros(strong_only), np.ones(5), np.zeros(5)].astype(bool)
    strong = np.r_[np.zeros(weak_only), np.ones(strong_only), np.ones(5), np.zeros(5)].astype(bool)

    check = weaker_does_not_win("", strong, weak, "")

    n = weak_only + strong_only
    p = stats.binomtest(weak_only, n, alternative="greater").pvalue if n else 1.0
    assert check.holds == (p >= 0.05)
    assert (check.against, check.in_favour) == (weak_only, strong_only)


@pytest.mark.parametrize(("n_left", "holds"), [(0, True), (5, True), (6, False)])
def test_a_huge_change_may_leave_one_in_twenty(n_left, holds):
    assert large_budget_reaches_zero(np.arange(100) >= n_left, 1.0).holds == holds


def test_rates_are_counted_by_hand():
    outcome = Outcome(
        is_correct=np.array([True, True, True, True, False]),
        sizes=np.array([0.2, 0.9, np.inf, 1.4, np.inf]),
        noise_sizes=np.array([0.5, 1.0]),
        is_broken_by_noise=np.array([[1, 0, 0, 0, 0], [1, 0, 0, 0, 0]], dtype=bool),
    )

    found = robustness_estimates(outcome, 1.0)

    assert found["accuracy"].value == 0.8
    assert found["robust_accuracy"].value == 0.4
    assert found["noise_accuracy"].value == pytest.approx(0.6)
    assert (found["attack_success_rate"].value, found["attack_success_rate"].n) == (0.5, 4)
    assert found["gap_to_noise"].value == 0.25
    # Of 0.2, 0.9, 1.4 and one that withstood.
    assert found["median_size"].value == pytest.approx(1.15)
    assert found["median_size"].n == 4


def test_where_most_withstand_there_is_no_median_size():
    sizes = np.array([0.2, np.inf, np.inf, 0.3, np.inf])
    outcome = Outcome(np.ones(5, dtype=bool), sizes, np.array([1.0]), np.zeros((1, 5), dtype=bool))

    found = robustness_estimates(outcome, 1.0)["median_size"]

    assert found.value is None
    assert "withstand" in found.reason


def test_an_open_upper_end_is_no_interval():
    found = median_estimate(np.r_[np.linspace(0.1, 1, 12), np.full(8, np.inf)], "")

    assert found.value == pytest.approx(np.linspace(0.1, 1, 12)[[9, 10]].mean())
    assert found.low is None
    assert found.high is None
    assert "beyond all that was found" in found.reason
