"""How a worker ended, as a state with a sentence that says what happened and what to do."""

import signal
from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, ValidationError

from analyzers.core.errors import ResultError
from analyzers.core.job import Failed, FailureKind, Limits
from analyzers.core.value import Value
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.plain_files import read_plain

MEBIBYTE = 2**20
_MOST_ERROR_BYTES = 64 * 1024
Overrun = Literal["time", "memory", "scratch", "log", "threads"]


class WorkerError(Value):
    """What a worker wrote about its own failure; content, not fact."""

    kind: str = Field(max_length=40)
    message: str
    remedy: str
    where: tuple[str, ...] = ()


def read_error(scratch: Path) -> WorkerError | None:
    """Return what the worker wrote about its failure; None where it wrote nothing readable."""
    path = scratch / "error.json"
    try:
        content = read_plain(path, most=_MOST_ERROR_BYTES, what="the worker's error")
        return WorkerError.model_validate_json(content)
    except (ResultError, ValidationError):
        return None


def failure_from(error: WorkerError) -> Failed:
    """Turn a worker's own account into a state, believing only its words, not its powers."""
    return Failed(
        kind=failure_kind(error.kind),
        message=tame(error.message, most=3000),
        remedy=tame(error.remedy, most=3000),
    )


def failure_kind(word: str) -> FailureKind:
    """Return the kind a word names; "error" where it names none."""
    kinds: tuple[FailureKind, ...] = get_args(FailureKind)
    return next((kind for kind in kinds if kind == word), "error")


def overrun(what: Overrun, limits: Limits) -> Failed:
    """Say which limit was passed."""
    if what == "time":
        return Failed(
            kind="timeout",
            message=f"The work was not finished after {limits.wall_seconds:,.0f} seconds, the "
            "longest one job may take.",
            remedy="Use fewer rows or a cheaper setting, or ask the person who runs the server to "
            "raise ASSAY_WALL_SECONDS.",
        )
    if what == "memory":
        return Failed(
            kind="memory",
            message="The work needed more memory than a worker has "
            f"({limits.memory_bytes // MEBIBYTE:,} MB).",
            remedy="Use fewer rows, or ask the person who runs the server to raise "
            "ASSAY_MEMORY_MB.",
        )
    if what == "threads":
        return Failed(
            kind="model",
            message=f"The model started more than {limits.processes:,} threads.",
            remedy="Set the number of parallel jobs of the model (such as n_jobs) to 1, save it "
            "and upload it again.",
        )
    if what == "log":
        return Failed(
            kind="output",
            message="The model printed more text than a worker may print.",
            remedy="Remove print statements and verbose settings from the model, then upload it "
            "again.",
        )
    return Failed(
        kind="output",
        message="The work wrote more temporary files than a worker may "
        f"({limits.scratch_bytes // MEBIBYTE:,} MB).",
        remedy="Use fewer rows, or ask the person who runs the server to raise ASSAY_SCRATCH_MB.",
    )


def unexplained_end(exit_code: int | None, limits: Limits) -> Failed:
    """Say what an exit code means where the worker left neither a result nor a reason."""
    if exit_code is None:
        return Failed(
            kind="lost",
            message="The workers' parent process ended while this was at work.",
            remedy="Run it again.",
        )
    if exit_code >= 0:
        return Failed(
            kind="crashed",
            message=f"The worker ended by itself with exit code {exit_code} before the answer was "
            "there; a model that calls exit does this.",
            remedy="Remove the exit from the model, save it and upload it again.",
        )
    if -exit_code == signal.SIGXCPU:
        return Failed(
            kind="timeout",
            message=f"The work used {limits.cpu_seconds:,} seconds of processor time, the most "
            "one job may use.",
            remedy="Use fewer rows or a cheaper setting, or ask the person who runs the server to "
            "raise ASSAY_CPU_SECONDS.",
        )
    if -exit_code == signal.SIGKILL:
        return Failed(
            kind="memory",
            message="The system ended the worker, most often because the machine ran out of "
            "memory.",
            remedy="Close other programs or use fewer rows, then run it again.",
        )
    return Failed(
        kind="crashed",
        message=f"The worker crashed ({_signal_name(-exit_code)}) inside a library while it read "
        "or ran the upload.",
        remedy="Save the model again with the library versions listed in requirements.txt; if it "
        "still crashes, the file is damaged or made to do so.",
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
