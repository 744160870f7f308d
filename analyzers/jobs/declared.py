"""Analyzers by name, those the engine asks for itself included, and the tables they declare."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from analyzers import inspection
from analyzers.adversarial.foresight import FORESIGHT
from analyzers.catalog import analyzer_named
from analyzers.core.analyzer import Analyzer
from analyzers.explanation.pilot import PILOT
from analyzers.predictions import PREDICTIONS
from analyzers.privacy.shadow_campaign import SHADOWS

INSPECTION = "inspection"
INSPECTION_VERSION = 1
_INTERNAL = {analyzer.name: analyzer for analyzer in (PREDICTIONS, PILOT, SHADOWS, FORESIGHT)}


def is_internal(name: str) -> bool:
    """Return whether the engine asks this question for itself."""
    return name == INSPECTION or name in _INTERNAL


def analyzer_for(name: str) -> Analyzer[Any]:
    """Return an analyzer of the catalog, or one that the engine asks for itself.

    Raises:
        InvalidParameter: no analyzer has that name.
    """
    return _INTERNAL.get(name) or analyzer_named(name)


def declared_tables(name: str) -> Mapping[str, pa.Schema]:
    """Return the tables that the answer to a question of this name may hold.

    Raises:
        InvalidParameter: no analyzer has that name.
    """
    if name == INSPECTION:
        return inspection.INSPECTION_TABLES
    return analyzer_for(name).tables
