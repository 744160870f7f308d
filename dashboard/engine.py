"""The store, the runner and the answers of this tab's workspace.

Answers are kept in memory under the workspace and the job, both of which are digests or tokens:
nothing is looked up by its content, and nothing is shared between workspaces.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import streamlit as st

from analyzers.catalog import ANALYZERS
from analyzers.core.analyzer import Analyzer
from analyzers.core.chart import Chart
from analyzers.core.errors import StoreError
from analyzers.core.finding import Finding
from analyzers.core.job import Done, Failed, JobState, Stopped
from analyzers.core.policy import Policy
from analyzers.core.result import Measurements, Result
from analyzers.core.subject import Subject
from analyzers.jobs.runner import Runner
from analyzers.jobs.sandbox import Protection, this_system
from analyzers.jobs.store import Store
from analyzers.report.sections import severest_first
from dashboard import session
from dashboard.limits import pack_in, packs_in

MOST_ANSWERS = 64


class Answer(NamedTuple):
    """Measurements held against a policy, and drawn."""

    findings: tuple[Finding, ...]
    charts: tuple[Chart, ...]


def store() -> Store:
    """Open this tab's workspace."""
    return Store(session.home(), workspace=session.workspace())


def runner() -> Runner:
    """Return a runner for this tab's workspace; all runners share the server's workers."""
    return Runner(store())


def policy() -> Policy:
    """Return the chosen pack of limits."""
    return pack_in(store(), policy_name())


def policy_name() -> str:
    """Return the name of the chosen pack; the default where the chosen one is gone."""
    chosen = session.policy_name()
    return chosen if chosen in packs_in(store()) else session.DEFAULT_POLICY


def subject() -> Subject | None:
    """Return the subject under examination, or None; one that is gone is forgotten."""
    digest = session.subject_digest()
    if not digest:
        return None
    try:
        return store().subject(digest)
    except StoreError:
        return None


def latest_jobs(examined: Subject) -> Mapping[str, str]:
    """Return the job asked last of each analyzer about this subject."""
    latest: dict[str, str] = {}
    for record in store().history():
        if record.job.subject == examined.digest:
            latest.setdefault(record.analyzer, record.job.id)
    return latest


def state_of(job_id: str) -> JobState:
    """Return where a job is; one that is gone has failed, and says so."""
    try:
        return runner().state(job_id)
    except StoreError as error:
        return Failed(kind="lost", message=error.message, remedy=error.remedy)


def answer_to(job_id: str) -> Result:
    """Return a finished job's result.

    Raises:
        AssayError: there is none, or it is damaged.
    """
    state = state_of(job_id)
    if isinstance(state, Done) and state.is_cut_short:
        # The same question may get its full answer later, under the same id.
        return runner().result(job_id)
    return _answer(str(session.home()), session.workspace(), job_id)


def judged(analyzer: Analyzer[Any], measurements: Measurements) -> Answer:
    """Hold measurements against the chosen policy and draw them."""
    findings = severest_first(analyzer.judge(measurements, policy()))
    return Answer(findings, tuple(analyzer.draw(measurements)))


def unanswered(examined: Subject) -> tuple[Analyzer[Any], ...]:
    """Return the analyzers that apply and whose answer is neither there nor on its way."""
    latest = latest_jobs(examined)

    def is_open(name: str) -> bool:
        return name not in latest or isinstance(state_of(latest[name]), Failed | Stopped)

    return tuple(
        analyzer
        for analyzer in ANALYZERS
        if analyzer.needs.obstacle(examined) is None and is_open(analyzer.name)
    )


def submit_all(examined: Subject) -> None:
    """Ask every question that applies and is open, each with its default parameters."""
    asked = runner()
    for analyzer in unanswered(examined):
        asked.submit(analyzer, examined, analyzer.params())


def forget_answers() -> None:
    """Drop all answers from memory; they are read from the store again when asked for."""
    _answer.clear()


@st.cache_resource(show_spinner=False)
def protection() -> Protection:
    """Try once which layers of isolation this system offers."""
    return this_system().available()


@st.cache_resource(max_entries=MOST_ANSWERS, show_spinner=False)
def _answer(home: str, workspace: str, job_id: str) -> Result:
    del home, workspace  # they are there to be part of the key
    return Runner(store()).result(job_id)
