"""Live counterfactuals, contrasts and the row finder, on results as a page gets them."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from analyzers.core.errors import InvalidParameter
from analyzers.explanation import (
    ANALYZER,
    ROW_ORDERS,
    Constraint,
    answer_now,
    contrast_chart,
    draw_counterfactuals,
    editable_rows,
    explained_row_numbers,
    find_ways,
    kept_columns,
    rows_chart,
    rows_in_order,
    way_words,
)
from analyzers.explanation.changing import Reach
from analyzers.explanation.contrast import contrast_rows
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.ways import rows_at_hand, rules_of
from analyzers.toolkit.feasible import NEVER_VARIES, space_of
from tests.benches import credit_bench, dataset_of, predictions_of
from tests.explanation.benches import mixed_frame, mixed_pipeline, number_bench, number_frame

QUICK = ExplanationParams(rows=40, sampled_rows=10, background_rows=20, lime_samples=200)


@pytest.fixture(scope="module")
def credit():
    bench = credit_bench(150)
    return bench, ANALYZER.measure(bench, QUICK)


@pytest.fixture(scope="module")
def mixed():
    bench = number_bench(mixed_pipeline(LogisticRegression()), mixed_frame(160))
    return bench, ANALYZER.measure(bench, QUICK)


def live(bench):
    def ask(rows):
        target = bench.subject.target
        first = bench.subject.classes[0] if bench.subject.classes else 0.0
        return predictions_of(
            bench.model, dataset_of(bench.subject, rows.assign(**{target: first}))
        )

    return ask


def test_the_rows_and_rules_of_a_run_come_back_as_they_were(credit):
    bench, found = credit
    data = bench.data.inputs
    numbers, frame = rows_at_hand(found)

    for name in data:
        assert frame[name].tolist() == data[name].iloc[numbers].tolist()
    for ours, theirs in zip(
        rules_of(found).fields, space_of(bench.subject.features, data).fields, strict=True
    ):
        assert ours._replace(reason="") == theirs._replace(reason="")


def test_gaps_come_back_as_gaps(mixed):
    bench, found = mixed
    numbers, frame = rows_at_hand(found)

    original = bench.data.inputs.iloc[numbers].reset_index(drop=True)

    assert frame.isna().equals(original.isna())
    assert frame["colour"].isna().any()


def test_every_way_is_confirmed_by_the_model_and_keeps_to_the_rules(credit):
    bench, found = credit
    n_ways = 0
    for row in editable_rows(found)[:6]:
        own = bench.data.inputs.iloc[[row]]
        rules = [Constraint("income", "rise")]
        answered = find_ways(found, bench.subject, row, rules, live(bench))
        table = answered.tables["counterfactuals"].to_pandas()
        n_ways += answered.facts["n_found"]
        for _, part in table.groupby("number"):
            edited = own.copy()
            for line in part.itertuples():
                value = line.after if np.isnan(line.number_after) else line.number_after
                edited[line.feature] = [value]
                if line.feature == "income":
                    assert line.number_after > line.number_before
            assert bench.model.predict(edited)[0] != bench.model.predict(own)[0]
    assert n_ways > 0


def test_each_way_is_said_in_words_with_the_answer_it_leads_to(credit):
    bench, found = credit
    row = editable_rows(found)[0]

    answered = find_ways(found, bench.subject, row, [], live(bench))

    words, table = way_words(answered), answered.tables["counterfactuals"].to_pandas()
    assert len(words) == answered.facts["n_found"] > 0
    for sentence, (_, part) in zip(words, table.groupby("number"), strict=True):
        for line in part.itertuples():
            assert f"{line.feature} from {line.before} to {line.after}" in sentence
        assert f"says {part['predicted'].iloc[0]}, probability of" in sentence
        assert f"{part['output'].iloc[0]:.3g}" in sentence
    now = bench.model.predict_proba(bench.data.inputs.iloc[[row]])[0]
    assert answer_now(answered).startswith(bench.subject.classes[int(now.argmax())])


def test_columns_that_no_search_changes_are_named_with_their_reason(mixed):
    _, found = mixed

    assert kept_columns(found) == (("same", NEVER_VARIES),)


def test_keeping_everything_leaves_nothing_to_find(credit):
    bench, found = credit
    rules = [Constraint(name, "keep") for name in bench.data.inputs]

    answered = find_ways(found, bench.subject, editable_rows(found)[0], rules, live(bench))

    assert answered.facts["n_found"] == answered.facts["n_free"] == 0


def test_rows_with_gaps_have_ways_too(mixed):
    bench, found = mixed
    numbers, frame = rows_at_hand(found)
    row = numbers[int(np.flatnonzero(frame["colour"].isna())[0])]

    answered = find_ways(found, bench.subject, row, [], live(bench))

    assert answered.facts["n_found"] > 0
    assert "colour" not in answered.tables["counterfactuals"]["feature"].to_pylist()


def test_of_several_classes_the_wanted_one_is_reached():
    from sklearn.linear_model import LogisticRegression

    bench = number_bench(LogisticRegression(), number_frame(200, 4, n_classes=4), n_classes=4)
    found = ANALYZER.measure(bench, QUICK)
    row = editable_rows(found)[0]
    own = bench.subject.classes[int(bench.predictions.predicted[row])]

    for wanted in bench.subject.classes:
        if wanted == own:
            with pytest.raises(InvalidParameter, match="predicts already"):
                find_ways(found, bench.subject, row, [], live(bench), wanted=wanted)
            continue
        answered = find_ways(found, bench.subject, row, [], live(bench), wanted=wanted)
        reached = answered.tables["counterfactuals"]["predicted"].to_pylist()
        assert set(reached) == {wanted}


@pytest.mark.parametrize("is_upward", [True, False])
def test_of_a_number_the_wanted_value_is_reached_and_said(is_upward):
    frame = number_frame(200, 4)
    frame["y"] = 100 + 20 * frame["x0"] - 5 * frame["x1"]
    bench = number_bench(LinearRegression(), frame)
    found = ANALYZER.measure(bench, QUICK)
    row = editable_rows(found)[0]
    own = float(bench.model.predict(bench.data.inputs.iloc[[row]])[0])
    reach = Reach(is_upward, own + (5.0 if is_upward else -5.0))

    answered = find_ways(found, bench.subject, row, [], live(bench), wanted=reach)

    table = answered.tables["counterfactuals"].to_pandas()
    assert len(table)
    assert (reach.margins(table["output"].to_numpy()) > 0).all()
    side = "above" if is_upward else "below"
    assert f"takes y {side} {reach.value:.4g}" in draw_counterfactuals(answered).title
    there = Reach(is_upward, own - (5.0 if is_upward else -5.0))
    with pytest.raises(InvalidParameter, match=f"answers {own:.6g} already"):
        find_ways(found, bench.subject, row, [], live(bench), wanted=there)


def test_a_contrast_adds_up_exactly_and_is_its_own_mirror(credit):
    _, found = credit
    outputs = found.tables["explained_rows"].to_pandas().set_index("row")["output"]
    first, *others = explained_row_numbers(found)

    for other in others[:10]:
        table = contrast_rows(found, first, other)
        assert table["difference"].sum() == pytest.approx(outputs[first] - outputs[other])
        mirror = contrast_rows(found, other, first).set_index("feature")["difference"]
        np.testing.assert_allclose(table.set_index("feature")["difference"], -mirror[
            table["feature"]])  # fmt: skip
        chart = contrast_chart(found, first, other)
        bars = chart.figure["data"][0]
        assert bars["base"] + sum(bars["x"]) == pytest.approx(outputs[first])


def test_of_a_linear_model_the_contrast_is_slope_times_difference():
    from sklearn.linear_model import LinearRegression

    frame = number_frame(150, 3)
    frame["y"] = 3 * frame["x0"] - 2 * frame["x1"]
    found = ANALYZER.measure(number_bench(LinearRegression(), frame), QUICK)
    first, other = explained_row_numbers(found)[:2]

    table = contrast_rows(found, first, other).set_index("feature")["difference"]

    assert table["x0"] == pytest.approx(3 * (frame["x0"][first] - frame["x0"][other]))
    assert table["x1"] == pytest.approx(-2 * (frame["x1"][first] - frame["x1"][other]))
    assert table["x2"] == pytest.approx(0, abs=1e-9)


def test_a_row_is_not_contrasted_with_itself(credit):
    row = explained_row_numbers(credit[1])[0]

    assert contrast_chart(credit[1], row, row) is None


def test_rows_are_found_by_output_by_error_and_in_the_files_order(credit):
    _, found = credit
    table = found.tables["explained_rows"].to_pandas().set_index("row")
    orders = {order: list(rows_in_order(found, order)) for order in ROW_ORDERS}

    assert orders["the most instructive first"][0] == found.facts["shown_row"]
    assert orders["as in the file"] == sorted(table.index)
    assert table["output"][orders["highest output first"]].is_monotonic_decreasing
    assert table["output"][orders["lowest output first"]].is_monotonic_increasing
    wrong = table[table["label"] != table["predicted"]]
    assert set(orders["wrong answers, the surest first"]) == set(wrong.index)
    chart = rows_chart(found)
    clicked = [row for trace in chart.figure["data"] for row in trace["customdata"]]
    assert sorted(clicked) == sorted(table.index)


def test_hostile_names_are_tamed_in_the_finder(credit):
    _, found = credit
    table = found.tables["explained_rows"]
    place = table.schema.get_field_index("id")
    import pyarrow as pa

    hostile = pa.array(["<script>alert(1)</script>"] * len(table), type=pa.string())
    tables = dict(found.tables) | {"explained_rows": table.set_column(place, "id", hostile)}
    from dataclasses import replace

    figure = str(rows_chart(replace(found, tables=tables)).figure)

    assert "<script" not in figure
