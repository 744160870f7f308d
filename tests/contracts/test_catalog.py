"""What every analyzer in the catalog must fulfil; a new one is held to this without a line here."""

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest

from analyzers.catalog import ANALYZERS, analyzer_named
from analyzers.core.analyzer import Analyzer
from analyzers.core.errors import Cancelled, InvalidParameter, UnsuitableSubject
from analyzers.core.finding import Verdict
from analyzers.core.params import check_params, parameters_of
from analyzers.core.policy import Policy
from analyzers.core.result import Measurements, Provenance
from analyzers.core.workbench import Workbench
from analyzers.jobs import codec
from analyzers.policies import load_policy
from tests.benches import credit_bench, dataset_of, predictions_of
from tests.contracts.quick import QUICK

ROOT = Path(__file__).parents[2]
MACHINERY = {
    "anatomy", "core", "toolkit", "loaders", "jobs", "policies", "report", "catalog", "cli",
    "audit", "inspection", "predictions", "__init__", "__main__",
}  # fmt: skip
NO_LIMITS = Policy(name="none", version="1", title="No limits", as_of="2026-01-01")

every_analyzer = pytest.mark.parametrize("analyzer", ANALYZERS, ids=lambda item: item.name)


def quick_params(analyzer: Analyzer[Any]) -> Any:
    return check_params(analyzer.params, QUICK.get(analyzer.name, {}))


@cache
def measured(name: str) -> Measurements:
    analyzer = analyzer_named(name)
    return analyzer.measure(credit_bench(), quick_params(analyzer))


def as_bytes(measurements: Measurements) -> dict[str, Any]:
    return {
        "estimates": {name: item.model_dump() for name, item in measurements.estimates.items()},
        "facts": dict(measurements.facts),
        "tables": {name: table.to_pydict() for name, table in measurements.tables.items()},
    }


def test_every_risk_in_the_tree_is_in_the_catalog_and_the_other_way_round():
    found = {
        path.stem
        for path in (ROOT / "analyzers").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }

    assert found - MACHINERY == {analyzer.name for analyzer in ANALYZERS}


def test_an_unknown_name_is_answered_with_those_that_exist():
    with pytest.raises(InvalidParameter, match="fairness"):
        analyzer_named("astrology")


def test_importing_the_catalog_loads_no_heavy_library():
    heavy = "torch shap lime textattack sklearn xgboost lightgbm catboost onnxruntime streamlit"
    code = (
        "import sys, analyzers.catalog;"
        f"print([name for name in {heavy.split()!r} if name in sys.modules])"
    )

    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)

    assert run.stdout.strip() == "[]", run.stderr


@every_analyzer
def test_it_has_a_view_a_method_page_and_tests(analyzer):
    wanted = [
        ROOT / "dashboard" / "views" / f"{analyzer.name}.py",
        ROOT / "docs" / "methods" / f"{analyzer.name}.md",
        ROOT / "tests" / analyzer.name,
    ]

    assert [str(path) for path in wanted if not path.exists()] == []


@every_analyzer
def test_it_says_what_it_asks_how_and_where_it_stops(analyzer):
    assert analyzer.question.endswith("?")
    for heading in ("Question", "Method", "Limits", "References"):
        assert heading in analyzer.about


@every_analyzer
def test_parameters_have_label_help_bounds_and_a_valid_default(analyzer):
    assert analyzer.params() == check_params(analyzer.params, {})
    for parameter in parameters_of(analyzer.params):
        assert parameter.label != parameter.name
        assert parameter.help
        if parameter.kind in ("integer", "number"):
            assert parameter.minimum is not None, parameter.name
            assert parameter.maximum is not None, parameter.name


@every_analyzer
def test_an_unsuitable_subject_is_refused_with_a_reason(analyzer):
    subject = credit_bench(60).subject
    bare_files = subject.files.model_copy(update={"model": None, "training_data": None})
    bare = subject.model_copy(
        update={
            "files": bare_files,
            "target": None,
            "columns": tuple(
                column.model_copy(update={"is_sensitive": False}) for column in subject.columns
            ),
        }
    )

    with pytest.raises(UnsuitableSubject, match=r"\w+ .*\."):
        analyzer.require(bare)


@every_analyzer
def test_tables_obey_the_declared_schemas(analyzer):
    tables = measured(analyzer.name).tables

    assert set(tables) <= set(analyzer.tables)
    for name, table in tables.items():
        assert table.schema.equals(analyzer.tables[name]), name
        table.validate(full=True)


