"""Uploads, subjects, job states and results of one workspace, on disk and safe against crashes.

<root>/<workspace>/files/<sha256>             an upload, by content
                   subjects/<digest>.json     a subject
                   jobs/<id>/request.json     the question; written once
                             state.json       where it is; one writer
                             result/          result.json and tables; renamed into place whole
                   work/<random>/             a worker's inputs and scratch, gone when it ends
"""

import contextlib
import hashlib
import logging
import os
import re
import secrets
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeVar

import pyarrow as pa
from pydantic import ValidationError

from analyzers.core.errors import AssayError, ResultError, StoreError
from analyzers.core.job import Done, Failed, Job, JobState, Queued, Request, Running
from analyzers.core.policy import Policy
from analyzers.core.result import Result
from analyzers.core.subject import FileRef, Subject
from analyzers.core.value import Value
from analyzers.jobs import workspaces
from analyzers.jobs.codec import read_output, write_output
from analyzers.jobs.declared import declared_tables, is_internal
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.owner import is_alive, own_mark
from analyzers.jobs.plain_files import read_plain, sync_folder, write_whole
from analyzers.jobs.settings import settings

_log = logging.getLogger(__name__)

_CHUNK = 1024 * 1024
_MOST_RECORD_BYTES = 16 * 1024 * 1024
_DIGEST = re.compile(r"[0-9a-f]{64}")
_POLICY = "policy.json"
V = TypeVar("V", bound=Value)


class Record(NamedTuple):
    """One line of a workspace's history."""

    job: Job
    state: JobState
    subject_name: str
    submitted: datetime
    analyzer: str


class _State(Value):
    """A state and the process that is responsible for it."""

    state: JobState
    owner: str
    submitted: str


