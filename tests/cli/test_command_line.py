"""The command line: sentences for errors, exit codes for findings, JSON for machines."""

import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from analyzers.catalog import ANALYZERS
from analyzers.cli import main
from analyzers.cli.choices import chosen_analyzers, chosen_params, words_of
from analyzers.cli.commands import exit_code
from analyzers.cli.examining import open_store
from analyzers.cli.parsing import parse
from analyzers.cli.writing import FINDINGS_SCHEMA, findings_json, findings_table, write_audit
from analyzers.core.errors import InvalidParameter
from analyzers.core.finding import Finding, Threshold, Verdict
from analyzers.core.job import Done, Failed, Job
from analyzers.core.params import parameters_of
from analyzers.core.result import Estimate, Measurements, Provenance, Result
from analyzers.policies import load_policy
from analyzers.report.sections import Entry, sections_of
from tests.benches import credit_bench

ROOT = Path(__file__).parents[2]
PERFORMANCE = ANALYZERS[0]


def finding(verdict: Verdict, *, code="performance.accuracy") -> Finding:
    return Finding(
        code=code, area="performance", indicator="performance.accuracy", headline="It is 0.9.",
        estimate=Estimate(value=0.9, low=0.8, high=0.95, n=50), verdict=verdict, remedy="Look.",
        reference="Nobody 2026", concerns="=cmd()",
        threshold=Threshold(indicator="performance.accuracy", direction="at_least", warn=0.5),
    )  # fmt: skip


