"""A model kept open in a sandboxed worker, for what-if questions in milliseconds."""

import contextlib
import socket
import threading
import time

import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from analyzers.core.dataset import Predictions
from analyzers.core.errors import AssayError, ModelMisbehaved, UnsuitableSubject
from analyzers.core.job import Job, Limits, Request
from analyzers.core.subject import Subject
from analyzers.jobs import outcome
from analyzers.jobs.arrow_stream import read_table
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.launcher import Worker, launcher
from analyzers.jobs.layout import lay_out
from analyzers.jobs.live_frames import Frame, FrameError, read_frame, write_frame
from analyzers.jobs.settings import settings
from analyzers.jobs.store import Store
from analyzers.jobs.strict_json import parse_strict
from analyzers.jobs.watching import end_worker
from analyzers.predictions import PREDICTION_SCHEMA, predictions_from

OPEN_SECONDS = 120.0
ANSWER_SECONDS = 30.0
LOOK_SECONDS = 0.1
_MOST_ANSWER_BYTES = 64 * 1024 * 1024


class LiveModel:
    """A model in a worker of its own. It closes when asked, when idle, and with its host."""

    def __init__(self, store: Store, subject: Subject, *, limits: Limits) -> None:
        """Start the worker and wait until the model is open.

        Raises:
            UnsuitableSubject: the subject has no model, or its rows are not a table.
            AssayError: the model cannot be opened; says why.
        """
        if subject.files.model is None or subject.modality == "image":
            raise UnsuitableSubject(
                "What-if questions need a model file and rows of a table or text.",
                remedy="Upload the model file beside the data.",
            )
        self._subject = subject
        self._limits = limits
        self._asking = threading.Lock()
        self._is_closed = threading.Event()
        self._reason: AssayError | None = None
        self._used = time.monotonic()
        self._folder = contextlib.ExitStack()
        self._worker: Worker | None = None
        self._ours: socket.socket | None = None
        folder = self._folder.enter_context(store.work_folder())
        try:
            job = Job(analyzer="live", version=1, subject=subject.digest, limits=limits)
            request = Request(job=job, files=subject.files, subject=subject)
            readable = lay_out(store, request, folder)
            self._ours, theirs = socket.socketpair()
            with theirs:
                self._worker = launcher().launch(
                    "live", folder, readable=readable, limits=limits, connection=theirs
                )
                locked = self._worker.wait_locked(self._is_closed)
            self.protection = self._worker.protection
            threading.Thread(target=self._watch, name="assay-live", daemon=True).start()
            if not locked:
                raise FrameError("gone")
            frame = self._read(OPEN_SECONDS)
        except FrameError as error:
            found = outcome.read_error(folder / "scratch")
            self.close()
            if found is not None:
                raise AssayError(tame(found.message), remedy=tame(found.remedy)) from error
            raise self._why(error) from error
        except BaseException:
            self.close()
            raise
        self.kind = str(parse_strict(frame.content, what="the model's report").get("kind", ""))[
            :200
        ]

    @property
    def is_open(self) -> bool:
        """Whether it still answers."""
        return not self._is_closed.is_set()

    @property
    def idle_seconds(self) -> float:
        """Seconds since it was last asked."""
        return time.monotonic() - self._used

    def predict(self, rows: pd.DataFrame) -> Predictions:
        """Ask the model about rows.

        Args:
            rows: `(n_rows, n_columns)` with at least the model's features; `rows` of the answer
                count from 0.

        Raises:
            AssayError: the rows do not fit, or the model does not answer; says why.
        """
        sink = pa.BufferOutputStream()
        table = pa.Table.from_pandas(rows, preserve_index=False)
        with ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        with self._asking:
            if self._ours is None or self._is_closed.is_set():
                raise self._why(FrameError("closed"))
            self._used = time.monotonic()
            try:
                deadline = time.monotonic() + ANSWER_SECONDS
                content = sink.getvalue().to_pybytes()
                write_frame(self._ours.fileno(), "rows", content, deadline=deadline)
                frame = self._read(ANSWER_SECONDS)
            except FrameError as error:
                self.close()
                raise self._why(error) from error
            self._used = time.monotonic()
        answer = read_table(frame.content, PREDICTION_SCHEMA, name="predictions")
        if len(answer) != len(rows):
            raise ModelMisbehaved(
                f"Expected {len(rows):,} answers, got {len(answer):,}.",
                remedy="Check that the model answers each row on its own.",
            )
        return predictions_from(answer, self._subject)

    def close(self) -> None:
        """End the worker and remove its folder."""
        self._is_closed.set()
        worker, self._worker = self._worker, None
        if worker is not None:
            end_worker(worker, is_patient=False)
            worker.close()
        ours, self._ours = self._ours, None
        if ours is not None:
            ours.close()
        self._folder.close()

    def _read(self, seconds: float) -> Frame:
        if self._ours is None:
            raise FrameError("closed")
        frame = read_frame(
            self._ours.fileno(), most=_MOST_ANSWER_BYTES, deadline=time.monotonic() + seconds
        )
        if frame.kind == "error":
            body = parse_strict(frame.content, what="the model's answer")
            words = {
                name: tame(str(body.get(name, "")), most=3000) for name in ("message", "remedy")
            }
            raise ModelMisbehaved(words["message"], remedy=words["remedy"])
        return frame

    def _watch(self) -> None:
        while not self._is_closed.wait(LOOK_SECONDS):
            worker = self._worker
            if worker is None or worker.wait(0):
                return
            if worker.memory_bytes() > self._limits.memory_bytes:
                failed = outcome.overrun("memory", self._limits)
                self._reason = ModelMisbehaved(failed.message, remedy=failed.remedy)
                end_worker(worker, is_patient=False)
                return
            if self.idle_seconds > settings().live_idle_seconds and not self._asking.locked():
                self.close()
                return

    def _why(self, error: FrameError) -> AssayError:
        if self._reason is not None:
            return self._reason
        said = {
            "late": ("The model did not answer in time.", "Ask about fewer rows."),
            "closed": ("The model was closed after a while without questions.", "Open it again."),
            "oversized": ("The model's answer is too large.", "Ask about fewer rows."),
        }
        message, remedy = said.get(
            str(error), ("The model's worker ended unexpectedly.", "Open the model again.")
        )
        return ModelMisbehaved(message, remedy=remedy)


def open_live_model(store: Store, subject: Subject) -> LiveModel:
    """Open a model, closing the one that was idle longest where too many are open.

    Raises:
        AssayError: the model cannot be opened; says why.
    """
    with _open_lock:
        _open[:] = [model for model in _open if model.is_open]
        if len(_open) >= settings().live_models:
            idlest = max(_open, key=lambda model: model.idle_seconds)
            idlest.close()
            _open.remove(idlest)
    model = LiveModel(store, subject, limits=settings().limits)
    with _open_lock:
        _open.append(model)
    return model


_open: list[LiveModel] = []
_open_lock = threading.Lock()
