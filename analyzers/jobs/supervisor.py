"""One thread per job: the only writer of its state, and the only reader of what its worker left."""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from analyzers.core.errors import AssayError
from analyzers.core.job import (
    Done,
    Failed,
    JobState,
    Progress,
    Queued,
    Request,
    Running,
    Stopped,
)
from analyzers.core.result import Provenance, Result
from analyzers.core.subject import FileRef, Trust
from analyzers.jobs import outcome
from analyzers.jobs.codec import read_output
from analyzers.jobs.declared import declared_tables
from analyzers.jobs.layout import lay_out
from analyzers.jobs.slots import slots
from analyzers.jobs.store import Store
from analyzers.jobs.watching import Ending, run_worker

_log = logging.getLogger(__name__)

_POLL_SECONDS = 0.05
VERSIONED = (
    "assay", "numpy", "pandas", "scipy", "scikit-learn", "torch", "shap", "lime", "xgboost",
    "lightgbm", "catboost", "onnxruntime", "textattack",
)  # fmt: skip


class Supervisor:
    """Sees one job through."""

    def __init__(
        self, store: Store, request: Request, *, groundwork: Sequence[Callable[[], str]]
    ) -> None:
        """Record the job as queued.

        Args:
            store: where the job's files are and its answer goes.
            request: the question.
            groundwork: each asks a question that this one builds on, and returns that job's id.
        """
        self._store = store
        self._request = request
        self._groundwork = groundwork
        self._awaited = ""
        self._is_cancelled = threading.Event()
        self._is_ending = threading.Event()
        self._has_ended = threading.Event()
        self.state: JobState = Queued()
        store.begin(request)

    @staticmethod
    def all_of(store: Store) -> "list[Supervisor]":
        """Return the supervisors at work for a workspace."""
        with _at_work_lock:
            return [item for (folder, _), item in _at_work.items() if folder == store.folder]

    def run(self) -> None:
        """See the job through to a state that stays; never raises."""
        job_id = self._request.job.id
        try:
            state = self._see_through()
        except AssayError as error:
            state = Failed(
                kind=outcome.failure_kind(error.kind), message=error.message, remedy=error.remedy
            )
        except Exception:
            _log.exception("supervising job %s failed", job_id[:12])
            state = Failed(
                kind="error",
                message="The work could not be supervised because of a fault in Assay.",
                remedy="Run it again; the server's log says more.",
            )
        with _at_work_lock:
            try:
                self._set(state)
            except (AssayError, OSError):
                _log.exception("the state of job %s could not be kept", job_id[:12])
                self.state = state
            _at_work.pop((self._store.folder, job_id), None)
        self._has_ended.set()
        _log.info("job %s of %s: %s", job_id[:12], self._request.job.analyzer, state.state)

    def reads(self, ref: FileRef) -> bool:
        """Whether the job is about this upload."""
        return self._request.files.has(ref)

    def cancel(self) -> None:
        """Stop it, queued or running."""
        self._is_cancelled.set()

    def end_early(self) -> bool:
        """Ask the worker to end with what it has; return whether it offered that."""
        state = self.state
        if not isinstance(state, Running) or state.progress.so_far is None:
            return False
        self._is_ending.set()
        return True

    def wait(self, seconds: float | None) -> bool:
        """Wait for its end; return whether it has ended."""
        return self._has_ended.wait(seconds)

    def _see_through(self) -> JobState:
        earlier: list[Result] = []
        for ask in self._groundwork:
            self._awaited = ask()
            answer = self._await(self._awaited)
            if not isinstance(answer, Result):
                return answer
            earlier.append(answer)
        with slots().turn(self._is_cancelled) as has_turn:
            if not has_turn:
                return Stopped()
            with self._store.work_folder() as folder:
                return self._work(folder, earlier)

    def _await(self, job_id: str) -> "Result | JobState":
        """Follow a question that this one builds on, without holding a turn of our own."""
        while True:
            other = supervisor_of(self._store, job_id)
            state = other.state if other else self._store.state(job_id)
            if isinstance(state, Done):
                return self._store.result(job_id)
            if self._is_cancelled.is_set():
                self._leave(other, job_id)
                return Stopped()
            if state is None:
                return Failed(kind="lost", message="What this builds on was removed while it was "
                              "needed.", remedy="Run it again.")  # fmt: skip
            if not isinstance(state, Queued | Running):
                return state
            if isinstance(state, Running):
                self._progress(state.progress)
            if other:
                other.wait(_POLL_SECONDS)
            else:
                time.sleep(_POLL_SECONDS)

    def _leave(self, other: "Supervisor | None", job_id: str) -> None:
        """Cancel what this one waits for too, where nobody else waits for it."""
        if other is None:
            return
        is_shared = any(
            item is not self and item._awaited == job_id and not item._is_cancelled.is_set()
            for item in Supervisor.all_of(self._store)
        )
        if not is_shared:
            other.cancel()

    def _work(self, folder: Path, earlier: Sequence[Result]) -> JobState:
        readable = lay_out(self._store, self._request, folder, groundwork=earlier)
        limits = self._request.job.limits
        started, clock = datetime.now(UTC), time.monotonic()
        self._set(Running())
        ending = run_worker(
            folder,
            readable=readable,
            limits=limits,
            is_cancelled=self._is_cancelled,
            is_ending=self._is_ending,
            on_progress=self._progress,
        )
        if ending.is_cancelled:
            return Stopped()
        if ending.overrun is not None:
            return outcome.overrun(ending.overrun, limits)
        scratch = folder / "scratch"
        error = outcome.read_error(scratch)
        if error is not None:
            _log.warning(
                "job %s: %s at %s",
                self._request.job.id[:12],
                error.kind[:40],
                [place[:80] for place in error.where[:12]],
            )
            return outcome.failure_from(error)
        if ending.exit_code != 0 or not (scratch / "output" / "result.json").exists():
            return outcome.unexplained_end(ending.exit_code, limits)
        seconds = time.monotonic() - clock
        is_cut_short = self._keep(scratch / "output", ending, started.isoformat(), seconds)
        return Done(is_cut_short=is_cut_short)

    def _keep(self, output: Path, ending: Ending, started: str, seconds: float) -> bool:
        """Read what the dead worker left, write anew what can be believed; was it cut short?"""
        job, subject = self._request.job, self._request.subject
        schemas = declared_tables(job.analyzer)
        read = read_output(output, schemas, most_bytes=job.limits.output_bytes)
        provenance = Provenance(
            versions=_versions(),
            seed=job.seed,
            started=started,
            seconds=round(seconds, 3),
            sampling=tuple(
                note for note in (read.measurements.cut_short, *read.measurements.sampling) if note
            ),
            changes=read.provenance.changes,
            trust=subject.trust if subject else Trust.DATA,
            protection=ending.protection.sentences,
        )
        self._store.save_result(
            Result(job=job, measurements=read.measurements, provenance=provenance), schemas
        )
        return bool(read.measurements.cut_short)

    def _progress(self, progress: Progress) -> None:
        self._set(Running(progress=progress, is_ending=self._is_ending.is_set()))

    def _set(self, state: JobState) -> None:
        self.state = state
        self._store.set_state(self._request.job.id, state)


def supervise(
    store: Store, request: Request, *, groundwork: Sequence[Callable[[], str]] = ()
) -> Supervisor:
    """Start supervising a job that nobody supervises."""
    supervisor = Supervisor(store, request, groundwork=groundwork)
    with _at_work_lock:
        _at_work[store.folder, request.job.id] = supervisor
    threading.Thread(
        target=supervisor.run, name=f"assay-job-{request.job.id[:8]}", daemon=True
    ).start()
    return supervisor


def supervisor_of(store: Store, job_id: str) -> Supervisor | None:
    """Return who supervises a job in this process, or None."""
    with _at_work_lock:
        return _at_work.get((store.folder, job_id))


_at_work: dict[tuple[Path, str], Supervisor] = {}
_at_work_lock = threading.Lock()


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in VERSIONED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
