"""Counterfactuals: known smallest changes, rules never broken, and every one checked again."""

import numpy as np
import pandas as pd
import pytest

from analyzers.core.subject import Column, Role
from analyzers.explanation import ANALYZER
from analyzers.explanation.counterfactuals import find_counterfactuals
from analyzers.explanation.params import ExplanationParams
from analyzers.toolkit.feasible import space_of
from tests.benches import credit_bench, credit_frame
from tests.explanation.benches import number_bench, number_frame

QUICK = ExplanationParams(rows=60, sampled_rows=10, background_rows=20, lime_samples=200)


def column(name, kind, **more):
    return Column(name=name, kind=kind, role=Role.FEATURE, is_feature=True, **more)


def people(n_rows=300):
    return credit_frame(n_rows, 0).drop(columns="granted")


COLUMNS = (
    column("income", "number"), column("age", "integer", is_immutable=True),
    column("sex", "category", is_immutable=True), column("region", "category"),
)  # fmt: skip


def search(margins, row, frame, **more):
    space = space_of(COLUMNS, frame, **more)
    return find_counterfactuals(margins, row, space, frame, np.arange(4)), space


def test_of_a_threshold_it_finds_the_smallest_step_across():
    frame = people()
    row = frame.iloc[[0]].assign(income=40.0)

    found, space = search(lambda rows: rows["income"].to_numpy() - 50.05, row, frame)

    assert len(found.rows) == 1
    assert found.rows["income"].iloc[0] == pytest.approx(50.1, abs=1.0)
    assert found.rows["income"].iloc[0] > 50.05
    assert (found.steps[0] > 0).tolist() == [True, False, False, False]
    assert space.is_feasible(found.points, space.encode(row)).all()


def test_two_ways_out_are_both_found_the_single_category_and_the_single_number():
    frame = people()
    row = frame.iloc[[0]].assign(income=40.0, region="north")

    found, _ = search(
        lambda rows: np.where((rows["income"] > 60) | (rows["region"] == "south"), 1.0, -1.0),
        row, frame,
    )  # fmt: skip

    changed = {tuple(np.flatnonzero(steps)) for steps in found.steps}
    assert changed == {(0,), (3,)}
    assert "south" in set(found.rows["region"])


def test_what_takes_two_columns_takes_exactly_two():
    frame = people()
    row = frame.iloc[[0]].assign(income=40.0, region="north")

    found, _ = search(
        lambda rows: np.where((rows["income"] > 60) & (rows["region"] == "south"), 1.0, -1.0),
        row, frame,
    )  # fmt: skip

    assert [tuple(np.flatnonzero(steps)) for steps in found.steps] == [(0, 3)]


def test_what_only_an_immutable_column_could_change_is_not_found():
    frame = people()
    row = frame.iloc[[0]].assign(sex="female")

    found, _ = search(lambda rows: np.where(rows["sex"] == "male", 1.0, -1.0), row, frame)

    assert found.rows.empty
    assert found.n_questions > 0


def test_columns_chosen_to_stay_fixed_stay():
    frame = people()
    row = frame.iloc[[0]].assign(income=40.0, region="north")

    found, _ = search(
        lambda rows: np.where((rows["income"] > 60) | (rows["region"] == "south"), 1.0, -1.0),
        row, frame, frozen=("income",),
    )  # fmt: skip

    assert [tuple(np.flatnonzero(steps)) for steps in found.steps] == [(3,)]


def test_the_analyzers_changes_change_the_models_answer_and_none_can_be_left_out():
    bench = credit_bench(300)
    found = ANALYZER.measure(bench, QUICK)
    table = found.tables["counterfactuals"].to_pandas()
    shown = found.facts["shown_row"]
    row = bench.data.inputs.iloc[[shown]]
    before = bench.model.predict(row)[0]

    assert len(table)
    assert not {"age", "sex"} & set(table["feature"])
    for _, part in table.groupby("number"):
        edited = changed(row, part)
        assert bench.model.predict(edited)[0] != before
        assert bench.subject.classes[bench.model.predict(edited)[0]] == part["predicted"].iloc[0]
        for place in range(len(part)):
            without = changed(row, part.drop(part.index[place]))
            assert bench.model.predict(without)[0] == before
    sizes = table.groupby("number").size()
    assert sizes.is_monotonic_increasing
    (chart,) = [item for item in ANALYZER.draw(found) if item.name == "counterfactuals"]
    assert str(len(sizes)) in chart.caption


def changed(row, part):
    edited = row.copy()
    for line in part.itertuples():
        dtype = row[line.feature].dtype
        value = line.after if pd.isna(line.number_after) else line.number_after
        edited[line.feature] = pd.Series([value], index=edited.index).astype(dtype)
    return edited


def test_for_a_regression_the_answer_crosses_the_middle():
    from sklearn.linear_model import Ridge

    frame = number_frame(120, 4)
    frame["y"] = 3 * frame["x0"] - frame["x1"]

    found = ANALYZER.measure(number_bench(Ridge(), frame), QUICK)

    table = found.tables["counterfactuals"].to_pandas()
    outputs = found.tables["explained_rows"].to_pandas().set_index("row")["output"]
    middle = outputs.median()
    own = outputs[found.facts["shown_row"]]
    assert len(table)
    assert ((table["output"] > middle) != (own > middle)).all()
