"""What each command does; each returns its exit code."""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analyzers.audit import run_all, stored_entries
from analyzers.catalog import ANALYZERS
from analyzers.cli.choices import chosen_analyzers, chosen_params, words_of
from analyzers.cli.examining import Examined, Given, examine, given_by, given_sample, open_store
from analyzers.cli.telling import (
    Progress,
    say,
    say_json,
    say_sections,
    say_subject,
    tell_failure,
    warn,
)
from analyzers.cli.writing import chart_formats, findings_json, write_audit
from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import InvalidParameter
from analyzers.core.finding import Finding, Verdict
from analyzers.core.job import Done, Failed, JobState
from analyzers.core.params import parameters_of
from analyzers.core.policy import Policy
from analyzers.core.subject import Subject
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.policies import load_policy
from analyzers.report.sections import Entry, sections_of

OK, FOUND, ERROR = 0, 1, 2
_AT_LEVEL = {
    "fail": (Verdict.FAIL,),
    "warn": (Verdict.FAIL, Verdict.WARN),
    "inconclusive": (Verdict.FAIL, Verdict.WARN, Verdict.INCONCLUSIVE),
}


def list_all(options: argparse.Namespace) -> int:
    """Show the analyzers with their questions and parameters, and the samples."""
    from sample_models import SAMPLES

    if options.json:
        described = {
            "analyzers": [_described(analyzer) for analyzer in ANALYZERS],
            "samples": [
                {"name": item.name, "title": item.title, "shows": item.shows,
                 "is_built": item.is_built}
                for item in SAMPLES
            ],
        }  # fmt: skip
        say_json(json.dumps(described, indent=2))
        return OK
    for analyzer in ANALYZERS:
        say(f"{analyzer.name}: {analyzer.question}")
        for item in parameters_of(analyzer.params):
            bounds = f", {item.minimum:g} to {item.maximum:g}" if item.minimum is not None and (
                item.maximum is not None) else ""  # fmt: skip
            choices = f", one of {', '.join(item.choices)}" if item.choices else ""
            setting = f"{analyzer.name}.{item.name}={item.default_text}"
            say(f"    --set {setting}  {item.label}{bounds}{choices}")
    say("", "Samples (assay audit --sample NAME):")
    for sample in SAMPLES:
        say(f"  {sample.name}: {sample.shows}" + ("" if sample.is_built else " (not built yet)"))
    return OK


def inspect(options: argparse.Namespace) -> int:
    """Show what the files seem to be; nothing is measured."""
    given = given_by(options)
    store = open_store(options.store)
    runner = Runner(store)
    try:
        examined = examine(store, runner, given, Progress())
    finally:
        runner.close()
    if options.json:
        found = examined.subject.model_dump(mode="json")
        say_json(json.dumps({"subject": found, "notes": examined.notes}, indent=2))
    else:
        say_subject(examined.subject, examined.notes)
    return OK


def audit(options: argparse.Namespace) -> int:
    """Examine one model and its data."""
    plan = _Plan(options)
    given = given_by(options)
    if options.sample and options.training_data is not None:
        raise InvalidParameter(
            "Expected a sample with its own training data, got another table.",
            remedy="Leave --training-data out.",
        )
    store = open_store(options.store)
    runner = Runner(store)
    try:
        return _audit(plan, store, runner, given, options.out)
    finally:
        runner.close()


def audit_samples(options: argparse.Namespace) -> int:
    """Examine every sample, each into a folder of its own."""
    from sample_models import SAMPLES

    plan = _Plan(options)
    given = [given_sample(sample.name) for sample in SAMPLES]
    store = open_store(options.store)
    runner = Runner(store)
    codes = []
    try:
        for sample, files in zip(SAMPLES, given, strict=True):
            folder = None if options.out is None else options.out / sample.name
            codes.append(_audit(plan, store, runner, files, folder))
    finally:
        runner.close()
    return max(codes)


def report(options: argparse.Namespace) -> int:
    """Judge stored results anew and write the report; nothing is measured."""
    policy = load_policy(options.policy)
    formats = chart_formats(words_of([options.charts]))
    store = open_store(options.store)
    if not options.subject:
        for subject in store.subjects():
            say(f"{subject.digest[:16]}  {subject.name}")
        return OK
    subject = _stored_subject(store, options.subject)
    entries = stored_entries(store, subject, ANALYZERS)
    if not entries:
        raise InvalidParameter(
            f"Expected stored results about {subject.name!r}, got none.",
            remedy="Run `assay audit` first.",
        )
    return _conclude(options, subject, entries, policy, formats, options.out)


