"""Adversarial texts to take away, with what they come from."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import JsonValue

from analyzers.adversarial.acting_marks import read_back, safe_json
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject

NOTE = (
    "Each text was put to the model once more and checked against its recipe's rules. Marks that "
    "do not show are written as JSON escapes; the steps on the way hold a sign in their place. "
    "Parameters "
    "and digests are enough to make all of it again. Use the texts to test models you are "
    "responsible for."
)


def bundle_texts(
    measurements: Measurements, subject: Subject, params: Mapping[str, JsonValue]
) -> bytes:
    """Write the kept examples and their provenance as JSON; the same result gives the same bytes.

    Args:
        measurements: with the tables `text_examples` and `text_steps`.
        subject: what was attacked.
        params: what was asked for.
    """
    model = subject.files.model
    about = {
        "note": NOTE,
        "subject": subject.name,
        "subject_digest": subject.digest,
        "data_sha256": subject.files.data.sha256,
        "model_sha256": None if model is None else model.sha256,
        "model": subject.model_kind,
        "parameters": dict(params),
        "facts": dict(measurements.facts),
        "threat_model": measurements.tables["threat_model"].to_pylist(),
        "examples": [_exact(row) for row in measurements.tables["text_examples"].to_pylist()],
        "steps": measurements.tables["text_steps"].to_pylist(),
    }
    return safe_json(json.dumps(about, indent=2, ensure_ascii=False)).encode()


def _exact(row: dict[str, Any]) -> dict[str, Any]:
    """Put back the marks that do not show, which may be all that was changed."""
    written = row.pop("adversarial_exact")
    return row | {"adversarial": read_back(written)}
