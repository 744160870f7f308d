"""From measured numbers to findings."""

from typing import NamedTuple

from analyzers.core.finding import Finding, Verdict, judge_estimate
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements

AREA = "performance"
CLAUSES = (
    "NIST AI RMF MEASURE 2.3",
    "NIST AI RMF MEASURE 2.5",
    "EU AI Act 15(1)",
    "EU AI Act 13(3)(b)(ii)",
    "ISO/IEC 42001 A.6.2.4",
    "SR 26-2 outcomes analysis",
)


class Indicator(NamedTuple):
    """What is judged, how it reads, and what to do about it."""

    name: str
    sentence: str
    remedy: str
    reference: str


_CLASSIFIER = (
    Indicator(
        "lift_over_majority",
        "Accuracy minus that of always giving the most frequent answer is {value}",
        "Look for better features or labels; where classes are uneven, judge by balanced accuracy "
        "and average precision instead.",
        "Provost and Fawcett 2013, Data Science for Business, chapter 7",
    ),
    Indicator(
        "train_test_gap",
        "The score on the training data minus that on the test data is {value}",
        "Regularise, prune or gather more data; a large gap also makes training rows "
        "recognisable (see Privacy).",
        "Hastie, Tibshirani and Friedman 2009, section 7.2",
    ),
)
_BINARY = (
    Indicator(
        "roc_auc",
        "A random positive row scores above a random negative one {value} of the time",
        "Look for better features, more rows of the rarer class, or errors in the labels.",
        "DeLong, DeLong and Clarke-Pearson 1988",
    ),
    Indicator(
        "calibration_slope_distance",
        "The calibration slope is {value} away from 1, where scores mean what they say",
        "Recalibrate the scores (isotonic or logistic) on rows that were not used for training.",
        "Van Calster et al. 2019, BMC Medicine 17:230",
    ),
)
_REGRESSION = (
    Indicator(
        "r_squared",
        "The model explains {value} of the outcome's variance",
        "Look for better features; check for outliers that dominate the squared error.",
        "Hastie, Tibshirani and Friedman 2009, section 2.4",
    ),
    _CLASSIFIER[1],
)
_BY_TASK = {
    "binary": (*_BINARY, *_CLASSIFIER),
    "multiclass": _CLASSIFIER,
    "regression": _REGRESSION,
}
_SHARES = ("roc_auc", "r_squared")
_POINTS = ("lift_over_majority",)
_UNIT = " percentage points"


def judge(measurements: Measurements, policy: Policy) -> list[Finding]:
    """Judge the task's headline numbers against the policy."""
    task = str(measurements.facts.get("task") or "binary")
    return [_finding(measurements, policy, indicator) for indicator in _BY_TASK[task]]


def _finding(measurements: Measurements, policy: Policy, indicator: Indicator) -> Finding:
    name = f"{AREA}.{indicator.name}"
    estimate = measurements.estimates.get(
        indicator.name, Estimate.unmeasured("The analysis has not been run.")
    )
    threshold = policy.threshold(name)
    verdict, reason = judge_estimate(estimate, threshold)
    return Finding(
        code=name,
        area=AREA,
        indicator=name,
        headline=_headline(indicator, estimate, verdict),
        estimate=estimate,
        verdict=verdict,
        threshold=threshold,
        concerns="all rows with a known outcome",
        reason=reason,
        remedy=indicator.remedy,
        reference=indicator.reference,
        clauses=CLAUSES,
    )


def _headline(indicator: Indicator, estimate: Estimate, verdict: Verdict) -> str:
    if estimate.value is None or verdict == Verdict.NOT_TESTED:
        return f"Not measured: {indicator.name.replace('_', ' ')}."
    value = _number(estimate.value, indicator.name)
    sentence = indicator.sentence.format(value=value)
    if estimate.low is None or estimate.high is None:
        return f"{sentence} (n = {estimate.n:,}, no interval)."
    low, high = (
        _number(end, indicator.name).removesuffix(_UNIT) for end in (estimate.low, estimate.high)
    )
    return f"{sentence} (95 % interval {low} to {high}, n = {estimate.n:,})."


def _number(value: float, indicator: str) -> str:
    if indicator in _SHARES:
        return f"{100 * value:.1f} %"
    if indicator in _POINTS:
        return f"{100 * value:.1f}{_UNIT}"
    return f"{value:.3f}"
