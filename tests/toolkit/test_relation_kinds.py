"""Long sums, multiples, exclusive columns and what a reader writes: found, read, never broken."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.core.errors import InvalidParameter
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import space_of
from analyzers.toolkit.relation_guess import guess_relations
from analyzers.toolkit.relation_text import Bound, read_rules

SAID = "bonus + pay <= cap; floor <= 0.5 * pay"
WHOLE = ("rent", "food", "fuel", "spent", "own", "let", "free")
NAMES = (*WHOLE, "month", "year", "price", "gross", "pay", "bonus", "cap", "floor", "age")


def frame(n_rows: int = 150, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    home = rng.integers(0, 3, n_rows)
    made = {
        "rent": rng.integers(200, 900, n_rows), "food": rng.integers(50, 400, n_rows),
        "fuel": rng.integers(0, 200, n_rows), "own": (home == 0).astype(int),
        "let": (home == 1).astype(int), "free": (home == 2).astype(int),
        "month": rng.uniform(800, 5000, n_rows).round(2),
        "price": rng.uniform(1, 90, n_rows).round(2),
        "pay": rng.uniform(100, 200, n_rows).round(1), "bonus": rng.uniform(0, 50, n_rows).round(1),
        "age": rng.uniform(18, 90, n_rows).round(2),
    }  # fmt: skip
    made["spent"] = made["rent"] + made["food"] + made["fuel"]
    made["year"] = (12 * made["month"]).round(2)
    made["gross"] = (1.19 * made["price"]).round(2)
    made["cap"] = (made["pay"] + made["bonus"] + rng.uniform(0, 30, n_rows)).round(1)
    made["floor"] = (0.5 * made["pay"] - rng.uniform(0.1, 20, n_rows)).round(1)
    return pd.DataFrame({name: made[name] for name in NAMES})


COLUMNS = tuple(
    Column(
        name=name, kind="integer" if name in WHOLE else "number", role=Role.FEATURE, is_feature=True
    )
    for name in NAMES
)


def space(**more):
    return space_of(COLUMNS, frame(), keeps_relations=True, said=SAID, **more)


def broken(changed: pd.DataFrame) -> list[str]:
    """The rules as a person would check them, without the code under test."""
    near = 1e-6
    checks = {
        "sum of three": changed.spent == changed.rent + changed.food + changed.fuel,
        "one home": changed.own + changed.let + changed.free == 1,
        "home is 0 or 1": changed[["own", "let", "free"]].isin([0, 1]).all(axis=1),
        "twelve months": (changed.year - 12 * changed.month).abs() < 0.005 + near,
        "tax": (changed.gross - 1.19 * changed.price).abs() <= 0.005 + near,
        "cap": changed.bonus + changed.pay <= changed.cap + near,
        "floor": changed.floor <= 0.5 * changed.pay + near,
    }
    return [name for name, good in checks.items() if not good.all()]


def test_the_data_keep_the_rules_under_test():
    assert broken(frame()) == []


def test_long_sums_multiples_and_exclusive_columns_are_found():
    found = {relation.words(NAMES) for relation in space().relations}

    assert {
        "exactly one of own, let, free is 1",
        "spent = rent + food + fuel",
        "bonus <= -pay + cap",
        "floor <= 0.5 * pay",
    } <= found
    assert {"year = 12 * month", "gross = 1.19 * price"} <= found
    assert not any("age" in words for words in found)


def test_a_sum_of_four_is_found_and_one_of_chance_is_not():
    rng = np.random.default_rng(0)
    parts = rng.integers(0, 1000, (120, 9)).astype(float)
    values = np.c_[parts, parts[:, [1, 3, 4, 8]].sum(axis=1)]

    found = guess_relations(values, np.ones(10, dtype=bool))

    assert [relation.words([f"c{at}" for at in range(10)]) for relation in found] == [
        "c9 = c1 + c3 + c4 + c8"
    ]


def test_forty_columns_are_searched_in_a_moment():
    values = np.random.default_rng(0).normal(size=(500, 40))

    assert guess_relations(values, np.ones(40, dtype=bool)) == ()


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0.3, 3.0, 300.0]),
    frozen=st.lists(st.sampled_from(NAMES), max_size=4, unique=True),
    rising=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    falling=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
)
def test_no_rule_is_ever_broken_whatever_is_wanted(seed, spread, frozen, rising, falling):
    original = frame()
    rules = space(frozen=frozen, rising=rising, falling=falling)
    start = rules.encode(original)
    drawn = np.random.default_rng(seed).standard_normal(start.shape)

    repaired = rules.repair(start + spread * drawn * rules.scales, start)
    changed = rules.decode(repaired, np.arange(len(start)), original)

    assert broken(changed) == []
    assert rules.is_feasible(repaired, start).all()
    for name in frozen:
        assert changed[name].equals(original[name])
    for name in set(rising) - set(frozen):
        assert (changed[name] >= original[name] - 1e-9).all()
    for name in set(falling) - set(frozen):
        assert (changed[name] <= original[name] + 1e-9).all()


def test_every_rule_leaves_room_to_move():
    rules = space()
    start = rules.encode(frame())
    drawn = np.random.default_rng(1).standard_normal(start.shape)

    moved = rules.repair(start + drawn * rules.scales, start) != start

    assert dict(zip(NAMES, moved.mean(axis=0) > 0.1, strict=True)) == dict.fromkeys(NAMES, True)


def test_a_total_that_may_not_change_is_shared_out_otherwise():
    rules = space(frozen=("spent",))
    start = rules.encode(frame())
    wanted = start.copy()
    wanted[:, 0] += 10

    repaired = rules.repair(wanted, start)

    assert (repaired[:, 0] == start[:, 0] + 10).mean() > 0.5
    assert (repaired[:, :3].sum(axis=1) == start[:, 3]).all()


def test_a_switch_between_exclusive_columns_counts_one():
    rules = space()
    start = rules.encode(frame())
    home = start[:, 4:7].argmax(axis=1)
    wanted = start.copy()
    wanted[np.arange(len(start)), 4 + (home + 1) % 3] = 1

    repaired = rules.repair(wanted, start)

    assert (repaired[:, 4:7].sum(axis=1) == 1).all()
    assert rules.distance(repaired, start) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ("total = a + b c", "total = a + b c"),
        ("a + b c = total", "total = a + b c"),
        ("a <= total; total >= b c", ["a <= total", "b c <= total"]),
        ("a ≤ 2 * b c", "a <= 2 * b c"),
        ("a = b c * 0.5\n", "a = 0.5 * b c"),
        ("a + b c <= total", "a <= -b c + total"),
        ("x<=y <= a", "x<=y <= a"),
        ("2 a >= total", "total <= 2 * a"),
        ("a - b c = total", "total = a - b c"),
        ("收入 = 12 × 月", "收入 = 12 * 月"),
    ],
)
def test_what_a_reader_writes_is_read(said, words):
    names = ("a", "b c", "total", "x<=y", "收入", "月")

    read = [rule.words(names) for rule in read_rules(said, names, [True] * 6).relations]

    assert read == ([words] if isinstance(words, str) else words)


@pytest.mark.parametrize(
    "said",
    ["a", "a = ", "= a", "a = b = c", "a = unknown", "a b", "a + = b"],
)
def test_what_cannot_be_read_is_said_with_an_example(said):
    with pytest.raises(InvalidParameter, match="total = part \\+ rest") as caught:
        read_rules(said, ("a", "b", "c"), [True] * 3)

    assert "(a, b, c)" in caught.value.remedy


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ("a < b", "leave no nearest value"),
        ("a > 5", "leave no nearest value"),
        ("a = 5", "columns the attacker cannot change"),
        ("a + b <= 5", "only a single column"),
        ("0 * a <= 5", "multiplied by 0"),
        ("5 <= 6", "names no column"),
        ("a <= 9999999999999999999", "beyond 1e\\+15"),
        ("a = a", "'a' stands on both sides"),
        ("a <= a + b", "'a' stands on both sides"),
        ("a b <= c", "'b' is no column"),
        ("-a <= b", "'a' has to be added"),
        ("a = b = c", "more than one of the signs"),
        ("a b", "none of the signs"),
        ("a <= ", "a side of it is empty"),
    ],
)
def test_the_true_reason_is_given(said, why):
    with pytest.raises(InvalidParameter, match=why):
        read_rules(said, ("a", "b", "c"), [True] * 3)


@pytest.mark.parametrize(
    ("said", "bound"),
    [
        ("a >= 18", Bound(0, is_low=True, value=18)),
        ("18 <= a", Bound(0, is_low=True, value=18)),
        ("a ≤ -2.5", Bound(0, is_low=False, value=-2.5)),
        ("2 * b >= 5", Bound(1, is_low=True, value=2.5)),
        ("-a >= 5", Bound(0, is_low=False, value=-5)),
        ("7 <= 3", Bound(2, is_low=True, value=7)),
    ],
)
def test_a_column_against_a_number_is_an_end_of_its_range(said, bound):
    rules = read_rules(said, ("a", "b", "3"), [True] * 3)

    assert rules.bounds == (bound,)
    assert not rules.relations


def test_a_named_end_stands_in_place_of_the_data_s():
    columns = [
        Column(name=name, kind="number", role=Role.FEATURE, is_feature=True)
        for name in ("age", "share")
    ]
    data = pd.DataFrame({"age": np.array([20, 40, 60]), "share": [0.25, 0.5, 0.75]})
    rules = space_of(columns, data, said="age >= 18.5; age <= 100; share <= 0.555")
    start = rules.encode(data)

    low, high = (rules.repair(start + step, start) for step in (-1000.0, 1000.0))

    assert low[:, 0].tolist() == [19, 19, 19]
    assert low[:, 1].tolist() == [0.25] * 3
    assert high[:, 0].tolist() == [100] * 3
    # To the digits that the column has.
    assert high[:, 1].tolist() == [0.55, 0.55, 0.75]
    assert rules.is_feasible(low, start).all()
    assert rules.is_feasible(high, start).all()
    assert not rules.is_feasible(start + np.array([50.0, 0.0]), start).all()


def test_a_range_without_a_value_is_refused():
    columns = [Column(name="age", kind="integer", role=Role.FEATURE, is_feature=True)]
    data = pd.DataFrame({"age": np.array([20, 40, 60])})

    with pytest.raises(InvalidParameter, match="a range with a value in it for 'age'"):
        space_of(columns, data, said="age >= 60.2; age <= 60.8")


def test_a_relation_that_no_row_keeps_is_refused():
    columns = [
        Column(name=name, kind="number", role=Role.FEATURE, is_feature=True)
        for name in ("part", "total")
    ]
    data = pd.DataFrame({"part": [1.0, 2.0, 3.0], "total": [2.0, 3.0, 4.0]})

    with pytest.raises(InvalidParameter, match="none of 3 rows keeps"):
        space_of(columns, data, said="total <= part")
    data.loc[0, "total"] = 0.5
    assert len(space_of(columns, data, said="total <= part").relations) == 1


def test_a_category_takes_part_in_no_sum():
    with pytest.raises(InvalidParameter, match="'b', which holds none"):
        read_rules("a = b", ("a", "b"), [True, False])
    with pytest.raises(InvalidParameter, match="'b', which holds none"):
        read_rules("b <= 5", ("a", "b"), [True, False])


@settings(max_examples=200, deadline=None)
@given(said=st.text(alphabet="ab c=<>+-*;1.2\n", max_size=40))
def test_any_text_is_read_or_refused(said):
    try:
        read = read_rules(said, ("a", "b", "c"), [True] * 3)
    except InvalidParameter:
        return
    assert all(np.isfinite(bound.value) for bound in read.bounds)
    for relation in read.relations:
        assert len(set(relation.places)) == len(relation.places) >= 2
