"""What comes back from a worker: numbers and tables, never pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import pyarrow as pa
from pydantic import Field

from analyzers.core.job import Job
from analyzers.core.subject import Trust
from analyzers.core.value import Value

SCHEMA_VERSION = 1
Fact = str | int | float | bool | None


class Estimate(Value):
    """A number with its interval and the count it rests on; null with a reason if not measured."""

    value: float | None
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=0)
    method: str = ""
    confidence: float = Field(default=0.95, gt=0, lt=1)
    reason: str = ""

    @staticmethod
    def unmeasured(reason: str, *, n: int = 0) -> "Estimate":
        """Say why there is no number, instead of a NaN."""
        return Estimate(value=None, n=n, reason=reason)


class Provenance(Value):
    """Where a result comes from: enough to run it again and to judge how far to trust it."""

    versions: dict[str, str] = Field(default_factory=dict)
    seed: int = 0
    started: str = ""
    seconds: float = 0.0
    sampling: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    trust: Trust = Trust.DATA
    protection: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Measurements:
    """What `measure` returns.

    Attributes:
        estimates: measured numbers by name, each with interval and n.
        facts: plain facts by name (which explainer, how many background rows, a chosen threshold).
        tables: Arrow tables by name; their schemas are declared by the analyzer.
        sampling: one sentence for every place where fewer than all rows were used.
        cut_short: what was left out because the work was ended early, in one sentence; empty for
            a full answer. A cut answer is shown and kept, but the question stays open.
    """

    estimates: Mapping[str, Estimate] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, Fact] = field(default_factory=lambda: MappingProxyType({}))
    tables: Mapping[str, pa.Table] = field(default_factory=lambda: MappingProxyType({}))
    sampling: tuple[str, ...] = ()
    cut_short: str = ""


@dataclass(frozen=True, kw_only=True)
class Result:
    """The answer to a job."""

    job: Job
    measurements: Measurements
    provenance: Provenance
