"""What one part of the analysis contributes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from analyzers.core.result import Estimate, Fact


class Part(NamedTuple):
    """Numbers of one question beside membership.

    Attributes:
        estimates: by name.
        facts: by name.
        tables: rows by table name.
        notes: a sentence for everything left out.
    """

    estimates: Mapping[str, Estimate]
    facts: Mapping[str, Fact]
    tables: Mapping[str, list[dict[str, Any]]]
    notes: tuple[str, ...] = ()


NOTHING = Part({}, {}, {})
