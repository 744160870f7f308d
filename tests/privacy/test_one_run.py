"""The one-run audit: closed forms, a training with a known epsilon, and one that remembers."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scipy import optimize, stats
from sklearn.base import BaseEstimator, ClassifierMixin

from analyzers.core.finding import Verdict
from analyzers.core.model import Capability
from analyzers.policies import load_policy
from analyzers.privacy.canaries import canary_exposure, exposure_of_none, exposures
from analyzers.privacy.drawing import draw
from analyzers.privacy.guessing_bound import best_of, chance_of, guesses_of, one_run_bound
from analyzers.privacy.judging import judge
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from tests.benches import EstimatorModel, predictions_of
from tests.privacy.networks import network_bench

DELTA = 1e-5


class NoisyRegression(ClassifierMixin, BaseEstimator):
    """Logistic regression by clipped gradients with noise (Abadi et al. 2016, whole batch).

    Every step adds noise of `noise` times the largest influence of one record, so that `steps` of
    them are one Gaussian mechanism with mean sqrt(steps) / noise.
    """

    def __init__(self, noise=1.0, steps=20, rate=2.0, random_state=0):
        self.noise, self.steps = noise, steps
        self.rate, self.random_state = rate, random_state

    def fit(self, rows, labels):
        rng = np.random.default_rng(self.random_state)
        rows = np.asarray(rows, dtype=float)
        self.classes_ = np.array(["0", "1", "2"])
        truth = np.asarray(labels)[:, None] == self.classes_
        self.weights_ = np.zeros((rows.shape[1], 3))
        for _ in range(self.steps):
            blame = truth - self.predict_proba(rows)
            norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(blame, axis=1)
            slope = rows.T @ (blame / np.maximum(norms, 1.0)[:, None])
            slope += rng.normal(0, self.noise, slope.shape)
            self.weights_ += self.rate * slope / len(rows)
        return self

    def predict_proba(self, rows):
        raw = np.asarray(rows, dtype=float) @ self.weights_
        chance = np.exp(raw - raw.max(axis=1, keepdims=True))
        return chance / chance.sum(axis=1, keepdims=True)


def gaussian_epsilon(noise: float, steps: int) -> float:
    """The exact epsilon at DELTA (Balle and Wang 2018, theorem 8)."""
    mean = math.sqrt(steps) / noise

    def excess(epsilon):
        return (
            stats.norm.cdf(mean / 2 - epsilon / mean)
            - math.exp(epsilon) * stats.norm.cdf(-mean / 2 - epsilon / mean)
            - DELTA
        )

    return optimize.brentq(excess, 0, 500)


def audited(noise: float, *, seed=0, steps=20, claimed=0.0, records=100, **params):
    bench = network_bench(200, seed=seed, refit=False)
    fitted = NoisyRegression(noise, steps, random_state=seed).fit(
        bench.training_data.inputs, bench.training_data.frame["y"]
    )
    model = EstimatorModel(fitted, Capability.PREDICT_PROBA, Capability.REFIT)
    bench = replace(
        bench, model=model, predictions=predictions_of(model, bench.data),
        training_predictions=predictions_of(model, bench.training_data),
    )  # fmt: skip
    asked = PrivacyParams(
        audited_records=records, claimed_epsilon=claimed, claimed_delta=DELTA, **params
    )
    measured = measure(bench, asked)
    found = judge(measured, load_policy("conventions"))
    return measured, {item.code: item for item in found}.get("privacy.audited_epsilon")


def test_all_guesses_right_without_delta_is_the_closed_form():
    bound = one_run_bound(80, 80, n_records=200, delta=0.0)

    # q^80 = 0.05 with q = e^eps / (1 + e^eps).
    chance = 0.05 ** (1 / 80)
    assert bound == pytest.approx(math.log(chance / (1 - chance)))


def test_the_tail_is_that_of_a_plain_loop():
    n_right, n_guesses, n_records, epsilon = 33, 50, 80, 0.4
    right = 1 / (1 + math.exp(-epsilon))
    tail = stats.binom.sf(n_right - 1, n_guesses, right)
    worst = max(
        (stats.binom.sf(n_right - 1 - short, n_guesses, right) - tail) / short
        for short in range(1, n_records + 1)
    )

    chance = chance_of(n_right, n_guesses, epsilon, n_records=n_records, delta=0.001)

    assert chance == pytest.approx(tail + 2 * n_records * 0.001 * worst)


@pytest.mark.parametrize("n_right", [40, 50])
def test_half_right_proves_nothing(n_right):
    assert one_run_bound(n_right, 100, n_records=100, delta=DELTA) == 0.0


def test_a_larger_delta_never_proves_more():
    bounds = [one_run_bound(90, 100, n_records=200, delta=delta) for delta in (0, 1e-5, 1e-3, 0.01)]

    assert bounds == sorted(bounds, reverse=True)
    assert bounds[0] > bounds[-1]


def test_the_bound_holds_as_often_as_it_says():
    # Randomised response is the best any guesser can do under pure epsilon.
    epsilon, n, rounds = 1.0, 200, 400
    rng = np.random.default_rng(0)
    is_in = rng.random((rounds, n)) < 0.5
    is_kept = rng.random((rounds, n)) < 1 / (1 + math.exp(-epsilon))
    said = np.where(is_kept, is_in, ~is_in) + rng.normal(0, 1e-6, (rounds, n))

    bounds = np.array(
        [best_of(guesses_of(said[at], is_in[at], delta=0.0)).epsilon for at in range(rounds)]
    )

    assert (bounds > epsilon).mean() <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / rounds)
    # Not by saying nothing.
    assert np.median(bounds) > 0.4


def test_a_training_with_a_known_epsilon_keeps_it():
    noise, steps = 6.0, 20
    epsilon = gaussian_epsilon(noise, steps)

    bounds = [audited(noise, seed=seed, steps=steps)[0].estimates["audited_epsilon"].value
              for seed in range(6)]  # fmt: skip

    assert 2 < epsilon < 4
    assert max(bounds) <= epsilon
    _, finding = audited(noise, steps=steps, claimed=epsilon)
    assert finding.verdict == Verdict.INCONCLUSIVE
    assert "does not contradict" in finding.reason


def test_a_training_that_remembers_refutes_a_claim():
    bench = network_bench(200)
    asked = PrivacyParams(audited_records=100, claimed_epsilon=1.0)
    measured = measure(bench, asked)
    finding = next(item for item in judge(measured, load_policy("conventions"))
                   if item.code == "privacy.audited_epsilon")  # fmt: skip

    assert measured.estimates["audited_epsilon"].value > 1.5
    assert measured.estimates["audited_epsilon"].n == 100
    assert finding.verdict == Verdict.FAIL
    assert "refutes the claim of epsilon 1" in finding.headline


def test_exposure_is_counted_by_hand():
    found = exposures(np.array([9.0, 0.0, 2.0]), np.array([1.0, 2.0, 3.0]))

    np.testing.assert_allclose(found, [2.0, 0.0, 2 - math.log2(3)])
    assert exposure_of_none(1) == pytest.approx(0.5)


@pytest.mark.parametrize("n", [40, 250])
def test_canaries_without_memory_are_covered_at_zero(n):
    rng = np.random.default_rng(n)
    rounds, covered, values = 120, 0, []
    for _ in range(rounds):
        estimate = canary_exposure(rng.normal(size=n), rng.random(n) < 0.5, rng)
        covered += estimate.low <= 0 <= estimate.high
        values.append(estimate.value)

    assert covered / rounds >= 0.9
    assert abs(np.mean(values)) < 0.05


def test_canaries_that_are_remembered_stand_out_and_are_drawn():
    measured = measure(network_bench(200), PrivacyParams(audited_records=100, claimed_epsilon=1.0))

    exposure = measured.estimates["canary_exposure"]
    assert exposure.low > 0.5
    rows = measured.tables["audit"].to_pylist()
    assert max(row["epsilon"] for row in rows) == measured.estimates["audited_epsilon"].value
    assert rows[0]["allowed"] == pytest.approx(1 / (1 + math.exp(-1)))
    assert [row["guesses"] for row in rows] == [10, 50, 100]
    codes = {item.code for item in judge(measured, load_policy("conventions"))}
    assert "privacy.canary_exposure" in codes
    assert "audit" in {chart.name for chart in draw(measured)}


def test_records_with_their_true_outcome_can_be_audited_too():
    measured = measure(network_bench(200), PrivacyParams(audited_records=100, audit_labels="true"))

    assert measured.facts["audit_labels"] == "true"
    assert measured.estimates["audited_epsilon"].value >= 0


def test_what_cannot_be_trained_anew_is_said():
    measured = measure(network_bench(60, refit=False), PrivacyParams(audited_records=50))

    assert measured.estimates["audited_epsilon"].value is None
    assert any("No one-run audit was made. Expected" in note for note in measured.sampling)


def test_too_few_records_get_a_sentence():
    measured = measure(network_bench(60), PrivacyParams(audited_records=5))

    assert "at least 20 records" in measured.estimates["audited_epsilon"].reason


def test_it_is_off_unless_asked_for():
    assert "audited_epsilon" not in measure(network_bench(60), PrivacyParams()).estimates
