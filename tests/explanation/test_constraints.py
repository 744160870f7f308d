"""No counterfactual ever breaks a rule that was set, whatever the rules, the row and the model."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.core.errors import InvalidParameter
from analyzers.explanation import ANALYZER
from analyzers.explanation.constraints import Constraint, broken, constrained, constraints_of
from analyzers.explanation.counterfactuals import find_counterfactuals
from analyzers.explanation.params import ExplanationParams
from analyzers.toolkit.feasible import space_of
from tests.benches import credit_bench
from tests.explanation.test_counterfactuals import column, people

COLUMNS = (
    column("income", "number"), column("age", "integer"), column("sex", "category"),
    column("region", "category"),
)  # fmt: skip
PEOPLE = people(200)
SPACE = space_of(COLUMNS, PEOPLE)


def number_rules(name, low, high):
    ends = st.none() | st.floats(low - 20, high + 20).map(lambda end: round(end, 3))
    return st.builds(
        lambda direction, first, last, is_whole: Constraint(
            name, direction,
            *(sorted((first, last)) if None not in (first, last) else (first, last)), is_whole,
        ),
        st.sampled_from(["any", "rise", "fall", "keep"]), ends, ends, st.booleans(),
    )  # fmt: skip


def level_rules(name):
    return st.sampled_from([Constraint(name, "any"), Constraint(name, "keep")])


@settings(max_examples=40, deadline=None)
@given(
    row=st.integers(0, len(PEOPLE) - 1),
    slopes=st.lists(st.floats(-1, 1), min_size=4, max_size=4),
    rules=st.tuples(
        number_rules("income", PEOPLE["income"].min(), PEOPLE["income"].max()),
        number_rules("age", 18, 80), level_rules("sex"), level_rules("region"),
    ),
)  # fmt: skip
def test_no_rule_is_ever_broken(row, slopes, rules):
    start = PEOPLE.iloc[[row]]
    origin = SPACE.encode(start)

    def lean(rows):
        return SPACE.encode(rows) / SPACE.scales @ slopes

    edge = float(lean(start)[0]) + 0.3
    space = constrained(SPACE, rules, start)

    found = find_counterfactuals(lambda rows: lean(rows) - edge, start, space, PEOPLE, np.arange(4))

    assert space.is_feasible(found.points, np.repeat(origin, len(found.points), axis=0)).all()
    for point, changed in zip(found.points, found.rows.itertuples(index=False), strict=True):
        assert broken(SPACE, rules, origin[0], point) == ()
        assert isinstance(changed.age, int | np.integer)
    assert (lean(found.rows) > edge).all()


def test_a_row_outside_its_range_is_led_into_it():
    start = PEOPLE.iloc[[0]].assign(income=20.0)
    space = constrained(SPACE, [Constraint("income", low=45.0)], start)

    found = find_counterfactuals(
        lambda rows: rows["income"].to_numpy() - 25.0, start, space, PEOPLE, np.arange(4)
    )

    assert found.rows["income"].iloc[0] == 45.0


def test_the_way_that_is_forbidden_is_not_taken_and_the_other_one_is():
    start = PEOPLE.iloc[[0]].assign(age=40)

    def far_from_forty(rows):
        return (rows["age"] - 40).abs().to_numpy() - 4.5

    for direction, expected in (("rise", 45), ("fall", 35)):
        space = constrained(SPACE, [Constraint("age", direction)], start)
        found = find_counterfactuals(far_from_forty, start, space, PEOPLE, np.arange(4))
        assert found.rows["age"].tolist() == [expected]


def test_the_second_check_sees_what_is_broken():
    before = np.array([50.0, 40.0, 0.0, 1.0])
    rules = [Constraint("income", "rise", high=60.0), Constraint("sex", "keep")]

    assert broken(SPACE, rules, before, before) == ()
    assert broken(SPACE, rules, before, np.array([55.0, 1.0, 0.0, 0.0])) == ()
    assert broken(SPACE, rules, before, np.array([49.0, 40.0, 1.0, 1.0])) == ("income", "sex")
    assert broken(SPACE, rules, before, np.array([61.0, 40.0, 0.0, 1.0])) == ("income",)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Constraint("region", "rise"), "have no order"),
        (Constraint("shoes"), "columns the model sees"),
        (Constraint("income", low=9.0, high=1.0), "got 9 to 1"),
    ],
)
def test_rules_that_make_no_sense_are_refused_in_a_sentence(rule, words):
    with pytest.raises(InvalidParameter, match=words):
        constrained(SPACE, [rule], PEOPLE.iloc[[0]])


def test_a_column_cannot_only_rise_and_only_fall():
    with pytest.raises(InvalidParameter, match="in both"):
        constraints_of(["age"], ["age"])


@pytest.mark.parametrize("rule", ["rising_columns", "falling_columns"])
def test_the_analyzer_keeps_to_the_directions_chosen_before_the_run(rule):
    params = ExplanationParams(
        rows=40, sampled_rows=10, background_rows=20, lime_samples=200, **{rule: ("income",)}
    )

    table = ANALYZER.measure(credit_bench(200), params).tables["counterfactuals"].to_pandas()

    income = table[table["feature"] == "income"]
    change = income["number_after"] - income["number_before"]
    assert (change > 0).all() if rule == "rising_columns" else (change < 0).all()


def test_whole_numbers_only_is_kept_though_the_row_has_another():
    start = PEOPLE.iloc[[int(np.flatnonzero(PEOPLE["income"] % 1 > 0)[0])]]
    own = float(start["income"].iloc[0])
    rules = [Constraint("income", is_whole=True)]
    space = constrained(SPACE, rules, start)

    found = find_counterfactuals(
        lambda rows: rows["income"].to_numpy(np.float64) - own - 0.3, start, space, PEOPLE,
        np.arange(4),
    )  # fmt: skip

    assert len(found.rows) > 0
    assert (found.rows["income"] % 1 == 0).all()
    assert found.rows["income"].min() == np.ceil(own + 0.3)


def test_a_column_that_may_take_whole_numbers_only_may_stay_as_it_is():
    start = PEOPLE.iloc[[int(np.flatnonzero(PEOPLE["income"] % 1 > 0)[0])]]
    space = constrained(SPACE, [Constraint("income", is_whole=True)], start)

    found = find_counterfactuals(
        lambda rows: (rows["region"] != start["region"].iloc[0]).to_numpy(np.float64) - 0.5,
        start, space, PEOPLE, np.arange(4),
    )  # fmt: skip

    assert len(found.rows) > 0
    assert (found.rows["income"] == start["income"].iloc[0]).all()


def test_a_change_to_a_number_between_whole_ones_is_seen_as_broken():
    before = SPACE.encode(PEOPLE.iloc[[0]])[0]
    after = before.copy()
    after[0] = np.floor(before[0]) + 2.5

    assert broken(SPACE, [Constraint("income", is_whole=True)], before, after) == ("income",)
    assert broken(SPACE, [Constraint("income")], before, after) == ()
