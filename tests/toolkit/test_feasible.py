"""No repaired row may break a rule, whatever the attacker wants."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.adversarial.noise import random_changes
from analyzers.core.subject import Column, Role
from analyzers.toolkit.feasible import space_of


def column(name, kind, **more):
    return Column(name=name, kind=kind, role=Role.FEATURE, is_feature=True, **more)


COLUMNS = (
    column("price", "number", minimum=0, maximum=100),
    column("count", "integer"),
    column("colour", "category"),
    column("member", "boolean"),
    column("age", "integer", is_immutable=True),
    column("town", "category", is_immutable=True),
    column("note", "text"),
    column("constant", "number"),
    column("free", "number"),
)


def frame(n_rows=40, seed=0):
    rng = np.random.default_rng(seed)
    made = pd.DataFrame(
        {
            "price": rng.uniform(5, 95, n_rows).round(2),
            "count": rng.integers(0, 9, n_rows),
            "colour": rng.choice(["red", "green", "blue"], n_rows),
            "member": rng.choice([True, False], n_rows),
            "age": rng.integers(18, 80, n_rows),
            "town": rng.choice(["Ulm", "Bonn"], n_rows),
            "note": rng.choice(["a note", "another"], n_rows),
            "constant": 3.5,
            "free": rng.standard_normal(n_rows),
        }
    )
    made.loc[::7, "price"] = np.nan
    made.loc[::5, "colour"] = None
    return made


def broken_rules(changed: pd.DataFrame, original: pd.DataFrame) -> list[str]:
    """Check rows as a person would read them, without the code under test."""
    fixed = ("age", "town", "note", "constant")
    found = [f"{name} changed" for name in fixed if not changed[name].equals(original[name])]
    known = changed["price"].dropna()
    if not known.between(0, 100).all():
        found.append("price out of range")
    if not np.allclose(known, known.round(2), atol=1e-9):
        found.append("price has too many decimals")
    if not changed["count"].between(original["count"].min(), original["count"].max()).all():
        found.append("count out of range")
    if changed["count"].dtype != original["count"].dtype:
        found.append("count is no integer")
    if not set(changed["colour"].dropna()) <= {"red", "green", "blue"}:
        found.append("unknown colour")
    if not changed["price"].isna().equals(original["price"].isna()):
        found.append("a missing price was filled")
    if not changed["colour"].isna().equals(original["colour"].isna()):
        found.append("a missing colour was filled")
    if not changed.dtypes.equals(original.dtypes):
        found.append("types changed")
    return found


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), spread=st.sampled_from([0.01, 1.0, 50.0, 1e9]))
def test_whatever_is_wanted_repair_keeps_every_rule(seed, spread):
    original = frame()
    space = space_of(COLUMNS, original)
    start = space.encode(original)
    rng = np.random.default_rng(seed)
    wanted = np.nan_to_num(start) + spread * rng.standard_normal(start.shape)

    repaired = space.repair(wanted, start)
    changed = space.decode(repaired, np.arange(len(start)), original)

    assert broken_rules(changed, original) == []
    assert space.is_feasible(repaired, start).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), size=st.floats(0.05, 4))
def test_random_changes_keep_every_rule_and_the_size(seed, size):
    original = frame()
    space = space_of(COLUMNS, original)
    start = space.encode(original)

    points = random_changes(space, start, size, np.random.default_rng(seed))

    changed = space.decode(points, np.arange(len(start)), original)
    assert broken_rules(changed, original) == []
    assert (space.distance(points, start) <= size * (1 + 1e-9)).all()
    if size > 1:
        assert (space.distance(points, start) > 0).mean() > 0.8


def test_encoding_and_writing_back_gives_the_same_rows():
    original = frame()
    space = space_of(COLUMNS, original)

    back = space.decode(space.encode(original), np.arange(len(original)), original)

    pd.testing.assert_frame_equal(back, original)


@pytest.mark.parametrize(
    ("name", "value"),
    [("price", 100.01), ("price", 1.234), ("count", 2.5), ("count", 99.0), ("colour", 0.5),
     ("colour", 3.0), ("age", 30.0), ("member", 2.0)],
)  # fmt: skip
def test_the_check_sees_each_broken_rule(name, value):
    original = frame()
    space = space_of(COLUMNS, original)
    start = space.encode(original)[[1]]
    point = start.copy()
    place = [field.name for field in space.fields].index(name)
    point[0, place] = value if value != start[0, place] else value + 1

    assert not space.is_feasible(point, start)[0]


def test_filling_in_a_missing_value_is_seen():
    original = frame()
    space = space_of(COLUMNS, original)
    start = space.encode(original)[[0]]
    point = start.copy()
    point[0, 0] = 50.0

    assert np.isnan(start[0, 0])
    assert not space.is_feasible(point, start)[0]


def test_every_fixed_column_says_why():
    space = space_of(COLUMNS, frame(), frozen=("free",))

    reasons = {field.name: field.reason for field in space.fields if field.rule == "fixed"}

    assert reasons == {
        "age": "it is marked immutable",
        "town": "it is marked immutable",
        "note": "it holds text",
        "constant": "it never varies in the data",
        "free": "it was chosen to stay fixed",
    }


def test_size_counts_standard_deviations_and_levels():
    original = frame()
    space = space_of(COLUMNS, original)
    start = space.encode(original)[[1]]
    point = start.copy()
    names = [field.name for field in space.fields]
    point[0, names.index("free")] += 2 * original["free"].std(ddof=0)
    point[0, names.index("colour")] = (point[0, names.index("colour")] + 1) % 3

    assert space.distance(point, start)[0] == pytest.approx(np.sqrt(5))


@pytest.mark.parametrize("dtype", ["category", "str", object, "Int64", "float32", "int8"])
def test_columns_come_back_in_their_own_type(dtype):
    values = pd.Series([1, 2, 3, 1, 2, 3]).astype("str" if dtype in ("str", object) else "int64")
    kind = "integer" if dtype in ("Int64", "float32", "int8") else "category"
    table = pd.DataFrame({"x": values.astype(dtype)})
    space = space_of((column("x", kind),), table)
    points = space.encode(table)[::-1]

    back = space.decode(points, np.arange(6), table)

    assert back["x"].dtype == table["x"].dtype
    assert back["x"].tolist() == table["x"].tolist()[::-1]


def test_a_switch_between_two_numbers_counts_one_however_rare():
    columns = [Column(name="flag", kind="integer", role=Role.FEATURE, is_feature=True)]
    space = space_of(columns, pd.DataFrame({"flag": [0] * 199 + [1]}))

    assert space.distance(np.array([[1.0]]), np.array([[0.0]])).tolist() == [1.0]


def test_numbers_in_single_precision_have_the_digits_and_relations_of_others():
    rng = np.random.default_rng(0)
    part, rest = rng.integers(0, 50, 150) / 10, rng.integers(0, 50, 150) / 10
    frame = pd.DataFrame({"part": part, "rest": rest, "total": np.round(part + rest, 1)})
    columns = [
        Column(name=name, kind="number", role=Role.FEATURE, is_feature=True) for name in frame
    ]
    spaces = [
        space_of(columns, given, keeps_relations=True)
        for given in (frame, frame.astype(np.float32))
    ]

    decimals, relations = (
        [[field.decimals for field in space.fields] for space in spaces],
        [[relation.words(list(frame)) for relation in space.relations] for space in spaces],
    )
    assert decimals[0] == decimals[1] == [1, 1, 1]
    assert relations[0] == relations[1]
    assert any("+" in words for words in relations[0])
    single = frame.astype(np.float32)
    back = spaces[1].decode(spaces[1].encode(single), np.arange(len(single)), single)
    assert back.equals(single)
