import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats
from sklearn import metrics

from analyzers.toolkit.rates import (
    RATES,
    balanced_accuracy,
    count_rate,
    f1_score,
    generalized_entropy,
    matthews_correlation,
    outcome_codes,
    rate_named,
    theil_index,
    treatment_ratio,
    wilson_ends,
)

BOTH_CLASSES = st.integers(2, 60).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
    )
)


def counts_of(labels, decisions):
    return np.bincount(outcome_codes(labels, decisions), minlength=6)


@given(BOTH_CLASSES)
def test_rates_agree_with_scikit_learn(pair):
    y, d = pair
    counts = counts_of(y, d)
    oracle = {
        "accuracy": metrics.accuracy_score(y, d),
        "true_positive_rate": metrics.recall_score(y, d, zero_division=np.nan),
        "true_negative_rate": metrics.recall_score(y, d, pos_label=0, zero_division=np.nan),
        "positive_predictive_value": metrics.precision_score(y, d, zero_division=np.nan),
        "negative_predictive_value": metrics.precision_score(
            y, d, pos_label=0, zero_division=np.nan
        ),
        "selection_rate": d.mean(),
        "base_rate": y.mean(),
    }
    for name, theirs in oracle.items():
        successes, trials = count_rate(counts, rate_named(name))
        assert (trials == 0) == np.isnan(theirs)
        if trials:
            assert successes / trials == pytest.approx(theirs, abs=1e-12)


@given(BOTH_CLASSES)
def test_combined_metrics_agree_with_scikit_learn(pair):
    y, d = pair
    counts = counts_of(y, d)

    f1 = metrics.f1_score(y, d, zero_division=np.nan)
    assert float(f1_score(counts)) == pytest.approx(f1, abs=1e-12, nan_ok=True)
    if 0 < y.mean() < 1:
        theirs = metrics.balanced_accuracy_score(y, d)
        assert float(balanced_accuracy(counts)) == pytest.approx(theirs, abs=1e-12)
        if 0 < d.mean() < 1:
            theirs = metrics.matthews_corrcoef(y, d)
            assert float(matthews_correlation(counts)) == pytest.approx(theirs, abs=1e-12)


def test_complements_add_up_to_one():
    counts = np.array([0, 0, 7, 3, 2, 9])
    value = {rate.name: np.divide(*count_rate(counts, rate)) for rate in RATES}

    assert value["true_positive_rate"] + value["false_negative_rate"] == pytest.approx(1)
    assert value["true_negative_rate"] + value["false_positive_rate"] == pytest.approx(1)


def test_rows_without_a_label_count_only_in_the_selection_rate():
    with_some = np.array([5, 4, 7, 3, 2, 9])
    without = np.array([0, 0, 7, 3, 2, 9])
    for rate in RATES:
        same = count_rate(with_some, rate) == count_rate(without, rate)
        assert same == (rate.name != "selection_rate"), rate.name


def test_treatment_ratio_is_not_defined_without_false_positives():
    assert float(treatment_ratio(np.array([0, 0, 5, 2, 6, 1]))) == 3
    assert np.isnan(treatment_ratio(np.array([0, 0, 5, 0, 6, 1])))


@given(BOTH_CLASSES)
def test_inequality_between_individuals_is_that_of_their_benefits(pair):
    y, d = pair
    benefit = (d - y + 1).astype(float)
    counts = counts_of(y, d)

    if benefit.sum() == 0:
        assert np.isnan(generalized_entropy(counts))
        assert np.isnan(theil_index(counts))
        return
    relative = benefit / benefit.mean()
    terms = np.where(relative > 0, relative * np.log(np.where(relative > 0, relative, 1)), 0)
    assert float(generalized_entropy(counts)) == pytest.approx((relative**2 - 1).mean() / 2)
    assert float(theil_index(counts)) == pytest.approx(terms.mean(), abs=1e-12)


@given(st.lists(st.integers(0, 400), min_size=1, max_size=20), st.integers(0, 400))
def test_many_wilson_intervals_at_once_agree_with_scipy(successes, more):
    s = np.array(successes)
    n = s + more

    low, high = wilson_ends(s, n)

    for place in range(len(s)):
        if n[place] == 0:
            assert np.isnan(low[place])
            assert np.isnan(high[place])
            continue
        theirs = stats.binomtest(int(s[place]), int(n[place])).proportion_ci(method="wilson")
        assert (low[place], high[place]) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
