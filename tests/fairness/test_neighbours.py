import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.fairness import ANALYZER, FairnessParams, decide_at
from analyzers.fairness.neighbours import N_NEIGHBOURS, feature_points, nearest
from tests.benches import credit_bench

PARAMS = FairnessParams(draws=200, mitigate="no")


def consistency(result):
    rows = result.tables["groups"].to_pandas()
    return rows[rows["metric"] == "consistency"].set_index(["attributes", "group"])


def test_it_is_one_minus_the_mean_distance_to_the_neighbours_decisions():
    bench = credit_bench(120)
    ours = consistency(ANALYZER.measure(bench, PARAMS)).loc[("", "everyone")]

    frame, decisions = bench.data.frame, bench.predictions.predicted
    income = (frame["income"] - frame["income"].mean()) / frame["income"].std(ddof=0)
    gaps = []
    for row in range(120):
        far = np.hypot(income - income[row], (frame["region"] != frame["region"][row]) * 1.0)
        far[row] = np.inf
        near = np.argsort(far.to_numpy(), kind="stable")[:N_NEIGHBOURS]
        gaps.append(abs(decisions[row] - decisions[near].mean()))

    assert ours["value"] == pytest.approx(1 - np.mean(gaps))
    assert ours["n"] == 120
    assert 0 <= ours["low"] < ours["value"] < ours["high"] <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.integers(10, 40))
def test_no_row_is_its_own_neighbour_even_among_twins(seed, n):
    points = np.random.default_rng(seed).integers(0, 2, (n, 2)).astype(float)

    near = nearest(points, N_NEIGHBOURS)

    assert (near != np.arange(n)[:, None]).all()
    assert all(len(set(row)) == N_NEIGHBOURS for row in near)


def test_missing_and_constant_columns_are_placed_without_inventing_distance():
    frame = pd.DataFrame(
        {"x": [0.0, 2.0, np.nan], "same": [1, 1, 1], "word": ["p", "q", None], "flag": [True] * 3}
    )

    points = feature_points(frame, list(frame))

    assert np.isfinite(points).all()
    assert points.shape == (3, 4)
    assert np.linalg.norm(points[0, 2:] - points[1, 2:]) == pytest.approx(1)


def test_decisions_at_another_threshold_need_the_rows_again():
    assert consistency(decide_at(ANALYZER.measure(credit_bench(100), PARAMS), 0.3)).empty


def test_many_rows_are_sampled_and_said_so(monkeypatch):
    monkeypatch.setattr("analyzers.fairness.neighbours.MOST_ROWS", 60)
    result = ANALYZER.measure(credit_bench(100), PARAMS)

    assert consistency(result).loc[("", "everyone"), "n"] == 60
    assert any("Consistency of neighbours: 60 of 100 rows" in note for note in result.sampling)
