"""The policy, the parameters, and what it takes to run the same again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from analyzers.core.params import parameters_of
from analyzers.core.policy import Policy
from analyzers.core.result import Result
from analyzers.report.sections import Section
from analyzers.report.tables import pair_list, simple_table
from analyzers.report.words import limit_words, plural
from analyzers.toolkit.markup import Html, element


def settings_page(policy: Policy, sections: Sequence[Section]) -> Html:
    """List the limits, each area's parameters and seed, and the versions of the libraries used."""
    return element(
        "section",
        element("h2", "Settings", id="settings"),
        element("h3", "Policy"),
        pair_list(
            [
                ("Name", f"{policy.title} ({policy.name})"),
                ("Version", policy.version),
                ("As of", policy.as_of),
                ("Jurisdiction", policy.jurisdiction or "not stated"),
                ("What it is", policy.description or "not stated"),
                ("Digest", element("code", policy.digest)),
            ]
        ),
        _limits(policy),
        element("h3", "Runs"),
        [_run(section, section.result) for section in sections if section.result is not None],
        element("h3", "Versions"),
        _versions(sections),
        aria_labelledby="settings",
    )


def _limits(policy: Policy) -> Html:
    table = simple_table(
        ["Indicator", "Limit", "Status", "Source", "As of"],
        (
            [
                item.indicator,
                limit_words(item),
                item.status,
                f"{item.source} {item.holds}",
                item.as_of,
            ]
            for item in policy.thresholds
        ),
        caption="Every limit of the policy, with what it is worth.",
    )
    return element(
        "details",
        element("summary", f"{plural(len(policy.thresholds), 'limit')} of the policy"),
        table,
    )


def _run(section: Section, result: Result) -> Html:
    job, provenance = result.job, result.provenance
    labels = {item.name: item for item in parameters_of(section.analyzer.params)}
    rows = [
        [
            labels[name].label if name in labels else name,
            _setting(value),
            _setting(labels[name].default) if name in labels else "",
        ]
        for name, value in _params(section, result).items()
    ]
    facts: list[tuple[str, object]] = [
        ("Seed", f"{job.seed}"),
        ("Analyzer", f"{job.analyzer}, version {job.version}"),
        ("Started", _moment(provenance.started)),
        ("Took", f"{provenance.seconds:.1f} s"),
        ("Job", element("code", job.id)),
    ]
    if provenance.sampling:
        facts.append(("Rows used", " ".join(provenance.sampling)))
    table = simple_table(
        ["Parameter", "Value", "Default"], rows, caption=f"Parameters of {section.analyzer.title}."
    )
    return element(
        "div",
        element("h4", section.analyzer.title),
        pair_list(facts),
        table if rows else None,
    )


def _params(section: Section, result: Result) -> Mapping[str, object]:
    """The job's parameters, with the defaults of those it leaves out."""
    defaults = {item.name: item.default for item in parameters_of(section.analyzer.params)}
    return defaults | dict(result.job.params)


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(item) for item in value) or "the analyzer's own choice"
    return "not set" if value is None else str(value) or "not set"


def _moment(started: str) -> str:
    """Write an ISO time to the second in UTC; text that is none stays as it is."""
    try:
        moment = datetime.fromisoformat(started)
    except ValueError:
        return started or "not recorded"
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _versions(sections: Sequence[Section]) -> Html:
    versions: dict[str, set[str]] = {}
    for section in sections:
        if section.result is not None:
            for name, version in section.result.provenance.versions.items():
                versions.setdefault(name, set()).add(version)
    return pair_list((name, ", ".join(sorted(found))) for name, found in sorted(versions.items()))
