"""What leaves a result names rows by number and never holds a value of a record."""

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeClassifier

from analyzers.core.model import Capability
from analyzers.core.result import Measurements
from analyzers.core.subject import Column, Role
from analyzers.policies import load_policy
from analyzers.privacy import ANALYZER
from analyzers.privacy.params import PrivacyParams
from analyzers.toolkit.export import chart_html, figure_json, table_csv
from tests.benches import EstimatorModel, dataset_of, predictions_of, subject_of
from tests.privacy.worlds import gaussian_bench

N_ROWS = 160
COLUMNS = (
    Column(name="income", kind="number", role=Role.FEATURE, is_feature=True),
    Column(name="street", kind="category", role=Role.FEATURE, is_feature=True, is_sensitive=True),
    Column(name="name", kind="category", role=Role.ID),
    Column(name="granted", kind="category", role=Role.LABEL, levels=("no", "yes")),
)
PARAMS = PrivacyParams(
    listed_records=40, groups=("granted",), quasi_identifiers=("income", "street"),
    population=5000, inferred=("income", "street"), shadow_models="8", audited_records=60,
    label_only_copies=2, stand_in=True, memorised_values=True, extraction=True,
    property_models="16",
)  # fmt: skip


def people(seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    # Numbers nothing else could be, streets that two or three share, a name for everyone.
    frame = pd.DataFrame({"income": 1_000_000 + rng.random(N_ROWS).cumsum() * 7919})
    street = [f"Zanzibarstreet{place}q" for place in rng.permutation(N_ROWS) // 3]
    granted = rng.choice(["no", "yes"], N_ROWS)
    name = [f"Personxyz{seed}n{place}" for place in range(N_ROWS)]
    return frame.assign(street=street, name=name, granted=granted)


@pytest.fixture(scope="module")
def measured() -> Measurements:
    subject = subject_of(COLUMNS, n_rows=N_ROWS, training_data=True)
    training, held_out = (dataset_of(subject, people(seed)) for seed in (1, 2))
    tree = make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), ["street"]), remainder="passthrough"
        ),
        DecisionTreeClassifier(random_state=0),
    ).fit(training.inputs, training.frame["granted"])
    model = EstimatorModel(tree, Capability.PREDICT_PROBA, Capability.TREES, Capability.REFIT)
    bench = replace(
        gaussian_bench(20, 20), subject=subject, data=held_out, training_data=training,
        model=model, predictions=predictions_of(model, held_out),
        training_predictions=predictions_of(model, training), rng=np.random.default_rng(0),
    )  # fmt: skip
    return ANALYZER.measure(bench, PARAMS)


def told(measured: Measurements) -> Iterator[tuple[str, str]]:
    """Everything that can be saved or read: tables, pictures, pages, facts and findings."""
    for name, table in measured.tables.items():
        yield f"table {name}", table_csv(table).decode()
    for chart in ANALYZER.draw(measured):
        yield f"chart {chart.name}", figure_json(chart.figure)
        yield f"words of chart {chart.name}", f"{chart.title} {chart.caption} {chart.alt}"
        assert len(chart_html(chart)) > 1000
    yield "facts", json.dumps(dict(measured.facts))
    yield "notes", " ".join(measured.sampling)
    for finding in ANALYZER.judge(measured, load_policy("conventions")):
        yield finding.code, finding.model_dump_json()


def test_no_value_of_a_record_is_in_what_leaves(measured):
    names = {"exposed_records", "attribute_inference", "memorised_values", "identifying_columns",
             "audit", "shadow_models", "structure", "extraction"}  # fmt: skip
    assert all(measured.tables[name].num_rows for name in names)
    incomes = {round(value) for seed in (1, 2) for value in people(seed)["income"]}

    for where, content in told(measured):
        assert "Zanzibarstreet" not in content, where
        assert "Personxyz" not in content, where
        for number in _numbers(content):
            assert round(number) not in incomes, (where, number)


def test_the_test_would_see_a_value(measured):
    income = people(1)["income"][3]
    assert round(income) in {round(number) for number in _numbers(f'"a",1,{income!r}\n')}
    assert round(income) in {round(number) for number in _numbers(json.dumps({"x": [income]}))}


def test_exposed_records_are_rows_of_the_training_table(measured):
    lines = list(
        csv.DictReader(io.StringIO(table_csv(measured.tables["exposed_records"]).decode()))
    )

    assert len(lines) == 40
    assert {int(line["training_row"]) for line in lines} <= set(range(N_ROWS))


def _numbers(content: str) -> Iterator[float]:
    for word in content.replace(",", " ").translate(str.maketrans('"[]{}:;()', " " * 9)).split():
        try:
            number = float(word)
        except ValueError:
            continue
        if math.isfinite(number):
            yield number
