"""An entry of the report, judged against the policy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, assert_never

from analyzers.core.analyzer import Analyzer
from analyzers.core.chart import Chart
from analyzers.core.finding import Finding, Rating, Verdict, rate
from analyzers.core.job import Done, Failed, JobState, Queued, Running, Stopped
from analyzers.core.policy import Policy
from analyzers.core.result import Result
from analyzers.report.words import SEVEREST_FIRST


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One analyzer's part in a report.

    Attributes:
        analyzer: which.
        state: how its job ended, or how far it is.
        result: what it measured; None where it did not get so far.
    """

    analyzer: Analyzer[Any]
    state: JobState
    result: Result | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """An area of the report.

    Attributes:
        analyzer: the area.
        result: what was measured, or None.
        findings: judged, the severest first.
        charts: drawn from the result.
        obstacle: why there is no result, in a sentence; empty where there is one.
    """

    analyzer: Analyzer[Any]
    result: Result | None
    findings: tuple[Finding, ...]
    charts: tuple[Chart, ...]
    obstacle: str

    @property
    def rating(self) -> Rating:
        """The area's worst confirmed verdict and its coverage."""
        return rate(self.findings)


def sections_of(
    entries: Sequence[Entry], policy: Policy, areas: Sequence[Analyzer[Any]]
) -> tuple[Section, ...]:
    """Judge and draw every entry, and add the areas nobody asked for.

    Args:
        entries: at most one for each analyzer.
        policy: the limits.
        areas: every analyzer there is, in the order of the report.

    Returns:
        One section for each area, in the order of `areas`, others after them.
    """
    asked = {entry.analyzer.name: entry for entry in entries}
    for area in areas:
        asked.setdefault(area.name, _not_asked(area))
    order = {area.name: place for place, area in enumerate(areas)}
    names = sorted(asked, key=lambda name: order.get(name, len(order)))
    return tuple(_section(asked[name], policy) for name in names)


def severest_first(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Order findings by verdict; among equals the order stays."""
    return tuple(sorted(findings, key=lambda finding: SEVEREST_FIRST.index(finding.verdict)))


def overall(sections: Sequence[Section]) -> Rating:
    """Rate everything: the worst area, never an average."""
    return rate(finding for section in sections for finding in section.findings)


def areas_with(sections: Sequence[Section], verdict: Verdict) -> tuple[str, ...]:
    """Name the areas rated so."""
    return tuple(
        section.analyzer.title for section in sections if section.rating.verdict == verdict
    )


_NOT_ASKED = Failed(kind="unsuitable", message="It was not part of this audit.")


def _not_asked(analyzer: Analyzer[Any]) -> Entry:
    return Entry(analyzer=analyzer, state=_NOT_ASKED)


def _section(entry: Entry, policy: Policy) -> Section:
    if entry.result is None:
        return Section(
            analyzer=entry.analyzer, result=None, findings=(), charts=(), obstacle=_why(entry.state)
        )
    measured = entry.result.measurements
    return Section(
        analyzer=entry.analyzer,
        result=entry.result,
        findings=severest_first(entry.analyzer.judge(measured, policy)),
        charts=tuple(entry.analyzer.draw(measured)),
        obstacle="",
    )


def _why(state: JobState) -> str:
    match state:
        case Failed():
            return f"{state.message} {state.remedy}".strip()
        case Stopped():
            return "It was cancelled before it ended."
        case Queued() | Running():
            return "It had not ended when this report was written."
        case Done():
            return "Its result was not in the store when this report was written."
        case _:
            assert_never(state)