class _Plan:
    """Everything an audit is told beside the files, checked before any work is done."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.policy = load_policy(options.policy)
        self.formats = chart_formats(words_of([options.charts]))
        self.analyzers = chosen_analyzers(options.analyzers)
        self.params = chosen_params(options.settings)
        strange = set(self.params) - {analyzer.name for analyzer in self.analyzers}
        if strange:
            raise InvalidParameter(
                f"Expected settings of the chosen analyzers, got one of {', '.join(strange)}.",
                remedy="Add it to --analyzers, or leave the setting out.",
            )
        if self.formats and options.out is None:
            raise InvalidParameter(
                "Expected a folder for the charts, got none.", remedy="Give --out DIR."
            )


def _audit(plan: _Plan, store: Store, runner: Runner, given: Given, out: Path | None) -> int:
    progress = Progress()
    examined = examine(store, runner, given, progress)
    if not plan.options.json:
        _introduce(examined)

    def on_state(analyzer: Analyzer[Any], state: JobState) -> None:
        progress.show(analyzer.title, state)

    try:
        entries = run_all(
            runner, examined.subject, plan.analyzers, plan.params,
            seed=plan.options.seed, on_state=on_state,
        )  # fmt: skip
    finally:
        progress.clear()
    return _conclude(plan.options, examined.subject, entries, plan.policy, plan.formats, out)


def _introduce(examined: Examined) -> None:
    subject = examined.subject
    sensitive = ", ".join(column.name for column in subject.sensitive) or "none"
    say(
        f"{subject.name}: {subject.model_kind or 'predictions only'}, {subject.task}, "
        f"{subject.n_rows:,} rows, outcome {subject.target or 'unknown'}, sensitive: {sensitive}"
    )
    for note in examined.notes:
        say(f"- {note}")
    say("")


def _conclude(
    options: argparse.Namespace,
    subject: Subject,
    entries: Sequence[Entry],
    policy: Policy,
    formats: Sequence[str],
    out: Path | None,
) -> int:
    sections = sections_of(entries, policy, ANALYZERS)
    if out is not None:
        write_audit(out, subject, entries, sections, policy, formats=formats)
    if options.json:
        say_json(findings_json(subject, policy, sections))
    else:
        say_sections(sections)
        if out is not None:
            say(f"Report: {out / 'report.html'}")
    for entry in entries:
        if not isinstance(entry.state, Done):
            tell_failure(entry.analyzer.title, entry.state)
    findings = [finding for section in sections for finding in section.findings]
    return exit_code(entries, findings, level=options.fail_on)


def exit_code(entries: Sequence[Entry], findings: Sequence[Finding], *, level: str) -> int:
    """Return 2 where an area broke or none could be asked, 1 for findings at `level`, else 0.

    A question that does not apply to the subject is not an error, as long as another does.
    """
    broken = [
        entry for entry in entries
        if entry.result is None
        and not (isinstance(entry.state, Failed) and entry.state.kind == "unsuitable")
    ]  # fmt: skip
    if broken or not any(entry.result is not None for entry in entries):
        return ERROR
    return FOUND if any(finding.verdict in _AT_LEVEL[level] for finding in findings) else OK


def _stored_subject(store: Store, text: str) -> Subject:
    digest = _digest_in(Path(text)) or text
    found = [
        subject
        for subject in store.subjects()
        if subject.digest.startswith(digest) or subject.name == text
    ]
    if len({subject.digest for subject in found}) > 1:
        warn(f"{len(found)} stored subjects match {text!r}; the newest is taken.")
    if not found:
        raise InvalidParameter(
            f"Expected a stored subject, got {text!r}.",
            remedy="`assay report` without a name lists them; give the --store of the audit.",
        )
    return found[0]


def _digest_in(path: Path) -> str:
    """The subject's digest in an earlier audit's findings.json, or nothing."""
    file = path / "findings.json" if path.is_dir() else path
    if file.suffix != ".json" or not file.is_file():
        return ""
    try:
        return str(json.loads(file.read_text(encoding="utf-8"))["subject_digest"])
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidParameter(
            f"Expected the findings.json of an audit, got something else in {str(file)!r}.",
            remedy="Give the folder that `assay audit --out` wrote.",
        ) from error


def _described(analyzer: Analyzer[Any]) -> dict[str, Any]:
    return {
        "name": analyzer.name,
        "version": analyzer.version,
        "title": analyzer.title,
        "question": analyzer.question,
        "parameters": [
            {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in item._asdict().items()
            }
            for item in parameters_of(analyzer.params)
        ],
    }
