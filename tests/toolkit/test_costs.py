"""What a reader says a change costs is what it counts, in every search and in the noise."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.noise import random_changes
from analyzers.core.errors import InvalidParameter
from analyzers.toolkit.cost_text import read_costs
from analyzers.toolkit.feasible import space_of
from tests.adversarial.benches import plane_bench
from tests.benches import credit_bench


def credit_space(costs: str):
    bench = credit_bench()
    return bench, space_of(bench.subject.features, bench.data.frame, costs=costs)


def test_costs_are_read():
    assert read_costs("a = 3; b c=0.5\nx=y = 2;", ("a", "b c", "x=y")) == {
        "a": 3.0, "b c": 0.5, "x=y": 2.0,
    }  # fmt: skip
    assert read_costs("", ("a",)) == {}


@pytest.mark.parametrize("text", ["a", "a = x", "z = 2", "a = 0", "a = 1000", "a = 1; a = 2", "="])
def test_what_cannot_be_read_is_said_with_an_example(text):
    with pytest.raises(InvalidParameter, match="savings = 3"):
        read_costs(text, ("a", "b"))


def test_a_change_counts_as_often_as_was_said():
    bench, plain = credit_space("")
    _, priced = credit_space("income = 3; region = 2")
    start = plain.encode(bench.data.frame)
    changed = random_changes(plain, start, 1.5, np.random.default_rng(0))
    names = [field.name for field in plain.fields]
    before, after = plain.steps(changed, start), priced.steps(changed, start)

    factors = {"income": 3, "region": 2}
    for at, name in enumerate(names):
        assert after[:, at] == pytest.approx(before[:, at] * factors.get(name, 1))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 1000), size=st.sampled_from([0.3, 1.0, 2.0]),
    income=st.sampled_from([0.1, 1, 7]), region=st.sampled_from([0.1, 1, 1.5, 7]),
)  # fmt: skip
def test_noise_never_costs_more_than_allowed(seed, size, income, region):
    bench, space = credit_space(f"income = {income}; region = {region}")
    start = space.encode(bench.data.frame)

    changed = random_changes(space, start, size, np.random.default_rng(seed))

    assert (space.distance(changed, start) <= size * (1 + 1e-9)).all()
    assert space.is_feasible(changed, start).all()


def test_on_a_plane_the_smallest_change_follows_the_costs():
    """With costs c the distance to the plane w x = 0 is |w x| over the norm of w / c."""
    bench = plane_bench([1.0, 1.0])
    scales = bench.data.frame[["x0", "x1"]].std(ddof=0).to_numpy()
    costs = np.array([4.0, 1.0])

    measured = ANALYZER.measure(bench, AdversarialParams(rows=30, costs="x0 = 4"))

    rows = [row for row in measured.tables["rows"].to_pylist() if row["size"] is not None]
    assert len(rows) == 30
    gaps = np.abs(bench.data.frame[["x0", "x1"]].sum(axis=1).to_numpy())
    exact = gaps[[row["row"] for row in rows]] / np.linalg.norm(scales / costs)
    found = np.array([row["size"] for row in rows])
    assert (found >= exact * (1 - 1e-6)).all()
    assert np.median(found / exact) < 1.05
    said = " ".join(measured.tables["threat_model"]["statement"].to_pylist())
    assert "times what was set (x0 = 4)" in said
