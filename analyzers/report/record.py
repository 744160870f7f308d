"""The report as JSON inside the report, to be read again by a program."""

import json
from collections.abc import Sequence
from typing import Any

from analyzers.core.policy import Policy
from analyzers.core.subject import Subject
from analyzers.core.value import digest_of
from analyzers.report.sections import Section, overall

RECORD_VERSION = 1


def report_id(subject: Subject, policy: Policy, sections: Sequence[Section]) -> str:
    """Digest what decides the report's content; when it was written does not."""
    jobs: list[Any] = [section.result.job.id for section in sections if section.result is not None]
    obstacles: list[Any] = [section.obstacle for section in sections]
    return digest_of([subject.digest, policy.digest, jobs, obstacles])


def record_json(
    subject: Subject, policy: Policy, sections: Sequence[Section], *, written: str, version: str
) -> str:
    """Write subject, policy, findings and measured numbers as strict JSON, safe inside HTML."""
    rating = overall(sections)
    record = {
        "format": "assay-report",
        "format_version": RECORD_VERSION,
        "report_id": report_id(subject, policy, sections),
        "written": written,
        "assay": version,
        "verdict": rating.verdict.value,
        "n_tested": rating.n_tested,
        "n_applicable": rating.n_applicable,
        "subject": subject.model_dump(mode="json"),
        "subject_digest": subject.digest,
        "policy": policy.model_dump(mode="json"),
        "policy_digest": policy.digest,
        "areas": [_area(section) for section in sections],
    }
    text = json.dumps(record, ensure_ascii=True, allow_nan=False)
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _area(section: Section) -> dict[str, Any]:
    rating = section.rating
    area: dict[str, Any] = {
        "analyzer": section.analyzer.name,
        "version": section.analyzer.version,
        "verdict": rating.verdict.value,
        "n_tested": rating.n_tested,
        "n_applicable": rating.n_applicable,
        "obstacle": section.obstacle,
        "findings": [finding.model_dump(mode="json") for finding in section.findings],
    }
    if section.result is None:
        return area
    measured = section.result.measurements
    return area | {
        "job": section.result.job.model_dump(mode="json"),
        "job_id": section.result.job.id,
        "provenance": section.result.provenance.model_dump(mode="json"),
        "estimates": {
            name: estimate.model_dump(mode="json") for name, estimate in measured.estimates.items()
        },
        "facts": dict(measured.facts),
        "sampling": list(measured.sampling),
        "cut_short": measured.cut_short,
        "tables": {
            name: {"rows": table.num_rows, "columns": table.column_names}
            for name, table in measured.tables.items()
        },
    }
