"""The folder an audit leaves behind."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from analyzers.catalog import ANALYZERS
from analyzers.core.errors import InvalidParameter
from analyzers.core.policy import Policy
from analyzers.core.subject import Subject
from analyzers.report.html import write_report
from analyzers.report.record import record_json
from analyzers.report.sections import Entry, Section
from analyzers.toolkit.export import chart_html, file_stem, table_csv
from analyzers.toolkit.pictures import PictureFormat, chart_picture, why_no_pictures

FORMATS = ("html", "png", "svg")
FINDINGS_SCHEMA = pa.schema(
    [
        ("code", pa.string()), ("area", pa.string()), ("verdict", pa.string()),
        ("headline", pa.string()), ("concerns", pa.string()), ("reason", pa.string()),
        ("value", pa.float64()), ("low", pa.float64()), ("high", pa.float64()),
        ("n", pa.int64()), ("method", pa.string()), ("direction", pa.string()),
        ("warn", pa.float64()), ("fail", pa.float64()), ("limit_status", pa.string()),
        ("limit_source", pa.string()), ("remedy", pa.string()), ("reference", pa.string()),
        ("clauses", pa.string()),
    ]
)  # fmt: skip


def chart_formats(words: Sequence[str]) -> tuple[str, ...]:
    """Check which chart files are wanted, before any work is done.

    Raises:
        InvalidParameter: an unknown format, or no browser for a picture.
    """
    for word in words:
        if word not in FORMATS:
            raise InvalidParameter(
                f"Expected chart formats among {', '.join(FORMATS)}, got {word!r}.",
                remedy="Write for example --charts html,png.",
            )
    obstacle = why_no_pictures() if set(words) & {"png", "svg"} else None
    if obstacle is not None:
        raise InvalidParameter(obstacle)
    return tuple(dict.fromkeys(words))


def findings_json(subject: Subject, policy: Policy, sections: Sequence[Section]) -> str:
    """Return subject, policy, findings and measured numbers as one strict JSON document."""
    written = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    try:
        version = metadata.version("assay")
    except metadata.PackageNotFoundError:
        version = "(not installed)"
    record = json.loads(record_json(subject, policy, sections, written=written, version=version))
    return json.dumps(record, indent=2, ensure_ascii=True, allow_nan=False) + "\n"


def write_audit(
    folder: Path,
    subject: Subject,
    entries: Sequence[Entry],
    sections: Sequence[Section],
    policy: Policy,
    *,
    formats: Sequence[str],
) -> None:
    """Write report.html, findings.json, findings.csv, tables/ and, where asked for, charts/."""
    folder.mkdir(parents=True, exist_ok=True)
    write_report(subject, entries, policy, folder / "report.html", areas=ANALYZERS)
    write_report(subject, entries, policy, folder / "summary.html", cut="board", areas=ANALYZERS)
    text = findings_json(subject, policy, sections)
    (folder / "findings.json").write_text(text, encoding="utf-8")
    (folder / "findings.csv").write_bytes(table_csv(findings_table(sections)))
    (folder / "tables").mkdir(exist_ok=True)
    for section in sections:
        if section.result is None:
            continue
        for name, table in section.result.measurements.tables.items():
            stem = file_stem(section.analyzer.name, name)
            (folder / "tables" / f"{stem}.csv").write_bytes(table_csv(table))
    if formats:
        _write_charts(folder / "charts", sections, formats)


def findings_table(sections: Sequence[Section]) -> pa.Table:
    """Lay the findings out as one row each."""
    rows: list[dict[str, Any]] = []
    for section in sections:
        for finding in section.findings:
            limit = finding.threshold
            rows.append(
                {
                    "code": finding.code, "area": finding.area, "verdict": finding.verdict.value,
                    "headline": finding.headline, "concerns": finding.concerns,
                    "reason": finding.reason, "value": finding.estimate.value,
                    "low": finding.estimate.low, "high": finding.estimate.high,
                    "n": finding.estimate.n, "method": finding.estimate.method,
                    "direction": limit.direction if limit else None,
                    "warn": limit.warn if limit else None, "fail": limit.fail if limit else None,
                    "limit_status": limit.status if limit else None,
                    "limit_source": limit.source if limit else None, "remedy": finding.remedy,
                    "reference": finding.reference, "clauses": "; ".join(finding.clauses),
                }
            )  # fmt: skip
    return pa.Table.from_pylist(rows, schema=FINDINGS_SCHEMA)


def _write_charts(folder: Path, sections: Sequence[Section], formats: Sequence[str]) -> None:
    folder.mkdir(exist_ok=True)
    for section in sections:
        for chart in section.charts:
            stem = file_stem(section.analyzer.name, chart.name)
            for kind in formats:
                if kind == "html":
                    (folder / f"{stem}.html").write_text(chart_html(chart), encoding="utf-8")
                else:
                    picture = chart_picture(chart, cast("PictureFormat", kind))
                    (folder / f"{stem}.{kind}").write_bytes(picture)
