"""Results to one HTML file that opens anywhere, for as long as there are browsers.

It holds everything it shows: plotly.js once, the figures, the style. It can reach no network and
runs no script but its own two. Every word that comes from data is escaped by type (`markup`).
"""

import os
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata, resources
from pathlib import Path
from typing import Any, Literal

from analyzers.catalog import ANALYZERS
from analyzers.core.analyzer import Analyzer
from analyzers.core.policy import Policy
from analyzers.core.subject import Subject
from analyzers.report.area_page import area_page
from analyzers.report.record import record_json, report_id
from analyzers.report.sections import Entry, Section, sections_of
from analyzers.report.settings_page import settings_page
from analyzers.report.subject_page import subject_page
from analyzers.report.summary import summary
from analyzers.report.verdict_page import verdict_page
from analyzers.toolkit.export import page, plotly_js
from analyzers.toolkit.markup import Html, element, trusted

__all__ = ["CUTS", "Cut", "Entry", "report_html", "write_report"]

Cut = Literal["whole", "board"]

CUTS: dict[Cut, str] = {"whole": "Model risk report", "board": "Model risk summary"}

_HERE = resources.files(__package__)


def write_report(
    subject: Subject,
    entries: Sequence[Entry],
    policy: Policy,
    path: Path,
    *,
    cut: Cut = "whole",
    written: datetime | None = None,
    areas: Sequence[Analyzer[Any]] = ANALYZERS,
) -> None:
    """Write the report, whole or not at all.

    Args:
        subject: what was examined.
        entries: at most one for each analyzer; failed and cancelled ones belong in too.
        policy: the limits to judge against.
        path: where to; an existing file is replaced.
        cut: the whole record, or two pages for those who decide.
        written: the time to print; now where None.
        areas: all areas there are; those without an entry are reported as not tested.
    """
    text = report_html(subject, entries, policy, cut=cut, written=written, areas=areas)
    descriptor, beside = tempfile.mkstemp(dir=path.parent, prefix=".report-", suffix=".html")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
        Path(beside).chmod(0o644)
        Path(beside).replace(path)
    except BaseException:
        Path(beside).unlink(missing_ok=True)
        raise


def report_html(
    subject: Subject,
    entries: Sequence[Entry],
    policy: Policy,
    *,
    cut: Cut = "whole",
    written: datetime | None = None,
    areas: Sequence[Analyzer[Any]] = ANALYZERS,
) -> str:
    """Return what `write_report` writes."""
    sections = sections_of(entries, policy, areas)
    moment = (written or datetime.now(UTC)).strftime("%Y-%m-%d %H:%M UTC")
    version = _version()
    record = record_json(subject, policy, sections, written=moment, version=version)
    is_whole = cut == "whole"
    body = element(
        "div",
        element("a", "Skip to the verdict", href="#verdict", class_="skip"),
        _cover(subject, policy, sections, cut=cut, moment=moment, version=version),
        _contents(sections) if is_whole else None,
        element(
            "main",
            (_everything if is_whole else summary)(subject, policy, sections),
        ),
        element("script", trusted(record), type="application/json", id="assay-record"),
        class_="report" if is_whole else "report board",
    )
    return page(
        f"Assay {CUTS[cut].lower()}: {subject.name}",
        style=_shipped("report.css"),
        body=body,
        scripts=(plotly_js(), _shipped("report.js")),
    )


def _everything(subject: Subject, policy: Policy, sections: Sequence[Section]) -> list[Html]:
    return [
        verdict_page(subject, policy, sections),
        subject_page(subject, sections),
        *(area_page(section) for section in sections),
        settings_page(policy, sections),
    ]


def _cover(
    subject: Subject,
    policy: Policy,
    sections: Sequence[Section],
    *,
    cut: Cut,
    moment: str,
    version: str,
) -> Html:
    facts = [
        f"Written {moment} by Assay {version}",
        f"Policy {policy.name} {policy.version}",
        f"Report {report_id(subject, policy, sections)[:12]}",
        "Not signed",
    ]
    return element(
        "header",
        element("p", CUTS[cut], class_="kicker"),
        element("h1", subject.name),
        element("p", " · ".join(facts), class_="aside"),
        element("noscript", element("p", "The charts need JavaScript; words and tables do not.")),
    )


def _contents(sections: Sequence[Section]) -> Html:
    links = [
        ("verdict", "Verdict"),
        ("subject", "What was examined"),
        *((section.analyzer.name, section.analyzer.title) for section in sections),
        ("settings", "Settings"),
    ]
    return element(
        "nav",
        element("ul", (element("li", element("a", text, href=f"#{name}")) for name, text in links)),
        aria_label="Contents",
    )


def _shipped(name: str) -> Html:
    return trusted(_HERE.joinpath(name).read_text(encoding="utf-8"))


def _version() -> str:
    try:
        return metadata.version("assay")
    except metadata.PackageNotFoundError:
        return "(not installed)"
