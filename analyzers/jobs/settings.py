"""What the person who runs the server decides, from the environment, in one place.

ASSAY_WORKERS                 workers at work at once (2)
ASSAY_LIVE_MODELS             models kept open for what-if questions at once (4)
ASSAY_LIVE_IDLE_SECONDS       a model kept open closes after this long without a question (300)
ASSAY_WALL_SECONDS            longest time of one job (600)
ASSAY_CPU_SECONDS             processor time of one job, over all its threads (1200)
ASSAY_MEMORY_MB               memory of one worker (4096)
ASSAY_OUTPUT_MB               size of one result (256)
ASSAY_SCRATCH_MB              temporary files of one worker (512)
ASSAY_THREADS                 computing threads of one worker (2)
ASSAY_UPLOAD_MB               size of one uploaded file (512)
ASSAY_KEEP_DAYS               uploads and results are removed after this many days unused (30)
ASSAY_ACCEPT_RISK             "code without a sandbox": open program-carrying files where the system
                              offers too little isolation
"""

import os
from functools import cache

from pydantic import Field, ValidationError

from analyzers.core.errors import StoreError
from analyzers.core.job import MEBIBYTE, Limits
from analyzers.core.value import Value

RISK_SENTENCE = "code without a sandbox"


class Settings(Value):
    """Limits and choices of this server."""

    workers: int = Field(default=2, ge=1, le=256)
    live_models: int = Field(default=4, ge=1, le=256)
    live_idle_seconds: float = Field(default=300.0, gt=0)
    upload_bytes: int = Field(default=512 * MEBIBYTE, gt=0)
    keep_days: float = Field(default=30.0, gt=0)
    accepts_risk: bool = False
    limits: Limits = Limits()


@cache
def settings() -> Settings:
    """Read the environment once.

    Raises:
        StoreError: a value is not a number or out of its range.
    """
    defaults = Settings()
    limits = defaults.limits
    try:
        return Settings(
            workers=int(_number("ASSAY_WORKERS", defaults.workers)),
            live_models=int(_number("ASSAY_LIVE_MODELS", defaults.live_models)),
            live_idle_seconds=_number("ASSAY_LIVE_IDLE_SECONDS", defaults.live_idle_seconds),
            upload_bytes=_mebibytes("ASSAY_UPLOAD_MB", defaults.upload_bytes),
            keep_days=_number("ASSAY_KEEP_DAYS", defaults.keep_days),
            accepts_risk=os.environ.get("ASSAY_ACCEPT_RISK", "") == RISK_SENTENCE,
            limits=Limits(
                wall_seconds=_number("ASSAY_WALL_SECONDS", limits.wall_seconds),
                cpu_seconds=int(_number("ASSAY_CPU_SECONDS", limits.cpu_seconds)),
                memory_bytes=_mebibytes("ASSAY_MEMORY_MB", limits.memory_bytes),
                output_bytes=_mebibytes("ASSAY_OUTPUT_MB", limits.output_bytes),
                scratch_bytes=_mebibytes("ASSAY_SCRATCH_MB", limits.scratch_bytes),
                threads=int(_number("ASSAY_THREADS", limits.threads)),
            ),
        )
    except ValidationError as error:
        first = error.errors()[0]
        raise StoreError(
            f"Setting {first['loc'][-1]!r}: {first['msg'].lower()}, got {first['input']!r}.",
            remedy="Correct the ASSAY_ variable in the server's environment; "
            "docs/security.md lists them.",
        ) from error


def _number(name: str, default: float) -> float:
    text = os.environ.get(name, "")
    try:
        return float(text) if text else default
    except ValueError as error:
        raise StoreError(
            f"Expected a number in the environment variable {name}, got {text!r}.",
            remedy="Correct it or remove it; docs/security.md lists the variables.",
        ) from error


def _mebibytes(name: str, default: int) -> int:
    return int(_number(name, default / MEBIBYTE) * MEBIBYTE)