def measured_entry() -> Entry:
    bench = credit_bench(80)
    measurements = PERFORMANCE.measure(bench, PERFORMANCE.params())
    job = Job(analyzer=PERFORMANCE.name, version=1, subject=bench.subject.digest)
    result = Result(job=job, measurements=measurements, provenance=Provenance())
    return Entry(analyzer=PERFORMANCE, state=Done(), result=result)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "expected a command"),
        (["astrology"], "invalid choice"),
        (["audit"], "got 0 files"),
        (["audit", "a", "b", "c"], "got 3 files"),
        (["audit", "data.csv"], "--score-column"),
        (["audit", "-", "data.csv"], "--score-column"),
        (["audit", "model.skops", "nowhere.csv"], "got nothing"),
        (["audit", "--sample", "atlantis"], "german_credit"),
        (["audit", "a", "b", "--sample", "digits"], "got both"),
        (["audit", "--sample", "digits", "--analyzers", "astrology"], "fairness"),
        (["audit", "--sample", "digits", "--policy", "astrology"], "conventions"),
        (["audit", "--sample", "digits", "--set", "nonsense"], "analyzer.parameter=value"),
        (["audit", "--sample", "digits", "--set", "fairness.nonsense=1"], "smallest_group"),
        (["audit", "--sample", "digits", "--set", "fairness.smallest_group=many"], "whole number"),
        (["audit", "--sample", "digits", "--set", "fairness.smallest_group=-5"], "to be from"),
        (["audit", "--sample", "digits", "--charts", "gif", "--out", "x"], "html"),
        (["audit", "--sample", "digits", "--charts", "html"], "--out"),
        (["audit", "--sample", "digits", "--seed", "-1"], "seed"),
        (["audit", "--sample", "digits", "--fail-on", "sometimes"], "inconclusive"),
        (
            ["audit", "--sample", "digits", "--analyzers", "privacy",
             "--set", "fairness.smallest_group=5"],
            "chosen analyzers",
        ),
        (["report", "unknown"], "stored subject"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_ends_in_one_sentence(words, says, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("ASSAY_STORE", str(tmp_path / "store"))

    code = main(words)

    written = capsys.readouterr()
    assert code == 2
    assert written.out == ""
    assert written.err.startswith("assay: ")
    assert written.err.count("\n") == 1
    assert says in written.err.lower()


def test_list_names_every_analyzer_parameter_and_sample(capsys):
    assert main(["list"]) == 0

    shown = capsys.readouterr().out
    for analyzer in ANALYZERS:
        assert analyzer.question in shown
        for parameter in parameters_of(analyzer.params):
            assert f"{analyzer.name}.{parameter.name}=" in shown
    assert "german_credit" in shown


def test_list_as_json_is_json(capsys):
    assert main(["list", "--json"]) == 0

    listed = json.loads(capsys.readouterr().out)
    assert [item["name"] for item in listed["analyzers"]] == [item.name for item in ANALYZERS]


def test_it_runs_as_a_module():
    run = subprocess.run(
        [sys.executable, "-m", "analyzers", "nonsense"], capture_output=True, text=True, cwd=ROOT
    )

    assert run.returncode == 2
    assert run.stdout == ""
    assert run.stderr.startswith("assay: ")
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("verdicts", "level", "code"),
    [
        ([Verdict.PASS], "inconclusive", 0),
        ([Verdict.PASS, Verdict.NOT_TESTED], "inconclusive", 0),
        ([Verdict.INCONCLUSIVE], "warn", 0),
        ([Verdict.INCONCLUSIVE], "inconclusive", 1),
        ([Verdict.WARN], "fail", 0),
        ([Verdict.WARN, Verdict.PASS], "warn", 1),
        ([Verdict.FAIL], "fail", 1),
        ([Verdict.FAIL], "warn", 1),
    ],
)
def test_exit_code_follows_the_chosen_level(verdicts, level, code):
    entries = [measured_entry()]

    assert exit_code(entries, [finding(verdict) for verdict in verdicts], level=level) == code


def test_a_question_that_does_not_apply_is_no_error_but_a_broken_one_is():
    good = measured_entry()
    foreign = Entry(analyzer=ANALYZERS[1], state=Failed(kind="unsuitable", message="No."))
    broken = Entry(analyzer=ANALYZERS[1], state=Failed(kind="timeout", message="Too long."))

    assert exit_code([good, foreign], [], level="fail") == 0
    assert exit_code([good, broken], [], level="fail") == 2
    assert exit_code([foreign], [], level="fail") == 2


def test_settings_are_read_as_declared():
    params = chosen_params(
        ["fairness.smallest_group=12", "fairness.attributes=sex, age", "privacy.by_class=yes"]
    )

    assert params["fairness"].smallest_group == 12
    assert params["fairness"].attributes == ("sex", "age")
    assert params["privacy"].by_class is True


def test_every_default_can_be_set_as_it_is_listed():
    for analyzer in ANALYZERS:
        for item in parameters_of(analyzer.params):
            chosen = chosen_params([f"{analyzer.name}.{item.name}={item.default_text}"])
            assert getattr(chosen[analyzer.name], item.name) == item.default


def test_a_flag_that_is_neither_yes_nor_no_is_refused():
    with pytest.raises(InvalidParameter, match="yes or no"):
        chosen_params(["privacy.by_class=perhaps"])


def test_analyzers_keep_the_order_of_the_catalog():
    names = [item.name for item in chosen_analyzers(["privacy,performance"])]

    assert names == ["performance", "privacy"]
    assert chosen_analyzers([]) == ANALYZERS


def test_columns_may_be_repeated_or_separated_by_commas():
    options = parse(["audit", "m", "d", "--sensitive", "a,b", "--sensitive", "c d"])

    assert words_of(options.sensitive) == ("a", "b", "c d")


def test_findings_json_is_strict_and_names_its_subject():
    subject = credit_bench(80).subject
    sections = sections_of([measured_entry()], load_policy("conventions"), ANALYZERS)

    record = json.loads(
        findings_json(subject, load_policy("conventions"), sections),
        parse_constant=lambda word: pytest.fail(f"{word} is not JSON"),
    )

    assert record["subject_digest"] == subject.digest
    assert record["areas"][0]["findings"]


def test_findings_table_has_a_row_for_each_finding():
    sections = sections_of([measured_entry()], load_policy("conventions"), ANALYZERS)

    table = findings_table(sections)

    assert table.schema.equals(FINDINGS_SCHEMA)
    assert table.num_rows == sum(len(section.findings) for section in sections)
    assert pa.compute.min(table["n"]).as_py() > 0


def test_an_audit_leaves_report_findings_and_tables(tmp_path):
    entry = measured_entry()
    policy = load_policy("conventions")
    sections = sections_of([entry], policy, ANALYZERS)

    write_audit(tmp_path, credit_bench(80).subject, [entry], sections, policy, formats=("html",))

    assert (tmp_path / "report.html").stat().st_size > 1_000_000
    assert json.loads((tmp_path / "findings.json").read_text())["areas"]
    assert (tmp_path / "findings.csv").read_bytes().startswith("\ufeff".encode())
    tables = {path.name for path in (tmp_path / "tables").iterdir()}
    assert len(tables) == len(entry.result.measurements.tables)
    assert list((tmp_path / "charts").glob("performance-*.html"))


def test_a_formula_in_a_finding_does_not_reach_a_spreadsheet():
    from analyzers.report.sections import Section
    from analyzers.toolkit.export import table_csv

    section = Section(
        analyzer=PERFORMANCE, result=None, findings=(finding(Verdict.WARN),), charts=(),
        obstacle="",
    )  # fmt: skip

    assert b"'=cmd()" in table_csv(findings_table([section]))


def test_report_without_a_name_lists_what_is_stored(tmp_path, capsys):
    store = open_store(tmp_path)
    subject = credit_bench(80).subject
    store.save_subject(subject)

    assert main(["report", "--store", str(tmp_path)]) == 0
    assert subject.digest[:16] in capsys.readouterr().out


def test_report_of_a_subject_without_results_says_so(tmp_path, capsys):
    store = open_store(tmp_path)
    store.save_subject(credit_bench(80).subject)

    assert main(["report", "bench", "--store", str(tmp_path)]) == 2
    assert "Run `assay audit` first" in capsys.readouterr().err


def test_words_from_data_cannot_move_the_cursor(tmp_path, capsys):
    store = open_store(tmp_path)
    bench = credit_bench(80)
    store.save_subject(bench.subject.model_copy(update={"name": "\x1b[2Jevil\u202e"}))

    main(["report", "--store", str(tmp_path)])

    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "\u202e" not in shown


def test_measurements_are_not_needed_to_list(monkeypatch):
    monkeypatch.setattr(Measurements, "__init__", lambda self: pytest.fail("measured"))

    assert main(["list", "--json"]) == 0
