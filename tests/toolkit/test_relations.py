"""Relations between numbers: guessed where they are none of chance, and never broken."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.core.errors import InvalidParameter
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import space_of
from analyzers.toolkit.relations import Relation

NAMES = ("least", "usual", "most", "part", "rest", "total", "age")
COLUMNS = tuple(
    Column(name=name, kind="integer" if name in ("part", "rest", "total") else "number",
           role=Role.FEATURE, is_feature=True)
    for name in NAMES
)  # fmt: skip


def frame(n_rows=150, seed=0):
    rng = np.random.default_rng(seed)
    usual = rng.normal(50, 10, n_rows).round(1)
    part, rest = rng.integers(0, 40, n_rows), rng.integers(0, 40, n_rows)
    return pd.DataFrame(
        {
            "least": (usual - rng.uniform(0.1, 8, n_rows)).round(1),
            "usual": usual,
            "most": (usual + rng.uniform(0.1, 8, n_rows)).round(1),
            "part": part,
            "rest": rest,
            "total": part + rest,
            "age": rng.uniform(18, 20, n_rows).round(2),
        }
    )


def space(**more):
    return space_of(COLUMNS, frame(), keeps_relations=True, **more)


def test_orders_and_sums_are_found_and_chance_is_not():
    found = {relation.words(NAMES) for relation in space().relations}

    assert {"least <= usual", "usual <= most", "least <= most", "total = part + rest"} <= found
    # Every age is below every most, but the two have nothing to do with each other.
    assert not any("age" in words for words in found)


def test_few_rows_prove_nothing():
    assert space_of(COLUMNS, frame(50), keeps_relations=True).relations == ()


def test_without_being_asked_there_are_no_relations():
    assert space_of(COLUMNS, frame()).relations == ()


def test_a_relation_that_is_no_rule_can_be_left_out_and_the_others_stay():
    every = {relation.words(NAMES) for relation in space().relations}

    left = space(dropped=" total =  part + rest; least <= most ")

    assert {relation.words(NAMES) for relation in left.relations} == every - {
        "total = part + rest", "least <= most",
    }  # fmt: skip


def test_signs_copied_from_a_page_are_understood():
    typed, copied = (space(said=said).relations for said in ("age <= most", "age ≤ most"))

    assert typed == copied


def test_what_the_data_do_not_show_cannot_be_left_out():
    with pytest.raises(InvalidParameter, match="got 'age <= most'") as refused:
        space(dropped="age <= most")

    assert "total = part + rest" in refused.value.remedy


def broken(changed: pd.DataFrame) -> list[str]:
    """The rules as a person would check them, without the code under test."""
    found = []
    if (changed["least"] > changed["usual"] + 1e-9).any():
        found.append("least above usual")
    if (changed["usual"] > changed["most"] + 1e-9).any():
        found.append("usual above most")
    if (changed["total"] != changed["part"] + changed["rest"]).any():
        found.append("total is no sum")
    return found


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0.5, 5.0, 100.0]),
    frozen=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    rising=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
    falling=st.lists(st.sampled_from(NAMES), max_size=3, unique=True),
)
def test_no_rule_is_ever_broken_whatever_is_wanted(seed, spread, frozen, rising, falling):
    original = frame()
    rules = space(frozen=frozen, rising=rising, falling=falling)
    start = rules.encode(original)
    wanted = start + spread * np.random.default_rng(seed).standard_normal(start.shape)

    repaired = rules.repair(wanted, start)
    changed = rules.decode(repaired, np.arange(len(start)), original)

    assert broken(changed) == []
    assert rules.is_feasible(repaired, start).all()
    for name in rising:
        assert (changed[name] >= original[name] - 1e-9).all()
    for name in falling:
        assert (changed[name] <= original[name] + 1e-9).all()
    for name in frozen:
        assert changed[name].equals(original[name])


def test_the_rules_still_leave_room_to_move():
    rules = space()
    start = rules.encode(frame())
    wanted = start + np.random.default_rng(1).standard_normal(start.shape)

    moved = rules.repair(wanted, start) != start

    assert moved.mean(axis=0).min() > 0.3


def test_a_row_that_breaks_a_relation_already_is_not_held_to_it():
    rules = space()
    start = rules.encode(frame())[:1].copy()
    start[0, 0] = start[0, 1] + 5.0

    repaired = rules.repair(start, start)

    assert (repaired == start).all()
    assert rules.is_feasible(repaired, start).all()


def test_missing_numbers_break_nothing():
    relation = Relation(0, (1,), "at most")

    assert relation.holds(np.array([[np.nan, 1.0], [2.0, 1.0], [1.0, 1.0]])).tolist() == [
        True, False, True,
    ]  # fmt: skip
