"""An edited row: the question asked, the change shared out, and forms for every kind of column."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import RandomForestClassifier

from analyzers.core.errors import InvalidParameter
from analyzers.explanation import (
    ANALYZER,
    ask_about,
    editable_fields,
    editable_rows,
    edits_chart,
    read_answer,
)
from analyzers.explanation.params import ExplanationParams
from tests.benches import credit_bench, dataset_of, predictions_of
from tests.explanation.benches import mixed_frame, mixed_pipeline, number_bench

QUICK = ExplanationParams(rows=30, sampled_rows=10, background_rows=20, lime_samples=200)


@pytest.fixture(scope="module")
def credit():
    bench = credit_bench(120)
    return bench, ANALYZER.measure(bench, QUICK)


def asked(bench, question):
    rows = dataset_of(bench.subject, question.rows.assign(granted="no"))
    return predictions_of(bench.model, rows)


def test_the_row_unedited_gets_the_answer_on_record(credit):
    bench, found = credit

    for row in editable_rows(found)[:8]:
        question = ask_about(found, row, {})
        answered = read_answer(found, bench.subject, question, asked(bench, question))
        before = answered.tables["answers"]["before"].to_pylist()
        np.testing.assert_allclose(before, bench.predictions.scores[row])
        assert edits_chart(answered) is None


def test_the_shares_of_edits_add_up_to_the_change(credit):
    bench, found = credit
    row = editable_rows(found)[0]
    own = {field.name: field.value for field in editable_fields(found, row)}
    sex = "male" if own["sex"] == "female" else "female"
    edits = {"income": own["income"] + 25.0, "sex": sex, "age": own["age"]}

    question = ask_about(found, row, edits)
    answered = read_answer(found, bench.subject, question, asked(bench, question))

    assert set(question.edited) == {"income", "sex"}
    assert len(question.rows) == 4
    change = answered.facts["output_after"] - answered.facts["output_before"]
    assert change != 0
    assert sum(answered.tables["edits"]["phi"].to_pylist()) == pytest.approx(change)
    chart = edits_chart(answered)
    assert chart.table in answered.tables
    trace = chart.figure["data"][0]
    assert trace["base"] + np.sum(trace["x"]) == pytest.approx(answered.facts["output_after"])


def test_of_a_sum_each_edit_gets_its_own_difference(credit):
    _, found = credit
    row = editable_rows(found)[0]
    own = {field.name: field.value for field in editable_fields(found, row)}
    question = ask_about(found, row, {"income": own["income"] + 10.0, "age": own["age"] + 2})

    from analyzers.core.dataset import Predictions

    frame = question.rows
    score = 0.02 * frame["income"].to_numpy() - 0.01 * frame["age"].to_numpy()
    answers = Predictions(
        rows=np.arange(4), labels=None, predicted=np.zeros(4, dtype=np.int64),
        scores=np.column_stack([1 - score, score]),
    )  # fmt: skip
    answered = read_answer(found, credit[0].subject, question, answers)

    shares = dict(zip(question.edited, answered.tables["edits"]["phi"].to_pylist(), strict=True))
    assert shares == pytest.approx({"income": 0.2, "age": -0.02})


def test_every_kind_of_column_has_its_field_and_gaps_stay_gaps():
    frame = mixed_frame()
    bench = number_bench(mixed_pipeline(RandomForestClassifier(5, random_state=0)), frame)
    found = ANALYZER.measure(bench, QUICK.model_copy(update={"rows": 200}))
    missing = int(np.flatnonzero(frame["years"].isna())[0])

    fields = {field.name: field for field in editable_fields(found, missing)}

    assert set(fields) == {"amount", "colour", "years"}
    assert fields["years"].value is None
    assert fields["years"].may_be_missing
    assert fields["years"].decimals == 0
    assert not fields["amount"].may_be_missing
    assert fields["amount"].decimals == 2
    assert fields["colour"].levels == ("blue", "green", "red")
    assert fields["amount"].low == frame["amount"].min()
    question = ask_about(found, missing, {"amount": 12.0})
    assert question.rows["years"].isna().all()
    pd.testing.assert_series_equal(
        question.rows["colour"].iloc[:1].astype("str"),
        frame["colour"].iloc[[missing]].astype("str"),
        check_index=False,
    )


def test_more_edits_than_can_be_told_apart_are_refused():
    from tests.explanation.benches import number_frame

    bench = number_bench(RandomForestClassifier(5, random_state=0), number_frame(60, 12))
    found = ANALYZER.measure(bench, QUICK)
    row = editable_rows(found)[0]

    with pytest.raises(InvalidParameter, match="at most 8"):
        ask_about(found, row, {f"x{place}": 99.0 for place in range(9)})


def test_without_values_there_is_nothing_to_edit():
    from analyzers.core.result import Measurements

    assert editable_rows(Measurements()) == []
