"""Values from predictions alone, against every coalition written out."""

from itertools import combinations
from math import factorial

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.core.workbench import untracked
from analyzers.explanation import coalitions
from analyzers.explanation.coalitions import explain_by_coalitions, gains_of, walks


def by_hand(ask, row, background):
    """The textbook sum over all subsets, one coalition at a time."""
    names = list(row.index)
    n = len(names)

    def worth(kept):
        mixed = background.copy()
        for name in kept:
            mixed[name] = row[name]
        return float(np.mean(ask(mixed)))

    values = []
    for name in names:
        others = [other for other in names if other != name]
        total = 0.0
        for size in range(n):
            share = factorial(size) * factorial(n - size - 1) / factorial(n)
            for kept in combinations(others, size):
                total += share * (worth((*kept, name)) - worth(kept))
        values.append(total)
    return values


def bent(frame):
    """Curved, with an interaction of a and b, a term of c alone, and d unused."""
    return (frame["a"] * frame["b"] + np.sin(frame["c"])).to_numpy()


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    return pd.DataFrame(rng.normal(size=(40, 4)), columns=list("abcd"))


def explain(ask, rows, background, seed=0):
    return explain_by_coalitions(
        ask, rows, background, scale="value", rng=np.random.default_rng(seed), track=untracked
    )


def test_with_few_columns_values_are_those_of_the_textbook(table):
    rows, background = table.iloc[:4], table.iloc[20:]

    found = explain(bent, rows, background)

    for place in range(4):
        np.testing.assert_allclose(
            found.values[place], by_hand(bent, rows.iloc[place], background), atol=1e-12
        )
    assert found.errors is None


@pytest.fixture
def always_sampled(monkeypatch):
    monkeypatch.setattr(coalitions, "MOST_EXACT_QUESTIONS", 0)


@pytest.mark.usefixtures("always_sampled")
def test_sampled_values_lie_within_their_stated_error(table):
    rows, background = table.iloc[:15], table.iloc[20:]
    exact = np.array([by_hand(bent, rows.iloc[place], background) for place in range(15)])

    found = explain(bent, rows, background)

    distance = np.abs(found.values - exact) / np.maximum(found.errors, 1e-9)
    assert (distance < 2).mean() > 0.9
    assert distance.max() < 5
    assert found.draws


@pytest.mark.usefixtures("always_sampled")
def test_sampled_values_add_up_and_give_an_unused_column_nothing(table):
    found = explain(bent, table.iloc[:10], table.iloc[20:])

    np.testing.assert_allclose(found.rebuilt, bent(table.iloc[:10]), atol=1e-12)
    np.testing.assert_allclose(found.values[:, 3], 0, atol=1e-12)
    assert found.base == pytest.approx(bent(table.iloc[20:]).mean())


def test_two_columns_that_do_the_same_get_the_same(table):
    twins = table.assign(b=table["a"])

    found = explain(lambda frame: (frame["a"] + frame["b"]).to_numpy() ** 2, twins[:8], twins[20:])

    np.testing.assert_allclose(found.values[:, 0], found.values[:, 1], atol=1e-12)


@pytest.mark.usefixtures("always_sampled")
def test_the_same_seed_gives_the_same_bytes(table):
    first = explain(bent, table.iloc[:5], table.iloc[20:], seed=3)
    again = explain(bent, table.iloc[:5], table.iloc[20:], seed=3)
    other = explain(bent, table.iloc[:5], table.iloc[20:], seed=4)

    assert first.values.tobytes() == again.values.tobytes()
    assert first.values.tobytes() != other.values.tobytes()


def test_rows_keep_their_types_when_they_are_mixed():
    frame = pd.DataFrame(
        {
            "whole": np.arange(6),
            "kind": pd.Categorical(["a", "b", "a", None, "b", "a"]),
            "word": ["x", "y", None, "x", "y", "x"],
        }
    )
    seen = []

    def ask(asked):
        seen.append(asked.dtypes)
        return (asked["kind"] == "a").to_numpy(dtype=float) + asked["whole"].to_numpy()

    found = explain(ask, frame.iloc[:3], frame)

    assert all((types == frame.dtypes).all() for types in seen)
    np.testing.assert_allclose(found.values[:, 2], 0, atol=1e-12)


@settings(max_examples=25, deadline=None)
@given(n_pairs=st.integers(1, 5), n_features=st.integers(1, 7), seed=st.integers(0, 99))
def test_gains_along_a_walk_add_up_and_find_a_sum_exactly(n_pairs, n_features, seed):
    rng = np.random.default_rng(seed)
    orders = np.argsort(rng.random((n_pairs, n_features)), axis=1)
    weights = rng.normal(size=n_features)

    keeps = walks(orders)
    gains = gains_of((keeps @ weights)[None], orders)

    assert keeps.shape == (n_pairs, 2 * n_features, n_features)
    np.testing.assert_allclose(gains, np.broadcast_to(weights, gains.shape), atol=1e-12)


def test_no_row_and_no_background_row_is_asked_about_twice():
    rng = np.random.default_rng(3)
    rows = pd.DataFrame(rng.normal(size=(3, 14)), columns=[f"x{at}" for at in range(14)])
    background = pd.DataFrame(rng.normal(size=(5, 14)), columns=rows.columns)
    asked = []

    def ask(table):
        asked.append(table)
        return table.to_numpy() @ np.arange(14.0)

    explain_by_coalitions(
        ask, rows, background, scale="value", rng=np.random.default_rng(0), track=untracked
    )

    every = pd.concat(asked).to_numpy()
    for own in (*rows.to_numpy(), *background.to_numpy()):
        assert (every == own).all(axis=1).sum() == 1
