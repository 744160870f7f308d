"""How the findings of this analyzer are put together and their numbers written."""

from analyzers.core.finding import Finding, Judgement, Threshold
from analyzers.core.result import Estimate

AREA = "privacy"
CLAUSES = ("EU AI Act 15(5)", "GDPR 25, 35", "NIST AI RMF MEASURE 2.10", "ISO/IEC 42001 A.7.2")
NOT_RUN = "The analysis has not been run."


def points(share: float | None) -> str:
    """Write a share as percentage points."""
    return "not known" if share is None else f"{100 * share:.1f}"


def gap_in_words(gap: float, *, is_regression: bool) -> str:
    """Say by how much the model does better on the rows it was fitted on, or worse.

    Args:
        gap: of the accuracy; for regression how far the mean absolute error is lower.
        is_regression: which of the two.
    """
    if is_regression:
        return f"mean absolute error is {'lower' if gap >= 0 else 'higher'} by {abs(gap):.3g}"
    side = "higher" if gap >= 0 else "lower"
    return f"accuracy is {side} by {points(abs(gap))} percentage points"


def ends(estimate: Estimate, form: str = ".2f") -> str:
    """Write an interval."""
    if estimate.low is None or estimate.high is None:
        return "not known"
    return f"{estimate.low:{form}} to {estimate.high:{form}}"


def ends_in_points(estimate: Estimate) -> str:
    """Write an interval of a share in percentage points."""
    if estimate.low is None or estimate.high is None:
        return ends(estimate)
    return f"{points(estimate.low)} to {points(estimate.high)}"


def finding_of(
    name: str,
    estimate: Estimate,
    judged: Judgement,
    threshold: Threshold | None,
    headline: str,
    remedy: str,
    reference: str,
    *,
    about: str = "",
    concerns: str = "the people in the training data",
) -> Finding:
    """Assemble a finding of this area."""
    return Finding(
        code=f"{AREA}.{name}" + (f".{about}" if about else ""),
        area=AREA,
        indicator=f"{AREA}.{name}",
        headline=headline,
        estimate=estimate,
        verdict=judged.verdict,
        threshold=threshold,
        concerns=concerns,
        reason=judged.reason,
        remedy=remedy,
        reference=reference,
        clauses=CLAUSES,
    )