class Store:
    """What one workspace holds."""

    def __init__(self, root: Path, *, workspace: str) -> None:
        """Open a workspace, made on first use.

        Raises:
            StoreError: the token is malformed, or the folder cannot be made.
        """
        self.root = Path(root).resolve()
        self.workspace = workspace
        self.folder = workspaces.workspace_folder(self.root, workspace)
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in ("", "files", "subjects", "jobs", "work"):
                (self.folder / name).mkdir(mode=0o700, exist_ok=True)
            os.utime(self.folder)
        except OSError as error:
            raise StoreError(
                f"Expected to open the workspace, got {str(error.strerror).lower()}.",
                remedy="Choose a folder that this program may write.",
            ) from error

    def add_file(self, content: bytes | BinaryIO, name: str) -> FileRef:
        """Keep an upload under the digest of its content; nothing in it is parsed.

        Args:
            content: bytes, or a binary stream read in pieces.
            name: for display only; never used as a path.

        Raises:
            StoreError: larger than the server takes, or the disk is full.
        """
        digest, size = hashlib.sha256(), 0
        beside = self.folder / "files" / f".{secrets.token_hex(16)}"
        try:
            with beside.open("xb") as stream:
                for piece in _pieces(content):
                    size += len(piece)
                    if size > settings().upload_bytes:
                        raise StoreError(
                            f"Expected a file of at most {settings().upload_bytes:,} bytes, "
                            "got a larger one.",
                            remedy="Upload fewer rows or a smaller model, or ask the person who "
                            "runs the server to raise ASSAY_UPLOAD_MB.",
                        )
                    digest.update(piece)
                    stream.write(piece)
                stream.flush()
                os.fsync(stream.fileno())
            beside.chmod(0o400)
            _keep_first(beside, self.folder / "files" / digest.hexdigest())
            sync_folder(self.folder / "files")
        except OSError as error:
            raise StoreError(
                f"Expected to keep the upload, got {str(error.strerror).lower()}.",
                remedy="Free some space on the server, then upload again.",
            ) from error
        finally:
            beside.unlink(missing_ok=True)
        shown = tame(Path(name.replace("\\", "/")).name, most=200) or "file"
        return FileRef(sha256=digest.hexdigest(), size=size, name=shown)

    def file_path(self, ref: FileRef) -> Path:
        """Return where an upload is kept.

        Raises:
            StoreError: it is not in this workspace.
        """
        path = self.folder / "files" / _digest(ref.sha256)
        if path.is_symlink() or not path.is_file():
            raise StoreError(
                f"Expected the file {ref.name!r} in this workspace, got none.",
                remedy="It was removed or has expired: upload it again.",
            )
        return path

    def uploads(self) -> list[FileRef]:
        """Return every upload that a subject or a question names, by name, each file once."""
        asked = (self._request(job_id) for job_id in self._job_ids())
        every = [subject.files for subject in self.subjects()]
        every += [request.files for request in asked if request is not None]
        found = {ref.sha256: ref for files in every for ref in files.refs}
        return sorted(found.values(), key=lambda ref: (ref.name, ref.sha256))

    def remove_file(self, ref: FileRef) -> None:
        """Remove an upload, the subjects made from it, and their results."""
        for subject in self.subjects():
            if subject.files.has(ref):
                self._remove_subject(subject.digest)
        for job_id in self._job_ids():
            request = self._request(job_id)
            if request is not None and request.files.has(ref):
                workspaces.remove_tree(self._job_folder(job_id))
        workspaces.remove_tree(self.folder / "files" / _digest(ref.sha256))

    def save_subject(self, subject: Subject) -> str:
        """Keep a subject and return its digest."""
        path = self.folder / "subjects" / f"{subject.digest}.json"
        write_whole(path, subject.model_dump_json().encode())
        return subject.digest

    def subject(self, digest: str) -> Subject:
        """Return the subject with this digest.

        Raises:
            StoreError: it is not in this workspace, or its record is damaged.
        """
        path = self.folder / "subjects" / f"{_digest(digest)}.json"
        return _read_record(path, Subject, "the subject")

    def subjects(self) -> list[Subject]:
        """Return all subjects, newest first; a damaged record is left out and logged."""
        paths = sorted((self.folder / "subjects").glob("*.json"), key=_modified, reverse=True)
        found = (_read_or_skip(path, Subject, "a subject") for path in paths)
        return [subject for subject in found if subject is not None]

    def save_policy(self, policy: Policy) -> None:
        """Keep the workspace's own limits, in place of those before."""
        write_whole(self.folder / _POLICY, policy.model_dump_json().encode())

    def policy(self) -> Policy | None:
        """Return the workspace's own limits, or None; a damaged record is logged."""
        return _read_or_skip(self.folder / _POLICY, Policy, "the limits")

    def begin(self, request: Request) -> None:
        """Record a question as queued, this process being responsible for it."""
        folder = self._job_folder(request.job.id)
        folder.mkdir(mode=0o700, exist_ok=True)
        write_whole(folder / "request.json", request.model_dump_json().encode())
        self.set_state(request.job.id, Queued(), submitted=_now())

    def set_state(self, job_id: str, state: JobState, *, submitted: str | None = None) -> None:
        """Replace a job's state. Only its supervisor calls this."""
        folder = self._job_folder(job_id)
        if submitted is None:
            known = self._state(job_id)
            submitted = known.submitted if known else _now()
        record = _State(state=state, owner=own_mark(), submitted=submitted)
        ends = not isinstance(state, Running | Queued)
        with contextlib.suppress(FileNotFoundError):  # removed on request while it ran
            write_whole(folder / "state.json", record.model_dump_json().encode(), durable=ends)

    def state(self, job_id: str) -> JobState | None:
        """Return where a job is; None where it was never asked.

        A job whose server went away while it was queued or running has failed, and says so.
        """
        record = self._state(job_id)
        if record is None:
            return None
        is_open = isinstance(record.state, Running | Queued)
        if is_open and not is_alive(record.owner):
            return Failed(
                kind="lost",
                message="The server was stopped or restarted while this was at work.",
                remedy="Run it again.",
            )
        if isinstance(record.state, Done) and not (self._job_folder(job_id) / "result").is_dir():
            return Failed(
                kind="lost", message="The result is no longer on disk.", remedy="Run it again."
            )
        return record.state

    def save_result(self, result: Result, schemas: Mapping[str, pa.Schema]) -> None:
        """Keep a result: written beside, then renamed, so that no crash leaves a half.

        Raises:
            StoreError: the disk is full or the folder is gone.
            ResultError: the result breaks its declared tables.
        """
        folder = self._job_folder(result.job.id)
        beside = folder / f".result-{secrets.token_hex(8)}"
        try:
            beside.mkdir(mode=0o700)
            write_output(beside, result.measurements, result.provenance, schemas, durable=True)
            if (folder / "result").exists():
                if self._is_whole(result.job.id):
                    # The same question has the same answer, and no moment may be without it.
                    return
                workspaces.remove_tree(folder / "result")
            beside.rename(folder / "result")
            sync_folder(folder)
        except OSError as error:
            raise StoreError(
                f"Expected to keep the result, got {str(error.strerror).lower()}.",
                remedy="Free some space on the server, then run it again.",
            ) from error
        finally:
            workspaces.remove_tree(beside)

    def result(self, job_id: str) -> Result:
        """Return the answer to a job.

        Raises:
            StoreError: there is none in this workspace.
            ResultError: it is damaged.
        """
        request = self._request(job_id)
        folder = self._job_folder(job_id) / "result"
        if request is None or not folder.is_dir():
            raise StoreError(
                "Expected a finished result in this workspace, got none.",
                remedy="Run the analysis again.",
            )
        output = read_output(
            folder,
            declared_tables(request.job.analyzer),
            most_bytes=2 * max(request.job.limits.output_bytes, settings().limits.output_bytes),
        )
        return Result(
            job=request.job, measurements=output.measurements, provenance=output.provenance
        )

    def has_result(self, job_id: str) -> bool:
        """Return whether the answer to a job is there and can be read."""
        return self._is_readable(job_id) and isinstance(self.state(job_id), Done)

    def _is_readable(self, job_id: str) -> bool:
        try:
            self.result(job_id)
        except AssayError:
            return False
        return True

    def _is_whole(self, job_id: str) -> bool:
        try:
            return not self.result(job_id).measurements.cut_short
        except AssayError:
            return False

    def history(self) -> list[Record]:
        """Return the questions asked in this workspace, newest first; damaged records are left out.

        What the engine asks for itself (the look at an upload, the shared predictions) is not
        listed.
        """
        found = (self._record(job_id) for job_id in self._job_ids())
        records = [item for item in found if item is not None and not is_internal(item.analyzer)]
        return sorted(records, key=lambda record: record.submitted, reverse=True)

    def expire(self, *, older_than: float) -> int:
        """Remove uploads, subjects and results not touched for a while.

        Args:
            older_than: seconds.

        Returns:
            How many entries were removed.
        """
        limit, removed = time.time() - older_than, 0
        for name in ("files", "subjects", "jobs", "work"):
            for path in list((self.folder / name).iterdir()):
                if _modified(path) < limit and not self._is_open(path):
                    workspaces.remove_tree(path)
                    removed += 1
        return removed

    def sweep(self) -> None:
        """Remove what workers left whose server was killed."""
        for path in list((self.folder / "work").iterdir()):
            if not is_alive(path.name.partition("~")[2]):
                _remove_stubborn(path)

    def remove(self) -> None:
        """Remove the whole workspace."""
        workspaces.remove_workspace(self.root, self.workspace)

    @contextlib.contextmanager
    def work_folder(self) -> Iterator[Path]:
        """Make a folder for one worker and remove it, whatever the worker left there."""
        path = self.folder / "work" / f"{secrets.token_hex(16)}~{own_mark()}"
        path.mkdir(mode=0o700)
        try:
            yield path
        finally:
            _remove_stubborn(path)

    def _is_open(self, path: Path) -> bool:
        if path.parent.name != "jobs" or not _DIGEST.fullmatch(path.name):
            return False
        return isinstance(self.state(path.name), Queued | Running)

    def _remove_subject(self, digest: str) -> None:
        for job_id in self._job_ids():
            request = self._request(job_id)
            if request is not None and request.job.subject == digest:
                workspaces.remove_tree(self._job_folder(job_id))
        workspaces.remove_tree(self.folder / "subjects" / f"{digest}.json")

    def _record(self, job_id: str) -> Record | None:
        request, record = self._request(job_id), self._state(job_id)
        state = self.state(job_id)
        if request is None or record is None or state is None:
            return None
        return Record(
            job=request.job,
            state=state,
            subject_name=request.subject.name if request.subject else "",
            submitted=datetime.fromisoformat(record.submitted),
            analyzer=request.job.analyzer,
        )

    def _request(self, job_id: str) -> Request | None:
        return _read_or_skip(self._job_folder(job_id) / "request.json", Request, "a job")

    def _state(self, job_id: str) -> _State | None:
        return _read_or_skip(self._job_folder(job_id) / "state.json", _State, "a job's state")

    def _job_ids(self) -> list[str]:
        names = (path.name for path in (self.folder / "jobs").iterdir())
        return [name for name in names if _DIGEST.fullmatch(name)]

    def _job_folder(self, job_id: str) -> Path:
        return self.folder / "jobs" / _digest(job_id)


