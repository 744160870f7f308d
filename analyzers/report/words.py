"""Verdicts, numbers and limits in words; a verdict is never shown by colour alone."""

from typing import NamedTuple

from analyzers.core.finding import Finding, Threshold, Verdict
from analyzers.core.result import Estimate
from analyzers.core.subject import Trust
from analyzers.toolkit.markup import Html, element


class VerdictWords(NamedTuple):
    """How a verdict is written: a sign, a word, and what it means."""

    sign: str
    word: str
    meaning: str


VERDICTS: dict[Verdict, VerdictWords] = {
    Verdict.FAIL: VerdictWords("✕", "Fail", "the whole interval is beyond the failing limit"),
    Verdict.WARN: VerdictWords(
        "!", "Warning", "the value or part of its interval is beyond the warning limit"
    ),
    Verdict.PASS: VerdictWords("✓", "Pass", "the whole interval keeps to the limit"),
    Verdict.INCONCLUSIVE: VerdictWords(
        "?", "Inconclusive", "measured, but there is no limit to hold it against or too few rows"
    ),
    Verdict.NOT_TESTED: VerdictWords(
        "–", "Not tested", "no number was measured; the reason is given"
    ),
}
NO_LIMIT = VerdictWords(
    "?", "No limit set", "measured, but inconclusive: a verdict needs a limit of your own"
)
SEVEREST_FIRST = tuple(VERDICTS)

TRUST: dict[Trust, str] = {
    Trust.DATA: "The model's format holds data only; opening it runs nothing of the author's.",
    Trust.PROGRAM: "The model's format holds a restricted program. It ran in the sandbox and could "
    "shape its own numbers.",
    Trust.CODE: "The model's format can hold any code. It ran in the sandbox, and a hostile author "
    "could have forged the numbers in this report.",
}


def words_for(finding: Finding) -> VerdictWords:
    """The words for a finding's verdict; measured without a limit is told apart from unclear."""
    is_without = finding.threshold is None or (
        finding.threshold.warn is None and finding.threshold.fail is None
    )
    if finding.verdict == Verdict.INCONCLUSIVE and is_without:
        return NO_LIMIT
    return VERDICTS[finding.verdict]


def badge(verdict: Verdict) -> Html:
    """Show a verdict as sign, word and colour."""
    words = VERDICTS[verdict]
    return element(
        "span",
        element("span", words.sign, class_="sign", aria_hidden="true"),
        f" {words.word}",
        class_=f"badge {verdict.value}",
    )


def number(value: float | None) -> str:
    """Write a number with three significant digits; whole numbers and thousands in full.

    Args:
        value: any finite number; None where nothing was measured.

    Returns:
        Such as "0.0120", "1,234", "4.1e-06" or "not measured".
    """
    if value is None:
        return "not measured"
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{value:,.0f}"
    if abs(value) >= 99.95:
        return f"{value:,.0f}"
    if abs(value) < 0.0005:
        return f"{value:.1e}"
    return f"{value:#.3g}"


def estimate_words(estimate: Estimate) -> str:
    """Write a number with its interval, such as "0.640 (95 % interval 0.540 to 0.730)"."""
    if estimate.value is None:
        return "not measured"
    if estimate.low is None or estimate.high is None:
        return number(estimate.value)
    share = f"{estimate.confidence * 100:g} %"
    return (
        f"{number(estimate.value)} ({share} interval "
        f"{number(estimate.low)} to {number(estimate.high)})"
    )


def limit_words(threshold: Threshold | None) -> str:
    """Write a limit, such as "at least 0.9; fails below 0.8; needs 30 rows"."""
    if threshold is None or (threshold.warn is None and threshold.fail is None):
        return "none set"
    good, bad = ("at least", "below") if threshold.direction == "at_least" else ("at most", "above")
    parts = []
    if threshold.warn is not None:
        parts.append(f"{good} {threshold.warn:g}")
    if threshold.fail is None:
        parts.append("nothing fails")
    elif threshold.fail == threshold.warn:
        parts.append(f"fails {bad} it")
    elif threshold.warn is None:
        parts.append(f"{good} {threshold.fail:g}, fails {bad} it")
    else:
        parts.append(f"fails {bad} {threshold.fail:g}")
    if threshold.n_min > 1:
        parts.append(f"needs {threshold.n_min:,} rows")
    return "; ".join(parts)


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun, such as "1 row" or "1,200 rows"."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
