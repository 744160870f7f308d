"""A judged number, and the one function that judges."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Literal, NamedTuple

from pydantic import Field

from analyzers.core.result import Estimate
from analyzers.core.value import Value


class Verdict(StrEnum):
    """The five things that can be said of an indicator."""

    PASS = "pass"  # noqa: S105  a verdict, not a password
    WARN = "warn"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_TESTED = "not_tested"


ThresholdStatus = Literal[
    "law",
    "supervisory",
    "standard",
    "industry convention",
    "paper",
    "tool default",
    "mathematics",
    "organisation",
    "none",
]


class Threshold(Value):
    """A limit with its source; limits are conventions with dates, never truths.

    Attributes:
        direction: "at_least" where larger is better, "at_most" where smaller is better.
        warn: the side the whole interval must keep to for a pass.
        fail: the side the whole interval must be beyond for a fail; null if nothing fails.
        n_min: rows below which the indicator says nothing.
    """

    indicator: str
    direction: Literal["at_least", "at_most"]
    warn: float | None = None
    fail: float | None = None
    n_min: int = Field(default=1, ge=0)
    status: ThresholdStatus = "none"
    source: str = ""
    holds: str = ""
    as_of: str = ""


class Finding(Value):
    """One judged indicator, ready for a page, a report or an exit code.

    Attributes:
        code: stable identifier, such as "fairness.demographic_parity_ratio.sex".
        headline: one plain sentence with the number in it.
        title: in a few words what is measured, where the indicator's own name is not plain.
        concerns: who or what it is about, such as "women under 25" or "class 3".
        reason: why the verdict is inconclusive or not tested.
        clauses: published controls this serves, such as "EU AI Act 15(5)".
    """

    code: str
    area: str
    indicator: str
    headline: str
    estimate: Estimate
    verdict: Verdict
    threshold: Threshold | None = None
    title: str = ""
    concerns: str = ""
    reason: str = ""
    remedy: str
    reference: str
    clauses: tuple[str, ...] = ()


class Rating(NamedTuple):
    """An area's worst confirmed verdict and how much of it was tested; never an average."""

    verdict: Verdict
    n_tested: int
    n_applicable: int


class Judgement(NamedTuple):
    """A verdict and, where it is not pass, warn or fail, its reason."""

    verdict: Verdict
    reason: str


_CONFIRMED = (Verdict.FAIL, Verdict.WARN, Verdict.PASS)


def judge_estimate(estimate: Estimate, threshold: Threshold | None) -> Judgement:
    """Judge one number against one limit.

    Args:
        estimate: the value with its interval; a missing interval counts as exact.
        threshold: the limit, or None where the policy has none.

    Returns:
        *fail* where the whole interval is beyond `fail`; *pass* where the whole interval keeps to
        the good side of `warn`; *warn* in between; *inconclusive* where n is below `n_min` or no
        limit is set; *not tested* where there is no number.
    """
    if estimate.value is None:
        return Judgement(Verdict.NOT_TESTED, estimate.reason or "No number was measured.")
    if threshold is None or (threshold.warn is None and threshold.fail is None):
        return Judgement(
            Verdict.INCONCLUSIVE,
            "Measured, but the policy sets no limit for this indicator; set one to get a verdict.",
        )
    if estimate.n < threshold.n_min:
        return Judgement(
            Verdict.INCONCLUSIVE,
            f"Rests on {estimate.n:,} rows; this indicator needs at least {threshold.n_min:,}.",
        )
    sign = 1.0 if threshold.direction == "at_least" else -1.0
    ends = [sign * end for end in (estimate.low, estimate.high, estimate.value) if end is not None]
    worst, best = min(ends), max(ends)
    if threshold.fail is not None and best < sign * threshold.fail:
        return Judgement(Verdict.FAIL, "")
    pass_mark = threshold.warn if threshold.warn is not None else threshold.fail
    if pass_mark is not None and worst >= sign * pass_mark:
        return Judgement(Verdict.PASS, "")
    return Judgement(Verdict.WARN, "")


def rate(findings: Iterable[Finding]) -> Rating:
    """Rate an area: the worst confirmed verdict, and how many indicators were confirmed."""
    verdicts = [finding.verdict for finding in findings]
    n_tested = sum(verdict in _CONFIRMED for verdict in verdicts)
    for verdict in (*_CONFIRMED, Verdict.INCONCLUSIVE):
        if verdict in verdicts:
            return Rating(verdict, n_tested, len(verdicts))
    return Rating(Verdict.NOT_TESTED, n_tested, len(verdicts))