def _keep_first(beside: Path, path: Path) -> None:
    """Give a new file its name, or, where the same content is there already, leave that alone.

    A worker may be reading it, and what it may read is tied to that very file, not to its name.
    """
    try:
        os.link(beside, path, follow_symlinks=False)
    except FileExistsError:
        os.utime(path)
    beside.unlink()


def _pieces(content: bytes | BinaryIO) -> Iterator[bytes]:
    if isinstance(content, bytes | bytearray | memoryview):
        yield bytes(content)
        return
    while piece := content.read(_CHUNK):
        yield piece


def _digest(text: str) -> str:
    if not _DIGEST.fullmatch(text):
        raise StoreError(
            "Expected an identifier of 64 hexadecimal digits, got something else.",
            remedy="Open it from the list instead of typing its address.",
        )
    return text


def _read_or_skip(path: Path, kind: type[V], what: str) -> V | None:
    try:
        return _read_record(path, kind, what) if path.exists() else None
    except StoreError as error:
        _log.warning("left out: %s", error.message)
        return None


def _read_record(path: Path, kind: type[V], what: str) -> V:
    try:
        return kind.model_validate_json(read_plain(path, most=_MOST_RECORD_BYTES, what=what))
    except (ValidationError, ResultError) as error:
        raise StoreError(
            f"Expected a readable record of {what}, got a missing or damaged one.",
            remedy="Remove it or upload the files again.",
        ) from error


def _modified(path: Path) -> float:
    try:
        return path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _remove_stubborn(path: Path) -> None:
    """Remove a folder whose owner took away its own permissions."""
    try:
        workspaces.remove_tree(path)
    except PermissionError:
        for folder, _, _ in os.walk(path):
            with contextlib.suppress(OSError):
                Path(folder).chmod(0o700)
        workspaces.remove_tree(path)
