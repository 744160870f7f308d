"""One worker from start to end: watched, stopped where it outgrows a limit, and then read."""

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

from analyzers.core.errors import ResultError
from analyzers.core.job import MEBIBYTE, Limits, Progress
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.launcher import Worker, launcher
from analyzers.jobs.outcome import Overrun
from analyzers.jobs.plain_files import read_plain
from analyzers.jobs.sandbox import Protection
from analyzers.jobs.tracking import END_EARLY

LOOK_SECONDS = 0.05
SCRATCH_LOOK_SECONDS = 0.5
GRACE_SECONDS = 0.5
# What can be kept is asked for while there is time left to put it together.
END_AT_SHARE_OF_TIME = 0.7
MOST_LOG_BYTES = MEBIBYTE
_MOST_PROGRESS_BYTES = 4096
_MOST_SCRATCH_FILES = 10_000


class Ending(NamedTuple):
    """How a worker ended.

    Attributes:
        exit_code: negative for a signal; None where nobody knows.
        overrun: the limit it was stopped for.
        is_cancelled: it was stopped because the user said so.
        protection: the layers it reported before it opened anything.
    """

    exit_code: int | None
    overrun: Overrun | None
    is_cancelled: bool
    protection: Protection


def run_worker(
    folder: Path,
    *,
    readable: tuple[Path, ...],
    limits: Limits,
    is_cancelled: threading.Event,
    is_ending: threading.Event,
    on_progress: Callable[[Progress], None],
) -> Ending:
    """Run one job in a worker and return when it is dead.

    Args:
        folder: holds `inputs/` and `scratch/`.
        readable: the uploads it may read.
        limits: what it may use; it is stopped beyond them.
        is_cancelled: set by the user, from another thread.
        is_ending: the same, or set here when the time is nearly over: to end early and keep what
            was found, where the worker has said that it can.
        on_progress: called in this thread when the worker has got further.

    Raises:
        SandboxUnavailable: the worker could not lock itself down.
    """
    worker = launcher().launch("job", folder, readable=readable, limits=limits)
    try:
        if not worker.wait_locked(is_cancelled):
            end_worker(worker, is_patient=False)
            return Ending(worker.exit_code, None, is_cancelled.is_set(), worker.protection)
        found = _watch(worker, folder / "scratch", limits, is_cancelled, is_ending, on_progress)
        end_worker(worker, is_patient=found is None)
        return Ending(worker.exit_code, found, is_cancelled.is_set(), worker.protection)
    finally:
        end_worker(worker, is_patient=False)
        worker.close()


def end_worker(worker: Worker, *, is_patient: bool) -> None:
    """Ask it to end, wait a moment where patient, then make it end."""
    if is_patient and not worker.wait(0):
        worker.send_signal(signal.SIGTERM)
        worker.wait(GRACE_SECONDS)
    if not worker.wait(0):
        worker.send_signal(signal.SIGKILL)
        worker.wait(GRACE_SECONDS)


def _watch(
    worker: Worker,
    scratch: Path,
    limits: Limits,
    is_cancelled: threading.Event,
    is_ending: threading.Event,
    on_progress: Callable[[Progress], None],
) -> Overrun | None:
    started = looked = time.monotonic()
    seen = 0
    can_keep = is_told = False
    while not worker.wait(LOOK_SECONDS):
        now = time.monotonic()
        if is_cancelled.is_set():
            return None
        found = _over(worker, limits, now - started)
        if found is None and now - looked > SCRATCH_LOOK_SECONDS:
            looked = now
            found = _over_on_disk(scratch, limits)
        if found is not None:
            return found
        modified = _modified(scratch / "progress.json")
        if modified != seen:
            seen = modified
            progress = _read_progress(scratch / "progress.json")
            if progress is not None:
                can_keep = can_keep or progress.so_far is not None
                on_progress(progress)
        if now - started > END_AT_SHARE_OF_TIME * limits.wall_seconds and can_keep:
            is_ending.set()
        # Only a worker that offered it listens for the signal; any other would die of it.
        if is_ending.is_set() and can_keep and not is_told:
            is_told = True
            worker.tell(END_EARLY)
    return _over_on_disk(scratch, limits)


def _over(worker: Worker, limits: Limits, seconds: float) -> Overrun | None:
    if seconds > limits.wall_seconds:
        return "time"
    if worker.memory_bytes() > limits.memory_bytes:
        return "memory"
    if worker.n_threads() > limits.processes:
        return "threads"
    return None


def _over_on_disk(scratch: Path, limits: Limits) -> Overrun | None:
    if _size_of_log(scratch) > MOST_LOG_BYTES:
        return "log"
    total, n_files, folders = 0, 0, [scratch]
    while folders:
        try:
            entries = list(os.scandir(folders.pop()))
        except OSError:
            continue
        for entry in entries:
            n_files += 1
            try:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(Path(entry.path))
                else:
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
            except OSError:  # renamed or removed since it was listed
                continue
        if n_files > _MOST_SCRATCH_FILES:
            return "scratch"
    return "scratch" if total > limits.scratch_bytes + limits.output_bytes else None


def _size_of_log(scratch: Path) -> int:
    try:
        return (scratch / "output.log").lstat().st_size
    except OSError:
        return 0


def _modified(path: Path) -> int:
    try:
        return path.lstat().st_mtime_ns
    except OSError:
        return 0


def _read_progress(path: Path) -> Progress | None:
    try:
        content = read_plain(path, most=_MOST_PROGRESS_BYTES, what="the progress")
        progress = Progress.model_validate_json(content)
    except (ResultError, ValidationError):
        return None
    said = {"what": tame(progress.what, most=150)}
    if progress.so_far is not None:
        said["so_far"] = tame(progress.so_far, most=200)
    return progress.model_copy(update=said)
