"""The one-run audit: records put in by coin, one training, and guesses which of them were in.

Differential privacy bounds how well anyone can guess a fair coin that decided over a record. Where
the training can be repeated, many coins are tossed at once, one for each record, and the share of
right guesses gives a lower bound of epsilon that holds whatever the model and the data are.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.finding import Finding, Judgement, Threshold, Verdict
from analyzers.core.model import Model
from analyzers.core.result import Estimate, Measurements
from analyzers.core.workbench import Tracker
from analyzers.privacy.canaries import EXPOSURE, canary_exposure, judge_exposure
from analyzers.privacy.evidence import Evidence
from analyzers.privacy.guessing_bound import Guessed, best_of, guesses_of
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.parts import NOTHING, Part
from analyzers.privacy.recipes import recipe_of
from analyzers.privacy.refitting import Recipe, bounded_log_odds
from analyzers.privacy.shadows import pool_of
from analyzers.privacy.wording import AREA, finding_of
from analyzers.toolkit.intervals import clopper_pearson

NAME = "audited_epsilon"
FEWEST_RECORDS = 20
REFERENCE = "Steinke, Nasr and Jagielski 2023"


class Audited(NamedTuple):
    """What one training says of the records that were put in or left out.

    Attributes:
        values: `(n_records,)` larger looks more like a record that was in.
        is_in: `(n_records,)` what the coins said.
    """

    values: NDArray[np.float64]
    is_in: NDArray[np.bool_]


def audit_part(
    model: Model | None,
    evidence: Evidence,
    params: PrivacyParams,
    rng: np.random.Generator,
    track: Tracker,
) -> Part:
    """Audit the training, where records are asked for and the training can be repeated."""
    if not params.audited_records:
        return NOTHING
    try:
        recipe = recipe_of(model, params, evidence.members)
        audited = audit_training(recipe, model, evidence, params, rng, track)
    except UnsuitableSubject as refusal:
        note = f"No one-run audit was made. {refusal.message}"
        return Part({NAME: Estimate.unmeasured(refusal.message)}, {}, {}, (note,))
    every = guesses_of(audited.values, audited.is_in, delta=params.claimed_delta)
    guessed = best_of(every)
    estimate = Estimate(
        value=guessed.epsilon, low=guessed.epsilon, n=guessed.n_records,
        method="one-run audit, binomial tail, three numbers of guesses (Bonferroni)",
    )  # fmt: skip
    facts = {
        "audit_guesses": guessed.n_guesses, "audit_right": guessed.n_right,
        "audit_labels": params.audit_labels,
    }  # fmt: skip
    exposure = canary_exposure(audited.values, audited.is_in, *rng.spawn(1))
    rows = [_row_of(item, params.claimed_epsilon) for item in every]
    return Part({NAME: estimate, EXPOSURE: exposure}, facts, {"audit": rows})


def _row_of(guessed: Guessed, claimed: float) -> dict[str, Any]:
    interval = clopper_pearson(guessed.n_right, guessed.n_guesses)
    return {
        "guesses": guessed.n_guesses,
        "right": guessed.n_right,
        "value": guessed.n_right / guessed.n_guesses,
        "low": interval.low,
        "high": interval.high,
        "epsilon": guessed.epsilon,
        "allowed": 1 / (1 + math.exp(-claimed)) if claimed else None,
        "n_records": guessed.n_records,
    }


def audit_training(
    recipe: Recipe,
    model: Model | None,
    evidence: Evidence,
    params: PrivacyParams,
    rng: np.random.Generator,
    track: Tracker,
) -> Audited:
    """Train once with some members in or out by coin, and guess which.

    Args:
        recipe: of the model.
        model: the model itself, trained on all of them, whose answers are the measure.
        evidence: members are the rows to train on.
        params: how many records, with which outcome, and the claim's delta.
        rng: draws the records, the coins and the seed.
        track: reports the training.

    Raises:
        UnsuitableSubject: too few members, or the model refuses to be trained anew.
    """
    members = evidence.members
    n_records = min(params.audited_records, len(members) // 2)
    if model is None or n_records < FEWEST_RECORDS:
        raise UnsuitableSubject(
            f"Expected at least {FEWEST_RECORDS} records to put in or leave out and as many that "
            f"stay, got {n_records}.",
            remedy="Give more training rows, or ask for more records.",
        )
    pool = pool_of(model, evidence)
    codes = pool.codes.copy()
    record_rng, coin_rng, wrong_rng, seed_rng = rng.spawn(4)
    records = record_rng.permutation(len(members))[:n_records]
    is_in = coin_rng.random(n_records) < 0.5
    if params.audit_labels == "wrong":
        n_classes = len(pool.classes)
        codes[records] += wrong_rng.integers(1, n_classes, n_records)
        codes[records] %= n_classes
    inside = np.arange(len(codes)) < len(members)
    inside[records[~is_in]] = False
    seeds = seed_rng.integers(2**31, size=1)
    trained = recipe.fit(pool._replace(codes=codes), inside[None], seeds, track)[0]
    # How likely the model under examination finds the same outcome says what is not memory.
    scores = members.scores
    usual = 0.0 if scores is None else bounded_log_odds(scores[records], codes[records])
    return Audited(trained.log_odds[records] - usual, is_in)


def judge_one_run(measurements: Measurements) -> list[Finding]:
    """Say what the audit proves of the training, and whether that refutes a claim."""
    estimate = measurements.estimates.get(NAME)
    if estimate is None:
        return []
    exposed = judge_exposure(measurements)
    facts = measurements.facts
    claimed = float(facts.get("claimed_epsilon") or 0.0)
    delta = float(facts.get("claimed_delta") or 0.0)
    remedy = "Train with differential privacy, or with less memory; then audit again."
    if estimate.value is None:
        return [_finding(estimate, Judgement(Verdict.NOT_TESTED, estimate.reason), None,
                         "The training was not audited.", remedy)]  # fmt: skip
    counted = (
        f"{facts.get('audit_right'):,} of {facts.get('audit_guesses'):,} guesses about "
        f"{estimate.n:,} records put in by coin were right (delta {delta:g})"
    )
    headline = (
        f"This way of training has an epsilon above {estimate.value:.2f} (95 % lower bound): "
        f"{counted}."
        if estimate.value > 0
        else f"The audit shows no lower bound of epsilon above 0: {counted}."
    )
    if not claimed:
        judged = Judgement(Verdict.INCONCLUSIVE, "No claim of differential privacy was given.")
        return [_finding(estimate, judged, None, headline, remedy), *exposed]
    threshold = Threshold(
        indicator=f"{AREA}.{NAME}", direction="at_most", fail=claimed, status="organisation",
        source=f"The claim given: epsilon {claimed:g}, delta {delta:g}.",
    )  # fmt: skip
    if estimate.value > claimed:
        headline += f" That refutes the claim of epsilon {claimed:g}."
        judged = Judgement(Verdict.FAIL, "")
        return [_finding(estimate, judged, threshold, headline, remedy), *exposed]
    judged = Judgement(
        Verdict.INCONCLUSIVE,
        f"The audit does not contradict the claim of epsilon {claimed:g}; it cannot confirm one.",
    )
    return [_finding(estimate, judged, threshold, headline, remedy), *exposed]


def _finding(
    estimate: Estimate, judged: Judgement, threshold: Threshold | None, headline: str, remedy: str
) -> Finding:
    return finding_of(NAME, estimate, judged, threshold, headline, remedy, REFERENCE)
