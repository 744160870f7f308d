"""Synthetic results for report tests: fixed findings, hostile words, and every way to end."""

from typing import Any

import pyarrow as pa

from analyzers.core.analyzer import Analyzer, Needs
from analyzers.core.chart import Chart
from analyzers.core.finding import Finding, Threshold, Verdict
from analyzers.core.job import Done, Failed, Job
from analyzers.core.params import NoParams, Params, parameter
from analyzers.core.policy import Policy
from analyzers.core.result import Estimate, Measurements, Provenance, Result
from analyzers.core.subject import Column, FileRef, Files, Role, Subject, Trust
from analyzers.report.html import Entry
from analyzers.toolkit import plots

HOSTILE = "\"><img src=https://evil.example/x onerror=alert(1)></script><script>alert('x')</script>"
FORMULA = '=HYPERLINK("https://evil.example")'
HUGE = "x" * 100_000
SCHEMA = pa.schema([("group", pa.string()), ("rate", pa.float64()), ("n", pa.int64())])
POLICY = Policy(
    name="house",
    version="3",
    title="House rules",
    as_of="2026-10-01",
    thresholds=(
        Threshold(
            indicator="fairness.ratio", direction="at_least", warn=0.9, fail=0.8, n_min=30,
            status="industry convention", source="Rule of thumb.", as_of="2026-10-01",
        ),
    ),
)  # fmt: skip


class ShownParams(Params):
    """One parameter to be found under Settings."""

    depth: int = parameter(3, minimum=1, maximum=9, label="Depth of the search", help="How deep.")


def finding(
    verdict: Verdict, name: str, *, area: str = "fairness", headline: str = "", reason: str = ""
) -> Finding:
    is_measured = verdict != Verdict.NOT_TESTED
    return Finding(
        code=f"{area}.{name}",
        area=area,
        indicator=f"{area}.{name}",
        headline=headline or f"The {name} {'is 0.64' if is_measured else 'was not measured'}.",
        estimate=Estimate(value=0.64, low=0.54, high=0.73, n=95, method="Wilson")
        if is_measured
        else Estimate.unmeasured(reason),
        verdict=verdict,
        threshold=POLICY.thresholds[0] if is_measured else None,
        concerns="young applicants",
        reason=reason,
        remedy=f"Look into the {name}.",
        reference="Author 2026",
        clauses=("EU AI Act 15(4)",),
    )


FIXED = {
    "performance": (finding(Verdict.PASS, "accuracy", area="performance"),),
    "fairness": (
        finding(Verdict.PASS, "recall"),
        finding(Verdict.INCONCLUSIVE, "odds", reason="Rests on 12 rows; 30 are needed."),
        finding(Verdict.FAIL, "ratio", headline="The young are granted 0.64 as often as the old."),
        finding(Verdict.WARN, "gap"),
        finding(Verdict.INCONCLUSIVE, "parity", reason="Rests on 12 rows; 30 are needed."),
    ),
    "privacy": (
        finding(Verdict.NOT_TESTED, "auc", area="privacy", reason="No training table was given."),
    ),
}


def analyzer(
    name: str, findings: tuple[Finding, ...] = (), *, charts: tuple[Chart, ...] = ()
) -> Analyzer[Any]:
    return Analyzer(
        name=name,
        version=1,
        title=name.capitalize(),
        question=f"What of {name}?",
        about=f"What of {name}?\n\nMethod\n    Counting.\n\nLimits\n    Few rows & <much> doubt.\n",
        params=ShownParams if name == "fairness" else NoParams,
        needs=Needs(),
        tables={"rates": SCHEMA},
        measure=lambda bench, params: Measurements(),
        judge=lambda measurements, policy: list(findings),
        draw=lambda measurements: list(charts),
    )


def subject(**changes: Any) -> Subject:
    columns = (
        Column(name="age", kind="integer", role=Role.FEATURE, is_feature=True, is_sensitive=True,
            minimum=18, maximum=75, n_missing=2, reason="A number of years."),
        Column(name="risk", kind="category", role=Role.LABEL, levels=("bad", "good")),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "name": "Credit model",
        "files": Files(
            data=FileRef(sha256="d" * 64, size=10, name="applicants.csv"),
            model=FileRef(sha256="a" * 64, size=20, name="model.joblib"),
        ),
        "task": "binary", "modality": "tabular", "target": "risk", "classes": ("bad", "good"),
        "positive_class": "good", "columns": columns, "n_rows": 500, "trust": Trust.CODE,
        "model_kind": "scikit-learn RandomForestClassifier",
    }  # fmt: skip
    return Subject(**(fields | changes))


def table(n_rows: int = 3, *, group: str = "young") -> pa.Table:
    rates = [None if row == 0 else 0.125 for row in range(n_rows)]
    return pa.table({"group": [group] * n_rows, "rate": rates, "n": [1234] * n_rows}, schema=SCHEMA)


def chart(name: str = "bars", *, title: str = "Rate by group") -> Chart:
    return Chart(
        name=name,
        title=title,
        caption="Held-out rows, n = 500.",
        alt="Two bars, the left one lower.",
        table="rates",
        figure=plots.figure(
            [{"type": "bar", "x": [plots.plain(title)], "y": [0.5]}], x="Group", y="Rate"
        ),
    )


def done(
    name: str,
    findings: tuple[Finding, ...] = (),
    *,
    charts: tuple[Chart, ...] = (),
    rates: pa.Table | None = None,
) -> Entry:
    examined = analyzer(name, findings, charts=charts)
    return Entry(
        analyzer=examined,
        state=Done(),
        result=Result(
            job=Job(analyzer=name, version=1, subject="e" * 64, params={}, seed=7),
            measurements=Measurements(
                estimates={"accuracy": Estimate(value=0.744, low=0.7, high=0.78, n=500)},
                facts={"explainer": "tree"},
                tables={"rates": rates if rates is not None else table()},
                sampling=("Rates: 100 of 500 rows.",),
            ),
            provenance=Provenance(
                versions={"numpy": "2.4.6"}, seed=7, started="2026-11-23T06:00:00Z", seconds=1.5,
                changes=("Column 'age' was read as a whole number.",), protection=("No network.",),
            ),
        ),
    )  # fmt: skip


def failed(name: str) -> Entry:
    state = Failed(kind="timeout", message="It took longer than 600 s.", remedy="Use fewer rows.")
    return Entry(analyzer=analyzer(name), state=state)


def fixed_entries() -> list[Entry]:
    return [
        *(done(name, findings, charts=(chart(),)) for name, findings in FIXED.items()),
        failed("adversarial"),
    ]


def areas_of(entries: list[Entry]) -> list[Analyzer[Any]]:
    return [entry.analyzer for entry in entries]
