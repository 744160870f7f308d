"""Every suitable analyzer over one subject, side by side, for any reader of results."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import AssayError
from analyzers.core.job import Done, Failed, JobState, Queued, Running
from analyzers.core.params import Params
from analyzers.core.subject import Subject
from analyzers.jobs.runner import Runner
from analyzers.jobs.store import Store
from analyzers.report.sections import Entry

POLL_SECONDS = 0.1
OnState = Callable[[Analyzer[Any], JobState], None]


def run_all(
    runner: Runner,
    subject: Subject,
    analyzers: Sequence[Analyzer[Any]],
    params: Mapping[str, Params],
    *,
    seed: int = 0,
    on_state: OnState | None = None,
) -> list[Entry]:
    """Ask every question that applies and wait for the answers.

    One that does not apply or fails has its reason in its entry; the others go on.

    Args:
        runner: of the workspace that holds the subject's files.
        subject: what to examine.
        analyzers: which questions, in the order of the entries.
        params: by analyzer name; the default where one is missing.
        seed: in [0, 2**32).
        on_state: told of every change of state, and of every step of progress.

    Returns:
        One entry for each analyzer, in order.
    """
    states: dict[str, JobState] = {}
    jobs: dict[str, str] = {}
    for analyzer in analyzers:
        try:
            chosen = params.get(analyzer.name) or analyzer.params()
            jobs[analyzer.name] = runner.submit(analyzer, subject, chosen, seed=seed)
            states[analyzer.name] = Queued()
        except AssayError as error:
            states[analyzer.name] = _refused(error)
            _tell(on_state, analyzer, states[analyzer.name])
    try:
        while any(isinstance(state, Queued | Running) for state in states.values()):
            for analyzer in analyzers:
                if not isinstance(states[analyzer.name], Queued | Running):
                    continue
                state = runner.state(jobs[analyzer.name])
                if state != states[analyzer.name]:
                    _tell(on_state, analyzer, state)
                states[analyzer.name] = state
            time.sleep(POLL_SECONDS)
    except BaseException:
        # Interrupted: workers must not go on for nobody.
        for job in jobs.values():
            runner.cancel(job)
        raise
    return [
        _entry(runner, analyzer, states[analyzer.name], jobs.get(analyzer.name))
        for analyzer in analyzers
    ]


def stored_entries(
    store: Store, subject: Subject, analyzers: Sequence[Analyzer[Any]]
) -> list[Entry]:
    """Return the newest stored answer to each question about a subject; none is asked anew."""
    newest: dict[str, Entry] = {}
    by_name = {analyzer.name: analyzer for analyzer in analyzers}
    records = sorted(store.history(), key=lambda record: record.submitted, reverse=True)
    for record in records:
        analyzer = by_name.get(record.analyzer)
        is_current = analyzer is not None and record.job.version == analyzer.version
        if (
            analyzer is None
            or not is_current
            or record.job.subject != subject.digest
            or record.analyzer in newest
            or not isinstance(record.state, Done)
        ):
            continue
        newest[record.analyzer] = Entry(
            analyzer=analyzer, state=record.state, result=store.result(record.job.id)
        )
    return [newest[name] for name in by_name if name in newest]


def _tell(on_state: OnState | None, analyzer: Analyzer[Any], state: JobState) -> None:
    if on_state is not None:
        on_state(analyzer, state)


def _entry(runner: Runner, analyzer: Analyzer[Any], state: JobState, job: str | None) -> Entry:
    if job is None or not isinstance(state, Done):
        return Entry(analyzer=analyzer, state=state)
    try:
        return Entry(analyzer=analyzer, state=state, result=runner.result(job))
    except AssayError as error:
        return Entry(analyzer=analyzer, state=_refused(error))


_KINDS = {
    "unsuitable": "unsuitable", "parameter": "parameter", "store": "store", "result": "result",
    "refused": "refused", "sandbox": "sandbox", "policy": "policy", "model": "model",
}  # fmt: skip


def _refused(error: AssayError) -> Failed:
    return Failed.model_validate(
        {
            "kind": _KINDS.get(error.kind, "error"),
            "message": error.message[:4000],
            "remedy": error.remedy[:4000],
        }
    )
