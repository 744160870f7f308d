"""Agreement, deletion, the layout of points, and how findings read and are judged."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from analyzers.core.finding import Threshold, Verdict
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import untracked
from analyzers.explanation.agreement import compare, mean_pairwise
from analyzers.explanation.faithfulness import replace_columns
from analyzers.explanation.judging import judge
from analyzers.explanation.layout import swarm_heights, value_shares
from analyzers.policies import load_policy

NO_LIMITS = Policy(name="none", version="1", title="None", as_of="2026-01-01")


def test_an_explanation_agrees_with_itself_and_not_with_its_mirror():
    values = np.random.default_rng(0).normal(size=(20, 12))

    same, mirrored = compare(values, values), compare(values, -values)

    assert (same.spearman == 1).all()
    assert (same.overlap == 1).all()
    assert same.conflicts.sum() == 0
    assert (mirrored.conflicts == mirrored.top).all()
    assert (mirrored.overlap == 1).all()


def test_random_explanations_reach_what_chance_gives():
    rng = np.random.default_rng(0)

    found = compare(rng.normal(size=(3000, 10)), rng.normal(size=(3000, 10)))

    assert found.spearman.mean() == pytest.approx(0, abs=0.02)
    assert found.overlap.mean() == pytest.approx(found.chance, abs=0.01)


def test_rank_correlations_are_those_of_scipy_on_the_sizes():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=(2, 1, 8))

    found = compare(first, second)

    assert found.spearman[0] == stats.spearmanr(np.abs(first[0]), np.abs(second[0])).statistic
    assert found.kendall[0] == stats.kendalltau(np.abs(first[0]), np.abs(second[0])).statistic


def test_a_flat_explanation_has_no_rank_correlation():
    assert np.isnan(compare(np.zeros((1, 4)), np.ones((1, 4))).spearman[0])


def test_all_pairs_of_runs_are_compared():
    assert len(mean_pairwise(np.random.default_rng(0).normal(size=(5, 6)))) == 10


@pytest.fixture
def numbers():
    return pd.DataFrame(np.random.default_rng(0).normal(size=(120, 6)))


def ask(frame):
    return frame[0].to_numpy() * 5 + frame[1].to_numpy()


def test_a_right_explanation_beats_a_random_order(numbers):
    right = np.abs(numbers.to_numpy()) * [5, 1, 0, 0, 0, 0]

    found = replace_columns(
        ask, numbers, right, numbers, rng=np.random.default_rng(0), track=untracked
    )

    assert found.deletion_gains.mean() > 1
    assert found.insertion_gains.mean() > 1
    assert (np.diff(found.deletion.explained[:, :3].mean(axis=0)) > -0.1).all()
    # The two columns that count are back: nothing is missing.
    assert found.insertion.explained[:, 1:].max() < 1e-9


def test_a_random_explanation_gains_nothing(numbers):
    noise = np.random.default_rng(7).normal(size=numbers.shape)

    found = replace_columns(
        ask, numbers, noise, numbers, rng=np.random.default_rng(0), track=untracked
    )

    for gains in (found.deletion_gains, found.insertion_gains):
        error = gains.std() / np.sqrt(len(numbers))
        assert abs(gains.mean()) < 4 * error


def test_a_wrong_explanation_loses_to_a_random_order(numbers):
    wrong = np.tile([0.0, 0, 1, 1, 1, 1], (120, 1))

    found = replace_columns(
        ask, numbers, wrong, numbers, rng=np.random.default_rng(0), track=untracked
    )

    assert found.deletion_gains.mean() < -0.5
    assert found.insertion_gains.mean() < -0.5


def test_points_of_equal_value_are_kept_apart():
    heights = swarm_heights(np.array([1.0, 1.0, 1.0, 9.0]))

    assert len(set(heights[:3])) == 3
    assert heights[3] == 0
    assert np.abs(heights).max() <= 0.4


@pytest.mark.parametrize("values", [[], [2.0], [3.0, 3.0]])
def test_few_points_are_laid_out_too(values):
    assert len(swarm_heights(np.array(values))) == len(values)


def test_shares_are_ranks_and_missing_stays_missing():
    shares = value_shares(np.array([30.0, np.nan, 10.0, 20.0, 10.0]))

    np.testing.assert_array_equal(shares, [1, np.nan, 0, 0.5, 0])


def findings_of(policy=NO_LIMITS, facts=None, **estimates):
    measurements = Measurements(estimates=estimates, facts=facts or {})
    return {finding.code: finding for finding in judge(measurements, policy)}


@pytest.mark.parametrize(
    ("error", "verdict"),
    [(1e-12, Verdict.PASS), (0.005, Verdict.WARN), (0.2, Verdict.FAIL)],
)
def test_values_that_do_not_add_up_fail_under_any_policy(error, verdict):
    for policy in (NO_LIMITS, load_policy("conventions")):
        found = findings_of(policy, additivity_error=Estimate(value=error, n=50))

        assert found["explanation.additivity_error"].verdict == verdict


@pytest.mark.parametrize(
    ("ends", "verdict"),
    [((0.1, 0.2), Verdict.PASS), ((-0.1, 0.2), Verdict.WARN), ((-0.3, -0.1), Verdict.FAIL)],
)
def test_an_explanation_must_beat_chance(ends, verdict):
    gain = Estimate(value=sum(ends) / 2, low=ends[0], high=ends[1], n=80)

    assert findings_of(faithfulness_gain=gain)["explanation.faithfulness_gain"].verdict == verdict


def test_few_rows_say_nothing_of_faithfulness():
    gain = Estimate(value=0.2, low=0.1, high=0.3, n=12)

    found = findings_of(faithfulness_gain=gain)["explanation.faithfulness_gain"]

    assert found.verdict == Verdict.INCONCLUSIVE


def test_without_an_accepted_limit_the_number_is_set_against_chance():
    overlap = Estimate(value=0.8, low=0.7, high=0.9, n=50)

    found = findings_of(facts={"n_top": 5, "n_features": 20}, shap_lime_overlap=overlap)
    finding = found["explanation.shap_lime_overlap"]

    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "No accepted limit" in finding.reason
    assert "LIME ranks 80% (70% to 90%) first too; chance alone gives 25%" in finding.headline


def test_an_organisations_own_limit_on_sensitive_columns_applies_to_each():
    policy = NO_LIMITS.model_copy(
        update={
            "thresholds": (
                Threshold(indicator="explanation.sensitive_share", direction="at_most", fail=0.1),
            )
        }
    )
    share = Estimate(value=0.3, low=0.25, high=0.35, n=100)

    found = findings_of(policy, **{"sensitive_share": share, "sensitive_share.sex": share})

    assert found["explanation.sensitive_share.sex"].verdict == Verdict.FAIL
    assert found["explanation.sensitive_share.sex"].concerns == "sex"
