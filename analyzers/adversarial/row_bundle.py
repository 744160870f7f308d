"""Changed rows of a table to take away, with what they come from."""

import json
from collections.abc import Mapping

from pydantic import JsonValue

from analyzers.core.result import Measurements
from analyzers.core.subject import Subject

NOTE = (
    "Row numbers count from 0 in the data file. A changed row is that row with `changes` written "
    "into it; every other column stays as it is. Each was put to the model once more and checked "
    "against the rules and relations listed. Parameters and digests are enough to make all of it "
    "again. Use the rows to test models you are responsible for."
)
_LISTED = ("example_steps", "example_places", "columns", "relations")


def bundle_rows(
    measurements: Measurements, subject: Subject, params: Mapping[str, JsonValue]
) -> bytes:
    """Write the kept examples and their provenance as JSON; the same result gives the same bytes.

    Args:
        measurements: with the tables `examples` and `changes`.
        subject: what was attacked.
        params: what was asked for.
    """
    model, tables = subject.files.model, measurements.tables
    changes = tables["changes"].to_pylist()
    about = {
        "note": NOTE,
        "subject": subject.name,
        "subject_digest": subject.digest,
        "data_sha256": subject.files.data.sha256,
        "model_sha256": None if model is None else model.sha256,
        "model": subject.model_kind,
        "parameters": dict(params),
        "facts": dict(measurements.facts),
        "cut_short": measurements.cut_short,
        "threat_model": tables["threat_model"].to_pylist(),
        "examples": [
            example
            | {"changes": [line for line in changes if line["example"] == example["example"]]}
            for example in tables["examples"].to_pylist()
        ],
    } | {name: tables[name].to_pylist() for name in _LISTED if name in tables}
    return json.dumps(about, indent=2, ensure_ascii=False).encode()