@every_analyzer
def test_no_number_is_nan_or_without_its_n(analyzer):
    measurements = measured(analyzer.name)
    for estimate in measurements.estimates.values():
        assert estimate.value is None or estimate.n > 0
        assert estimate.value is not None or estimate.reason
    for name, table in measurements.tables.items():
        for column in table.column_names:
            values = table[column].drop_null().to_pandas()
            if values.dtype.kind == "f":
                assert not values.isna().any(), f"{name}.{column} holds NaN"


@every_analyzer
def test_same_seed_same_bytes(analyzer):
    again = analyzer.measure(credit_bench(), quick_params(analyzer))

    assert as_bytes(again) == as_bytes(measured(analyzer.name))


@every_analyzer
def test_row_order_does_not_matter(analyzer):
    bench = credit_bench()
    order = np.random.default_rng(5).permutation(len(bench.data))
    shuffled = shuffled_bench(bench, order)

    values = analyzer.measure(shuffled, quick_params(analyzer)).estimates

    for name, estimate in measured(analyzer.name).estimates.items():
        assert values[name].value == pytest.approx(estimate.value, rel=1e-6, abs=1e-9), name
        assert values[name].n == estimate.n, name


def shuffled_bench(bench: Workbench, order: np.ndarray) -> Workbench:
    assert bench.model is not None
    data = dataset_of(bench.subject, bench.data.frame.iloc[order].reset_index(drop=True))
    return Workbench(
        subject=bench.subject,
        data=data,
        training_data=bench.training_data,
        predictions=predictions_of(bench.model, data),
        training_predictions=bench.training_predictions,
        model=bench.model,
        rng=np.random.default_rng(0),
    )


@every_analyzer
def test_results_survive_the_codec(analyzer, tmp_path):
    written = measured(analyzer.name)

    codec.write_output(tmp_path, written, Provenance(), analyzer.tables)
    back = codec.read_output(tmp_path, analyzer.tables, most_bytes=2**28).measurements

    assert as_bytes(back) == as_bytes(written)


@every_analyzer
def test_judging_and_drawing_accept_nothing(analyzer):
    assert analyzer.draw(Measurements()) == []
    for finding in analyzer.judge(Measurements(), NO_LIMITS):
        assert finding.verdict == Verdict.NOT_TESTED


@every_analyzer
def test_judging_and_drawing_accept_empty_tables(analyzer):
    tables = {name: schema.empty_table() for name, schema in analyzer.tables.items()}

    analyzer.judge(Measurements(tables=tables), NO_LIMITS)

    assert analyzer.draw(Measurements(tables=tables)) == []


@every_analyzer
def test_every_chart_shows_a_table_and_says_so(analyzer):
    measurements = measured(analyzer.name)
    charts = analyzer.draw(measurements)

    assert charts
    assert len({chart.name for chart in charts}) == len(charts)
    for chart in charts:
        assert chart.table in measurements.tables
        assert chart.title
        assert chart.alt
        assert chart.caption.endswith(".")
        assert any(char.isdigit() for char in chart.caption), f"{chart.name}: caption without n"
        go.Figure(chart.figure).to_json()


@every_analyzer
def test_every_finding_has_a_sentence_a_remedy_and_a_source(analyzer):
    findings = analyzer.judge(measured(analyzer.name), load_policy("conventions"))

    assert findings
    assert len({finding.code for finding in findings}) == len(findings)
    for finding in findings:
        assert finding.code.startswith(f"{analyzer.name}.")
        assert finding.area == analyzer.name
        assert finding.headline.endswith(".")
        assert finding.remedy
        assert finding.reference
        if finding.verdict in (Verdict.INCONCLUSIVE, Verdict.NOT_TESTED):
            assert finding.reason


@every_analyzer
def test_one_measured_finding_answers_the_question_of_the_page(analyzer):
    findings = analyzer.judge(measured(analyzer.name), NO_LIMITS)

    leading = analyzer.leading(findings)

    assert leading is not None
    assert leading in findings
    assert leading.estimate.value is not None
    assert analyzer.leading([]) is None


@every_analyzer
def test_without_limits_nothing_passes_or_fails_but_mathematics(analyzer):
    findings = analyzer.judge(measured(analyzer.name), NO_LIMITS)

    judged = {f.code for f in findings if f.verdict in (Verdict.PASS, Verdict.WARN, Verdict.FAIL)}
    mathematics = {
        f.code for f in findings if f.threshold is not None and f.threshold.status == "mathematics"
    }
    assert judged <= mathematics


@every_analyzer
def test_cancelling_is_not_swallowed(analyzer):
    def stop(iterable, what, *, total=None, so_far=None):
        raise Cancelled
        yield

    bench = credit_bench()
    stopped = Workbench(**{**vars(bench), "track": stop})

    with pytest.raises(Cancelled):
        analyzer.measure(stopped, quick_params(analyzer))
