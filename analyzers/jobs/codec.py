"""Measurements on disk: `result.json` and one Arrow stream per table, written and distrusted.

The worker writes with `write_output` into its scratch folder; the host reads with `read_output`,
which trusts nothing, and writes what it read anew into the store. Nothing is ever unpickled.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
from pydantic import Field, ValidationError

from analyzers.core.errors import ResultError
from analyzers.core.result import SCHEMA_VERSION, Estimate, Fact, Measurements, Provenance, Result
from analyzers.core.value import Value
from analyzers.jobs.arrow_stream import read_table, table_bytes
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.plain_files import read_plain, write_whole
from analyzers.jobs.strict_json import parse_strict

MOST_JSON_BYTES = 16 * 1024 * 1024
MOST_ENTRIES = 100_000
RESULT_NAME = "result.json"

__all__ = ["MOST_JSON_BYTES", "RESULT_NAME", "Output", "Result", "read_output", "write_output"]


class _Document(Value):
    """What `result.json` holds."""

    schema_version: int
    estimates: dict[str, Estimate] = Field(default_factory=dict, max_length=MOST_ENTRIES)
    facts: dict[str, Fact] = Field(default_factory=dict, max_length=MOST_ENTRIES)
    sampling: tuple[str, ...] = Field(default=(), max_length=MOST_ENTRIES)
    cut_short: str = ""
    tables: tuple[str, ...] = Field(default=(), max_length=1000)
    provenance: Provenance


class Output(NamedTuple):
    """Measurements and where they come from, as read back."""

    measurements: Measurements
    provenance: Provenance


def table_file(name: str) -> str:
    """Return the file name of a table; names are ours, declared in code."""
    return f"{name}.arrow"


def write_output(
    folder: Path,
    measurements: Measurements,
    provenance: Provenance,
    schemas: Mapping[str, pa.Schema],
    *,
    durable: bool = False,
) -> None:
    """Write everything into an existing folder, `result.json` last.

    Args:
        folder: where.
        measurements: as `measure` returned them.
        provenance: where they come from.
        schemas: the declared tables.
        durable: wait until all is on the disk.

    Raises:
        ResultError: a table that is not declared or has another schema, or a NaN.
    """
    undeclared = sorted(set(measurements.tables) - set(schemas))
    if undeclared:
        raise ResultError(
            f"Expected only declared tables, got {', '.join(undeclared)}.",
            remedy="This is a fault of the analyzer, not of your files; report it.",
        )
    for name, table in measurements.tables.items():
        content = table_bytes(table, schemas[name], name=name)
        write_whole(folder / table_file(name), content, durable=durable)
    try:
        document = _Document(
            schema_version=SCHEMA_VERSION,
            estimates=dict(measurements.estimates),
            facts=dict(measurements.facts),
            sampling=tuple(measurements.sampling),
            cut_short=measurements.cut_short,
            tables=tuple(sorted(measurements.tables)),
            provenance=provenance,
        )
    except ValidationError as error:
        where = ".".join(str(part) for part in error.errors()[0]["loc"])
        raise ResultError(
            f"Expected plain finite numbers and texts in the result, got another value at {where}.",
            remedy="This is a fault of the analyzer, not of your files; report it.",
        ) from error
    content = document.model_dump_json().encode("utf-8", "replace")
    write_whole(folder / RESULT_NAME, content, durable=durable)


def read_output(folder: Path, schemas: Mapping[str, pa.Schema], *, most_bytes: int) -> Output:
    """Read what someone wrote into a folder, believing nothing.

    Args:
        folder: written by a worker, or in the store.
        schemas: the declared tables; only these are read.
        most_bytes: of all files together.

    Raises:
        ResultError: anything that `write_output` would not have written, in a sentence.
    """
    if folder.is_symlink():
        raise ResultError(
            "Expected a folder with the result, got a link.", remedy="Run the analysis again."
        )
    content = read_plain(
        folder / RESULT_NAME, most=min(MOST_JSON_BYTES, most_bytes), what="the result"
    )
    document = _parse(content)
    left = most_bytes - len(content)
    tables: dict[str, pa.Table] = {}
    for name in document.tables:
        if name not in schemas:
            raise ResultError(
                "Expected only tables that the analyzer declares, got another one.",
                remedy="Run the analysis again; if it happens again, do not trust the model file.",
            )
        content = read_plain(
            folder / table_file(name), most=max(left, 0), what=f"the table {name!r}"
        )
        left -= len(content)
        tables[name] = read_table(content, schemas[name], name=name)
    return Output(
        measurements=Measurements(
            estimates={tame(name): _tame_estimate(e) for name, e in document.estimates.items()},
            facts={
                tame(name): tame(fact) if isinstance(fact, str) else fact
                for name, fact in document.facts.items()
            },
            tables=tables,
            sampling=tuple(tame(note) for note in document.sampling),
            cut_short=tame(document.cut_short),
        ),
        provenance=_tame_provenance(document.provenance),
    )


def _parse(content: bytes) -> _Document:
    raw = parse_strict(content, what="the result")
    version = raw.get("schema_version") if isinstance(raw, dict) else None
    if version != SCHEMA_VERSION:
        raise ResultError(
            f"Expected a result in form {SCHEMA_VERSION}, got form {str(version)[:20]}.",
            remedy="It was written by another version of Assay: run the analysis again.",
        )
    try:
        return _Document.model_validate_json(content)
    except ValidationError as error:
        where = tame(".".join(str(part) for part in error.errors()[0]["loc"]), most=200)
        raise ResultError(
            f"Expected the declared fields in the result, got another value at {where}.",
            remedy="Run the analysis again; if it happens again, do not trust the model file.",
        ) from error


def _tame_estimate(estimate: Estimate) -> Estimate:
    return estimate.model_copy(
        update={"method": tame(estimate.method), "reason": tame(estimate.reason)}
    )


def _tame_provenance(provenance: Provenance) -> Provenance:
    return provenance.model_copy(
        update={
            "versions": {
                tame(name, most=100): tame(version, most=100)
                for name, version in provenance.versions.items()
            },
            "started": tame(provenance.started, most=40),
            "sampling": tuple(tame(note) for note in provenance.sampling),
            "changes": tuple(tame(change) for change in provenance.changes),
            "protection": tuple(tame(layer, most=200) for layer in provenance.protection),
        }
    )
