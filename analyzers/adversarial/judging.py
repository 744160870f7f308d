"""From measured numbers to findings: no pass mark exists in the literature, so none is made up."""

from analyzers.adversarial.indicators import (
    CHECKS,
    PROOFS,
    TITLES,
    WITHOUT_ATTACK,
    Indicator,
    indicators_for,
)
from analyzers.core.finding import Finding, Threshold, Verdict, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Fact, Measurements

AREA = "adversarial"
CLAUSES = (
    "NIST AI RMF MEASURE 2.7",
    "NIST AI RMF MEASURE 2.6",
    "EU AI Act 15(4)",
    "EU AI Act 15(5)",
    "EU AI Act Annex IV 2(g)",
    "ISO/IEC 42001 A.6.2.4",
    "SR 26-2 sensitivity of inputs",
    "AI Verify principle 5",
)
NOT_RUN = Estimate.unmeasured("The attack has not been run.")
NO_CHECK = Threshold(
    indicator=f"{AREA}.checks_failed",
    direction="at_most",
    warn=0.0,
    status="mathematics",
    source="A weaker attack that does better than a stronger one shows that the stronger one was "
    "misled (Athalye, Carlini and Wagner 2018; Carlini et al. 2019).",
    holds="Everywhere gradients or scores are used to attack pictures.",
    as_of="2026-11-01",
)


ENDED_EARLY = "The attack was ended early; a full one may find more."
REACHED = "Ended early: this rests on the rows that were looked into until then."
_NUMBERS = ("median_size", "median_change", "median_ceiling", "checks_failed", "usual_error")


def judge(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge what was measured; the reader's policy alone sets limits on robustness."""
    failed = measurements.estimates.get("checks_failed")
    is_believed = failed is None or not failed.value
    return [
        _finding(measurements, policy, indicator, is_believed=is_believed)
        for indicator in indicators_for(measurements)
    ]


def _finding(
    measurements: Measurements, policy: Policy, indicator: Indicator, *, is_believed: bool
) -> Finding:
    name = f"{AREA}.{indicator.name}"
    estimate = measurements.estimates.get(indicator.name, NOT_RUN)
    threshold = NO_CHECK if indicator is CHECKS else policy.threshold(name)
    verdict, reason = judge_estimate(estimate, threshold)
    if verdict == Verdict.PASS and not is_believed and indicator is not CHECKS:
        verdict, reason = Verdict.INCONCLUSIVE, "A check on the attack failed; see below."
    is_weaker = bool(measurements.cut_short) and indicator not in WITHOUT_ATTACK
    is_cut_proof = bool(measurements.cut_short) and indicator in PROOFS
    cut = f" {ENDED_EARLY}" if is_weaker else f" {REACHED}" if is_cut_proof else ""
    if estimate.value is None:
        cut = ""
    if is_weaker and verdict == Verdict.PASS:
        verdict, reason = Verdict.INCONCLUSIVE, ENDED_EARLY
    if verdict == Verdict.INCONCLUSIVE and threshold is None:
        reason = (
            "No pass mark exists in the literature for this; set your own limit to get a verdict."
        )
    return Finding(
        code=name,
        area=AREA,
        indicator=name,
        title=TITLES.get(indicator.name, ""),
        headline=_headline(measurements, indicator, estimate) + cut,
        estimate=estimate,
        verdict=verdict,
        threshold=threshold,
        concerns=indicator.concerns,
        reason=reason,
        remedy=indicator.remedy,
        reference=indicator.reference,
        clauses=CLAUSES,
    )


def _headline(measurements: Measurements, indicator: Indicator, estimate: Estimate) -> str:
    if estimate.value is None:
        return f"Not measured: {estimate.reason}"
    facts = measurements.facts
    unit = str(facts.get("budget_unit", ""))
    sentence = indicator.sentence.format(
        value=_number(estimate.value, indicator.name),
        budget=_budget(facts.get("budget"), unit),
        unit=unit,
        attack=facts.get("attack", ""),
        outcome=facts.get("outcome", ""),
        wanted=facts.get("wanted") or "",
        pixels_accuracy=facts.get("pixels_accuracy", ""),
        patch_accuracy=facts.get("patch_accuracy", ""),
        strongest=facts.get("strongest", ""),
        noise=_beside(measurements, "noise_beyond_error", "noise_accuracy"),
        usual=_beside(measurements, "usual_error"),
        n_recipes=facts.get("n_recipes", ""),
        neutral=_beside(measurements, "weekday_change_share", unknown=""),
        before=_beside(measurements, "accuracy", unknown="An unknown share"),
    )
    if indicator is CHECKS:
        return f"{sentence} (n = {estimate.n:,} rows each)."
    counted = f"n = {estimate.n:,} {indicator.counted}".strip()
    interval = "no interval"
    if estimate.low is not None and estimate.high is not None:
        low, high = (_number(end, indicator.name) for end in (estimate.low, estimate.high))
        interval = f"{100 * estimate.confidence:.0f} % interval {low} to {high}"
    # A size that ends in brackets gets no second pair.
    is_open = unit.endswith(")") and sentence.endswith(unit)
    opened = f"{sentence[:-1]}; " if is_open else f"{sentence} ("
    said = f"{opened}{interval}, {counted})."
    example = facts.get("smallest_change")
    return f"{said} {example}" if indicator.name == "median_size" and example else said


def _budget(size: Fact, unit: str) -> str:
    """Write a size with what it is measured in: "1 (Euclidean, in standard deviations)"."""
    return f"{size:g} {unit}".strip() if isinstance(size, int | float) else unit


def _beside(measurements: Measurements, *names: str, unknown: str = "an unknown share") -> str:
    """The first of some numbers that was measured, in words.

    Args:
        measurements: holds them.
        names: of the estimates.
        unknown: what to say where none was measured.
    """
    for name in names:
        estimate = measurements.estimates.get(name)
        if estimate is not None and estimate.value is not None:
            return _number(estimate.value, name)
    return unknown


def _number(value: float, name: str) -> str:
    if name == "checks_failed":
        return f"{value:.0f}"
    return f"{value:.3g}" if name in _NUMBERS else f"{100 * value:.0f} %"
