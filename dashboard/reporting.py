"""The report of a subject, made without a page: for downloads and for its own address."""

from collections.abc import Sequence
from pathlib import Path

from analyzers.catalog import ANALYZERS
from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import AssayError, StoreError
from analyzers.core.job import Done, Failed
from analyzers.core.params import NoParams
from analyzers.core.subject import Subject
from analyzers.jobs.store import Store
from analyzers.jobs.workspaces import workspace_exists
from analyzers.report.html import Cut, report_html
from analyzers.report.sections import Entry
from dashboard.limits import pack_in

AnyAnalyzer = Analyzer[NoParams]


def report_of(
    home: Path,
    workspace: str,
    subject_digest: str,
    *,
    policy: str,
    areas: Sequence[str],
    cut: Cut = "whole",
) -> str:
    """Write the report of everything finished about a subject.

    Args:
        home: the folder of all workspaces.
        workspace: whose results.
        subject_digest: which subject.
        policy: name of a pack of limits.
        areas: names of the analyzers to report on; the others are said not to be part of it.
        cut: the whole record, or two pages for those who decide.

    Returns:
        One self-contained HTML page.

    Raises:
        AssayError: the workspace, the subject or the policy is not there.
    """
    if not workspace_exists(home, workspace):
        # Opening a store would create it, and a stranger could fill the disk with guesses.
        raise StoreError(
            "Expected the token of a workspace on this server, got another one.",
            remedy="Open the report from its own page.",
        )
    store = Store(home, workspace=workspace)
    examined = store.subject(subject_digest)
    entries = [entry for entry in entries_in(store, examined) if entry.analyzer.name in areas]
    return report_html(examined, entries, pack_in(store, policy), cut=cut)


def entries_in(store: Store, examined: Subject) -> tuple[Entry, ...]:
    """Return where every analyzer stands with a subject, with its result where it has one."""
    latest: dict[str, str] = {}
    for record in store.history():
        if record.job.subject == examined.digest:
            latest.setdefault(record.analyzer, record.job.id)
    return tuple(
        _entry(store, analyzer, examined, latest.get(analyzer.name)) for analyzer in ANALYZERS
    )


def _entry(store: Store, analyzer: AnyAnalyzer, examined: Subject, job_id: str | None) -> Entry:
    state = None if job_id is None else store.state(job_id)
    if job_id is None or state is None:
        reason = analyzer.needs.obstacle(examined) or "It has not been run yet."
        return Entry(analyzer=analyzer, state=Failed(kind="unsuitable", message=reason))
    if not isinstance(state, Done):
        return Entry(analyzer=analyzer, state=state)
    try:
        return Entry(analyzer=analyzer, state=state, result=store.result(job_id))
    except AssayError as error:
        failed = Failed(kind="result", message=error.message, remedy=error.remedy)
        return Entry(analyzer=analyzer, state=failed)
