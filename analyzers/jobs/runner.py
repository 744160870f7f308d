"""Asking questions about subjects: submit, look, cancel, fetch."""

import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from analyzers.core.analyzer import Analyzer, Groundwork
from analyzers.core.errors import StoreError
from analyzers.core.job import Done, Job, JobState, Limits, Request
from analyzers.core.params import Params
from analyzers.core.result import Result
from analyzers.core.subject import FileRef, Files, Subject
from analyzers.inspection import InspectionParams
from analyzers.jobs.declared import INSPECTION, INSPECTION_VERSION
from analyzers.jobs.launcher import launcher
from analyzers.jobs.live import LiveModel, open_live_model
from analyzers.jobs.settings import settings
from analyzers.jobs.store import Store
from analyzers.jobs.supervisor import Supervisor, supervise, supervisor_of
from analyzers.jobs.workspaces import expire_workspaces
from analyzers.predictions import PREDICTIONS

_POLL_SECONDS = 0.05
_STOP_SECONDS = 2.0
_DAY_SECONDS = 86400.0


class Runner:
    """Runs questions of one workspace in sandboxed workers.

    Any number of runners in a process share its workers and their number.
    """

    def __init__(self, store: Store) -> None:
        """Take a workspace's store, start warming the workers' parent up, remove what expired."""
        self._store = store
        self._live: list[LiveModel] = []
        launcher().warm_up()
        store.sweep()
        store.expire(older_than=settings().keep_days * _DAY_SECONDS)
        expire_workspaces(store.root, older_than=settings().keep_days * _DAY_SECONDS)

    def submit(
        self,
        analyzer: Analyzer[Any],
        subject: Subject,
        params: Params,
        *,
        seed: int = 0,
        limits: Limits | None = None,
    ) -> str:
        """Ask a question and return its id at once.

        A question that was answered before is not asked again; one that is being answered is
        joined; one that failed, was cancelled or was cut short is tried anew.

        Args:
            analyzer: of the catalog, or the shared predictions.
            subject: with its files in the store.
            params: of the analyzer.
            seed: in [0, 2**32).
            limits: None for this server's own.

        Raises:
            UnsuitableSubject: the question does not apply to this subject.
            StoreError: a file of the subject is not in the workspace.
        """
        analyzer.require(subject)
        job = Job(
            analyzer=analyzer.name,
            version=analyzer.version,
            subject=subject.digest,
            params=params.model_dump(mode="json"),
            seed=seed,
            limits=limits or settings().limits,
        )
        first = list(analyzer.groundwork(subject, params))
        if analyzer.needs.predictions:
            first.insert(0, Groundwork(PREDICTIONS, PREDICTIONS.params()))
        return self._start(
            Request(job=job, files=subject.files, subject=subject),
            groundwork=[partial(self._lay, item, subject, job) for item in first],
        )

    def inspect(
        self, files: Files, params: InspectionParams, *, limits: Limits | None = None
    ) -> str:
        """Ask what an upload is, and return the question's id at once.

        Raises:
            StoreError: a file is not in the workspace.
        """
        job = Job(
            analyzer=INSPECTION,
            version=INSPECTION_VERSION,
            subject=files.digest,
            params=params.model_dump(mode="json"),
            limits=limits or settings().limits,
        )
        return self._start(Request(job=job, files=files))

    def state(self, job_id: str) -> JobState:
        """Return where a question is.

        Raises:
            StoreError: it was never asked in this workspace.
        """
        supervisor = supervisor_of(self._store, job_id)
        if supervisor is not None:
            return supervisor.state
        state = self._store.state(job_id)
        if state is None:
            raise StoreError(
                "Expected a question asked in this workspace, got an unknown one.",
                remedy="Run the analysis again.",
            )
        return state

    def cancel(self, job_id: str) -> None:
        """Stop a question, queued or running; nothing where it has ended."""
        supervisor = supervisor_of(self._store, job_id)
        if supervisor is not None:
            supervisor.cancel()

    def end_early(self, job_id: str) -> bool:
        """Ask a running question to end with what it has found so far.

        Returns:
            Whether it can; a question offers it while `Progress.so_far` says something.
        """
        supervisor = supervisor_of(self._store, job_id)
        return supervisor is not None and supervisor.end_early()

    def result(self, job_id: str) -> Result:
        """Return the answer.

        Raises:
            StoreError: there is none.
            ResultError: it is damaged.
        """
        return self._store.result(job_id)

    def wait(self, job_id: str, *, timeout: float | None = None) -> JobState:
        """Wait until a question has ended, or `timeout` seconds, and return its state."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            state = self.state(job_id)
            has_ended = state.state not in ("queued", "running")
            if has_ended or (deadline is not None and time.monotonic() >= deadline):
                return state
            supervisor = supervisor_of(self._store, job_id)
            left = _POLL_SECONDS if deadline is None else deadline - time.monotonic()
            if supervisor is None:
                time.sleep(min(_POLL_SECONDS, max(left, 0.0)))
            else:
                supervisor.wait(None if deadline is None else max(left, 0.0))

    def open_live(self, subject: Subject) -> LiveModel:
        """Open a subject's model in a worker of its own that answers in milliseconds.

        Raises:
            AssayError: the model cannot be opened; says why.
        """
        model = open_live_model(self._store, subject)
        self._live = [item for item in self._live if item.is_open]
        self._live.append(model)
        return model

    def remove_file(self, ref: FileRef) -> None:
        """Cancel what is being asked about an upload, and remove it with all that came of it."""
        _stop([item for item in Supervisor.all_of(self._store) if item.reads(ref)])
        self._store.remove_file(ref)

    def close(self) -> None:
        """Cancel what this workspace has at work and close its live models."""
        for model in self._live:
            model.close()
        _stop(Supervisor.all_of(self._store))

    def _lay(self, item: Groundwork, subject: Subject, job: Job) -> str:
        # The predictions are everybody's, whatever the seed.
        seed = 0 if item.analyzer is PREDICTIONS else job.seed
        return self.submit(item.analyzer, subject, item.params, seed=seed, limits=job.limits)

    def _start(self, request: Request, *, groundwork: Sequence[Callable[[], str]] = ()) -> str:
        for ref in request.files.refs:
            self._store.file_path(ref)
        job_id = request.job.id
        with _submitting:
            state = self._store.state(job_id)
            is_answered = (
                isinstance(state, Done)
                and not state.is_cut_short
                and self._store.has_result(job_id)
            )
            is_elsewhere = state is not None and state.state in ("queued", "running")
            if supervisor_of(self._store, job_id) or is_answered or is_elsewhere:
                return job_id
            supervise(self._store, request, groundwork=groundwork)
        return job_id


def _stop(supervisors: Sequence[Supervisor]) -> None:
    for supervisor in supervisors:
        supervisor.cancel()
    for supervisor in supervisors:
        supervisor.wait(_STOP_SECONDS)


_submitting = threading.Lock()
