import numpy as np
import pandas as pd
import pytest

from analyzers.fairness import ANALYZER, FairnessParams
from analyzers.fairness.beside_model import COLUMNS, beside_model, proposals_of
from analyzers.fairness.grouped_columns import cut_points_text, grouped_columns
from analyzers.fairness.sentences import (
    NOTHING_TO_COMPARE,
    SECTIONS,
    WHO,
    difference_sentence,
    group_sentence,
)
from analyzers.fairness.tradeoffs import CURRENT
from analyzers.toolkit.groups import parse_edges
from tests.benches import credit_bench
from tests.fairness.benches import bench_of
from tests.fairness.test_mitigation import unfair


@pytest.fixture(scope="module")
def credit():
    return ANALYZER.measure(credit_bench(300), FairnessParams(draws=200))


def test_every_chart_stands_in_a_section_in_the_newcomers_order_under_a_sentence(credit):
    charts = ANALYZER.draw(credit)

    places = [SECTIONS.index(chart.section) for chart in charts]
    assert places == sorted(places)
    assert set(places) == set(range(len(SECTIONS)))
    for chart in charts:
        assert chart.sentence.endswith(".")
        assert chart.sentence not in chart.caption
        assert len(chart.sentence) < 300
    assert len({chart.name for chart in charts}) == len(charts)


def group_rows(values, *, metric="selection_rate", is_small=False):
    return pd.DataFrame(
        [
            {"attributes": "sex", "depth": 1, "group": name, "metric": metric, "value": value,
             "n": 50, "is_small": is_small}
            for name, value in values.items()
        ]
    )  # fmt: skip


def test_a_sentence_names_the_two_groups_furthest_apart_and_no_small_one():
    rows = group_rows({"f": 0.25, "m": 0.5})
    wild = group_rows({"x": 1.0}, is_small=True)

    assert group_sentence(pd.concat([rows, wild], ignore_index=True), "selection_rate") == (
        "25.0% of “f” are selected, 50.0% of “m” (sex, the widest gap of a single column)."
    )
    assert group_sentence(wild, "selection_rate") == NOTHING_TO_COMPARE
    numbers = group_rows({"f": 0.25, "m": 0.5}, metric="roc_auc")
    assert "runs from 0.25 for “f” to 0.5 for “m”" in group_sentence(numbers, "roc_auc")


def test_differences_that_may_be_chance_are_not_called_sure():
    row = {"attributes": "sex", "metric": "accuracy_difference", "low": 0.0, "value": 0.3}

    assert difference_sentence(pd.DataFrame([row])) == (
        "None of the 1 differences is surely above 0."
    )
    assert "1 of 2" in difference_sentence(pd.DataFrame([row, row | {"low": 0.1}]))


def test_several_classes_are_drawn_class_by_class_with_the_widest_named():
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 900)
    labels = rng.integers(0, 3, 900)
    decisions = np.where((sex == "f") & (labels == 2), 0, labels)
    bench = bench_of({"sex": sex}, labels, decisions, classes=("low", "middle", "high"))
    result = ANALYZER.measure(bench, FairnessParams(draws=200))

    charts = {c.name: c for c in ANALYZER.draw(result) if c.table == "classes"}

    chart = charts["classes_sex_selection_rate"]
    assert chart.section == WHO
    trace = chart.figure["data"][0]
    table = result.tables["classes"].to_pandas()
    mine = table[table["metric"] == "selection_rate"].set_index("class")["value"]
    widest = mine.drop("average over classes").idxmax()
    assert f"differs most for the class “{widest}”" in chart.sentence
    assert charts["classes_sex_true_positive_rate"].sentence.startswith(
        "The true positive rate differs most for the class “high”"
    )
    ticks = chart.figure["layout"]["yaxis"]
    drawn = dict(zip(ticks["ticktext"], trace["x"], strict=True))
    assert drawn == pytest.approx(mine.to_dict())
    assert trace["marker"]["symbol"].count("diamond") == 1


def test_cut_points_read_back_from_a_result_are_those_it_was_cut_at(credit):
    age, sex = grouped_columns(credit)

    assert (age.name, sex.name, sex.edges, age.is_by_hand) == ("age", "sex", (), False)
    text = f"age: {cut_points_text(age.edges)}"
    assert parse_edges(text)["age"] == age.edges
    again = ANALYZER.measure(credit_bench(300), FairnessParams(draws=200, cut_points=text))
    assert grouped_columns(again)[0].is_by_hand
    assert again.tables["groups"].equals(credit.tables["groups"])
    assert cut_points_text((0.1 + 0.2, 3.0)) == "0.30000000000000004, 3"


def test_another_decision_is_shown_beside_the_model_in_every_metric():
    sex, labels, scores = unfair(900)
    result = ANALYZER.measure(
        bench_of({"sex": sex}, labels, scores=scores), FairnessParams(draws=200, search=False)
    )
    names = proposals_of(result)["sex"]

    table = beside_model(result, "sex", names[0]).to_pandas()

    assert CURRENT not in names
    assert tuple(table.columns) == COLUMNS
    stored = result.tables["mitigations"].to_pandas()
    assert len(table) == (stored["mitigation"] == names[0]).sum()
    row = table[table["Metric"] == "Demographic parity, difference"].iloc[0]
    now = stored[
        (stored["mitigation"] == CURRENT) & (stored["metric"] == "demographic_parity_difference")
    ].iloc[0]
    assert (row["Now"], row["Now: low"], row["Now: high"]) == tuple(now[["value", "low", "high"]])
    assert row["Then"] < row["Now"]
    assert table["Metric"].tolist().count("Change in accuracy, paired") == 1
