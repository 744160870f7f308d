"""Names, cells and classes from an upload stay words in every chart, table and report."""

import csv
import io
import re
from functools import cache
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from analyzers.catalog import ANALYZERS, analyzer_named
from analyzers.core.job import Done, Job
from analyzers.core.model import Capability
from analyzers.core.params import check_params
from analyzers.core.result import Measurements, Provenance, Result
from analyzers.core.subject import Column, Role
from analyzers.core.workbench import Workbench
from analyzers.policies import load_policy
from analyzers.report.html import report_html
from analyzers.report.sections import Entry
from analyzers.toolkit.export import chart_html, file_stem, table_csv
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of
from tests.contracts.quick import QUICK

SCRIPT = "<script>alert(1)</script>"
IMAGE = "<img src=x onerror=alert(1)>"
LINK = '<a href="javascript:alert(1)">x</a>'
MARKDOWN = "[x](javascript:alert(1))"
LATEX = r"$\href{javascript:alert(1)}{x}$"
FORMULA = '=HYPERLINK("http://e.vil";"x")'
COMMAND = "@SUM(1+1)*cmd|' /C calc'!A0"
TURNED = "a\u202egnp.exe\u0000\u001b[31m"
PATH = "../../etc/passwd"
CLASSES = (IMAGE, FORMULA)

every_analyzer = pytest.mark.parametrize("name", [analyzer.name for analyzer in ANALYZERS])


@cache
def bench() -> Workbench:
    columns = (
        Column(name=SCRIPT, kind="number", role=Role.FEATURE, is_feature=True),
        Column(name=LATEX, kind="number", role=Role.FEATURE, is_feature=True),
        Column(
            name=MARKDOWN, kind="category", role=Role.FEATURE, is_feature=True, is_sensitive=True,
            levels=(COMMAND, LINK, TURNED),
        ),
        Column(
            name=PATH, kind="category", role=Role.SENSITIVE, is_sensitive=True,
            levels=(FORMULA, IMAGE),
        ),
        Column(name=COMMAND, kind="category", role=Role.LABEL, levels=CLASSES),
    )  # fmt: skip
    subject = subject_of(columns, classes=CLASSES, n_rows=300, training_data=True)
    training, rows = frame(300, 1), frame(300, 0)
    features = [SCRIPT, LATEX, MARKDOWN]
    model = EstimatorModel(
        make_pipeline(
            make_column_transformer((OneHotEncoder(), [MARKDOWN]), remainder="passthrough"),
            RandomForestClassifier(10, max_depth=4, random_state=0),
        ).fit(training[features], training[COMMAND].map(CLASSES.index)),
        Capability.PREDICT_PROBA,
        Capability.TREES,
    )
    data, training_data = dataset_of(subject, rows), dataset_of(subject, training)
    return Workbench(
        subject=subject, data=data, training_data=training_data,
        predictions=predictions_of(model, data),
        training_predictions=predictions_of(model, training_data),
        model=model, rng=np.random.default_rng(0),
    )  # fmt: skip


def frame(n_rows: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            SCRIPT: rng.normal(size=n_rows),
            LATEX: rng.normal(size=n_rows),
            MARKDOWN: rng.choice([COMMAND, LINK, TURNED], n_rows),
            PATH: rng.choice([FORMULA, IMAGE], n_rows),
        }
    )
    made[COMMAND] = np.where(made[SCRIPT] + rng.normal(size=n_rows) > 0, *CLASSES[::-1])
    return made


@cache
def measured(name: str) -> Measurements:
    analyzer = analyzer_named(name)
    params = check_params(analyzer.params, QUICK.get(name, {}))
    return analyzer.measure(bench(), params)


def strings_of(node: Any) -> list[str]:
    if isinstance(node, str):
        return [node]
    if isinstance(node, dict):
        return [text for value in node.values() for text in strings_of(value)]
    if isinstance(node, np.ndarray):
        return strings_of(node.tolist()) if node.dtype.kind in "OUT" else []
    if isinstance(node, list | tuple):
        return [text for value in node for text in strings_of(value)]
    return []


@every_analyzer
def test_no_string_in_a_figure_is_markup(name):
    ours = re.compile(r"</?(b|i|br|extra)\s*/?>")
    for chart in analyzer_named(name).draw(measured(name)):
        for text in strings_of(chart.figure):
            assert "<" not in ours.sub("", text), (chart.name, text)
            assert text.count("$") < 2, (chart.name, text)
            assert "\u202e" not in text, (chart.name, text)
            assert "\u0000" not in text, (chart.name, text)


@every_analyzer
def test_no_cell_of_an_exported_table_is_a_formula(name):
    for table in measured(name).tables.values():
        text = table_csv(table).decode("utf-8-sig")
        for row in csv.reader(io.StringIO(text)):
            for cell in row:
                is_number = re.fullmatch(r"-?\d+(\.\d+)?(e[+-]?\d+)?|-?inf", cell)
                assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell


@every_analyzer
def test_no_exported_chart_carries_markup_outside_its_script(name):
    for chart in analyzer_named(name).draw(measured(name))[:2]:
        page = Outline(chart_html(chart))

        assert page.dangerous == []


def test_a_file_name_is_made_of_our_own_characters():
    for word in (PATH, SCRIPT, COMMAND, TURNED):
        assert re.fullmatch(r"[a-z0-9_-]+", file_stem("assay", word))


def test_the_report_shows_every_hostile_word_as_a_word():
    subject = bench().subject
    entries = []
    for analyzer in ANALYZERS:
        job = Job(analyzer=analyzer.name, version=analyzer.version, subject=subject.digest)
        result = Result(job=job, measurements=measured(analyzer.name), provenance=Provenance())
        entries.append(Entry(analyzer=analyzer, state=Done(), result=result))

    page = Outline(report_html(subject, entries, load_policy("conventions")))

    assert page.dangerous == []
    assert "alert(1)" in page.text


class Outline(HTMLParser):
    """What a browser would see: text, and every tag or attribute that could act."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.dangerous: list[str] = []
        self.text = ""
        self._is_script = False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self._is_script = tag == "script"
        for key, value in attrs:
            acts = key.startswith("on") or (value or "").strip().lower().startswith("javascript:")
            if acts or (key in ("src", "href") and (value or "").startswith("http")):
                self.dangerous.append(f"{tag} {key}={value}")
        if tag in ("iframe", "object", "embed", "form", "base"):
            self.dangerous.append(tag)

    def handle_endtag(self, tag):
        self._is_script = False

    def handle_data(self, data):
        if not self._is_script:
            self.text += data
        elif "</script" in data or "<script>alert" in data:
            self.dangerous.append("markup inside a script")
