"""A question put to a worker, and the closed set of states it can be in."""

from typing import Annotated, Literal

from pydantic import Field, JsonValue, TypeAdapter

from analyzers.core.subject import Files, Sha256, Subject
from analyzers.core.value import Value

MEBIBYTE = 1024 * 1024


class Limits(Value):
    """What one worker may use. The person who runs the server can raise them (docs/security.md)."""

    wall_seconds: float = Field(default=600.0, gt=0)
    cpu_seconds: int = Field(default=1200, gt=0)
    memory_bytes: int = Field(default=4096 * MEBIBYTE, gt=0)
    output_bytes: int = Field(default=256 * MEBIBYTE, gt=0)
    scratch_bytes: int = Field(default=512 * MEBIBYTE, gt=0)
    open_files: int = Field(default=256, gt=0)
    processes: int = Field(default=64, gt=0)
    threads: int = Field(default=2, gt=0)


class Job(Value):
    """Everything that decides an answer; two equal jobs have the same answer."""

    analyzer: str
    version: int
    subject: Sha256
    params: dict[str, JsonValue] = Field(default_factory=dict)
    seed: int = Field(default=0, ge=0, lt=2**32)
    limits: Limits = Limits()

    @property
    def id(self) -> str:
        """The digest of all fields: asking again finds the answer already there."""
        return self.digest


class Request(Value):
    """What the worker receives: the job and the values its digests stand for.

    `subject` is null only for the inspection, which proposes one.
    """

    job: Job
    files: Files
    subject: Subject | None = None


class Progress(Value):
    """How far the work is: `done` of `total` steps of `what`.

    `elapsed_seconds` are those of `what`, `running_seconds` those of all the work. `so_far` says
    what was found; where it is there, the work can be ended early and kept.
    """

    what: str = Field(default="Starting", max_length=200)
    done: int = Field(default=0, ge=0)
    total: int = Field(default=0, ge=0)
    elapsed_seconds: float = Field(default=0.0, ge=0)
    running_seconds: float = Field(default=0.0, ge=0)
    so_far: str | None = Field(default=None, max_length=300)

    @property
    def fraction(self) -> float | None:
        """Share done in [0, 1], or None where the total is unknown."""
        return min(1.0, self.done / self.total) if self.total else None

    @property
    def seconds_left(self) -> float | None:
        """Estimate by proportion, or None before anything is done."""
        if not self.total or not self.done:
            return None
        return max(0.0, self.elapsed_seconds * (self.total - self.done) / self.done)


FailureKind = Literal[
    "error",
    "refused",
    "unsuitable",
    "parameter",
    "policy",
    "missing",
    "result",
    "store",
    "sandbox",
    "model",
    "crashed",
    "timeout",
    "memory",
    "output",
    "lost",
]


class Queued(Value):
    """Waiting for a worker."""

    state: Literal["queued"] = "queued"


class Running(Value):
    """A worker is at it, or at putting together what it has after it was told to end."""

    state: Literal["running"] = "running"
    progress: Progress = Progress()
    is_ending: bool = False


class Done(Value):
    """The result is in the store, under the job's id; cut short where it was ended early."""

    state: Literal["done"] = "done"
    is_cut_short: bool = False


class Failed(Value):
    """It ended without a result: what happened, and what to do."""

    state: Literal["failed"] = "failed"
    kind: FailureKind
    message: str = Field(max_length=4000)
    remedy: str = Field(default="", max_length=4000)


class Stopped(Value):
    """The user cancelled it."""

    state: Literal["cancelled"] = "cancelled"


JobState = Annotated[Queued | Running | Done | Failed | Stopped, Field(discriminator="state")]
JOB_STATE: TypeAdapter[JobState] = TypeAdapter(JobState)
