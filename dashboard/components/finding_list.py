"""Findings: the worst in full, the rest folded up by verdict."""

import re
from collections.abc import Sequence

import streamlit as st

from analyzers.core.finding import Finding, Verdict
from analyzers.report.words import (
    NO_LIMIT,
    VERDICTS,
    VerdictWords,
    estimate_words,
    limit_words,
    plural,
    words_for,
)
from dashboard.components.words import as_text, verdict_badge

_ABBREVIATION = re.compile(r"\b(shap|lime|auc|roc|tpr|fpr|r(?= squared))\b", re.IGNORECASE)
# More cards than these would push the live controls and the charts out of sight.
_MOST_CARDS = {Verdict.FAIL: 6, Verdict.WARN: 3}


def verdict_counts(findings: Sequence[Finding]) -> None:
    """Show how many findings there are of each verdict, the severest first."""
    with st.container(horizontal=True, gap="small"):
        for verdict, words, found in _by_words(findings):
            verdict_badge(verdict, words=words, count=len(found))


def finding_list(findings: Sequence[Finding], *, leading: Finding | None = None) -> None:
    """Show findings, the severest first.

    Args:
        findings: in the order of their analyzer.
        leading: the one that answers the page's question best; shown in full, whatever its verdict.
    """
    if not findings:
        st.info("Nothing in this result can be judged.", icon=":material/info:")
        return
    by_words = _by_words(findings)
    if not any(verdict in _MOST_CARDS for verdict, _, _ in by_words):
        st.markdown("No indicator fails or is beyond a warning limit.")
    cards = [
        finding
        for verdict, _, found in by_words
        for finding in found[: _MOST_CARDS.get(verdict, 0)]
    ]
    if leading is not None and leading not in cards:
        cards.insert(0, leading)
    for finding in cards:
        with st.container(border=True):
            finding_card(finding)
    for _, words, found in by_words:
        rest = [finding for finding in found if finding not in cards]
        if rest:
            many = "more indicator" if len(rest) < len(found) else "indicator"
            label = f"{words.word}: {plural(len(rest), many)}"
            # With no cards above it, what was found would otherwise be out of sight.
            with st.expander(label, expanded=not cards and found is by_words[0][2]):
                meaning = words.meaning
                st.caption(f"{meaning[0].upper()}{meaning[1:]}.")
                st.markdown("\n".join(_line(finding) for finding in rest))
                _table(rest)


def _by_words(findings: Sequence[Finding]) -> list[tuple[Verdict, VerdictWords, list[Finding]]]:
    """Gather findings under the words for their verdict, the severest first."""
    return [
        (verdict, words, found)
        for verdict in VERDICTS
        for words in dict.fromkeys((VERDICTS[verdict], NO_LIMIT))
        if (found := [item for item in findings
                      if item.verdict == verdict and words_for(item) == words])
    ]  # fmt: skip


def finding_card(finding: Finding) -> None:
    """Show one finding: verdict, indicator, sentence, number, limit, and what to do."""
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
        verdict_badge(finding.verdict, words=words_for(finding))
        st.markdown(f"**{as_text(indicator_words(finding))}**", width="stretch")
    st.markdown(as_text(finding.headline))
    estimate = finding.estimate
    st.caption(
        f"Measured: {as_text(estimate_words(estimate))}, n = {estimate.n:,}. "
        f"Limit: {as_text(limit_words(finding.threshold))}{_worth(finding)}."
    )
    if finding.reason and finding.reason not in finding.headline:
        st.caption(as_text(finding.reason))
    with st.expander("What to do, and where this comes from"):
        st.markdown(f"**What to do:** {as_text(finding.remedy)}")
        lines = {
            "Concerns": finding.concerns,
            "Method of the interval": estimate.method,
            "Source of the limit": finding.threshold.source if finding.threshold else "",
            "Where the limit holds": finding.threshold.holds if finding.threshold else "",
            "Reference": finding.reference,
            "Serves": ", ".join(finding.clauses),
            "Code": finding.code,
        }
        for name, text in lines.items():
            if text:
                st.markdown(f"**{name}:** {as_text(text)}")


def indicator_words(finding: Finding) -> str:
    """Write an indicator's name in plain words, such as "Equalized odds difference"."""
    if finding.title:
        return finding.title
    words = finding.indicator.rpartition(".")[2].replace("_", " ").strip()
    words = words.replace(" 01 percent", " 0.1 percent")
    sentence = words[:1].upper() + words[1:]
    return _ABBREVIATION.sub(lambda found: found[0].upper(), sentence)


def _worth(finding: Finding) -> str:
    threshold = finding.threshold
    if threshold is None or threshold.status == "none":
        return ""
    since = f", {threshold.as_of}" if threshold.as_of else ""
    return " " + as_text(f"({threshold.status}{since})")


def _line(finding: Finding) -> str:
    # Of what was not measured the headline is the reason already.
    reason = "" if finding.reason in finding.headline else finding.reason
    words = f"{indicator_words(finding)}.", finding.headline, reason
    name, headline, reason = (as_text(part) for part in words)
    return f"- **{name}** {headline} {reason}".rstrip()


def _table(findings: Sequence[Finding]) -> None:
    # Cells of a data frame are drawn on a canvas as plain text: nothing in them is markup.
    rows = [
        {
            "Indicator": indicator_words(finding),
            "Concerns": finding.concerns,
            "Measured": estimate_words(finding.estimate),
            "n": finding.estimate.n,
            "Limit": limit_words(finding.threshold),
            "What to do": finding.remedy,
            "Reference": finding.reference,
        }
        for finding in findings
    ]
    config = {"n": st.column_config.NumberColumn(format="localized")}
    st.dataframe(rows, hide_index=True, column_config=config)
