"""Noise and kernel width, on steady and shaky models."""

import numpy as np
import pandas as pd
import pytest

from analyzers.explanation import ANALYZER
from analyzers.explanation.local import KERNEL_WIDTH, shared_lime
from analyzers.explanation.params import ExplanationParams
from analyzers.explanation.trust import (
    moved_rows,
    noise_stability,
    width_sensitivity,
)
from analyzers.toolkit.feasible import space_of
from tests.benches import CREDIT_COLUMNS, credit_bench

QUICK = ExplanationParams(rows=60, sampled_rows=10, background_rows=20, lime_samples=200)


@pytest.fixture
def people():
    """Two columns that go together, and two more."""
    rng = np.random.default_rng(0)
    first = rng.normal(size=500)
    return pd.DataFrame(
        {"a": first, "b": first + 0.1 * rng.normal(size=500),
         "sex": rng.normal(size=500), "harmless": rng.normal(size=500)}
    )  # fmt: skip


def test_noise_moves_free_numbers_a_little_and_nothing_else():
    bench = credit_bench(100)
    few = bench.data.take(np.arange(40))
    space = space_of(CREDIT_COLUMNS[:4], bench.data.inputs)

    moved = moved_rows(few, space, np.random.default_rng(0))

    change = (moved.frame["income"] - few.frame["income"]).abs()
    assert 0 < change.mean() < 2
    same = [name for name in few.frame if name != "income"]
    pd.testing.assert_frame_equal(moved.frame[same], few.frame[same])
    assert (moved.frame.dtypes == few.frame.dtypes).all()


def test_steady_explanations_reach_one_and_random_ones_about_zero():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(200, 10))

    assert noise_stability(np.vstack([values, values * 1.01])).value == pytest.approx(1)
    random = noise_stability(rng.normal(size=(400, 10)))
    assert random.low < 0 < random.high
    assert noise_stability(np.zeros((4, 3))).value is None


def test_width_is_passed_on_and_plays_little_part_for_a_line(people):
    frame = people

    def line(rows):
        return 3 * rows["a"].to_numpy() + 2 * rows["sex"].to_numpy() + rows["harmless"].to_numpy()

    def bent(rows):
        return np.sin(9 * rows["a"].to_numpy()) * np.sign(rows["sex"].to_numpy())

    straight = width_sensitivity(line, frame.iloc[:20], frame, 2000, 1)
    crooked = width_sensitivity(bent, frame.iloc[:20], frame, 2000, 1)

    assert straight.value > 0.8
    assert crooked.value < straight.value
    first, other = (
        shared_lime(line, frame.iloc[:3], frame, 500, np.random.default_rng(0), width=width).weights
        for width in (KERNEL_WIDTH, 2 * KERNEL_WIDTH)
    )
    assert not np.allclose(first, other)


def test_all_three_are_findings_without_a_limit_that_name_the_random_explainer():
    from analyzers.policies import load_policy

    found = ANALYZER.measure(credit_bench(150), QUICK)
    findings = {item.code: item for item in ANALYZER.judge(found, load_policy("conventions"))}

    for name in ("noise_stability", "lime_width_stability", "off_manifold_gap"):
        finding = findings[f"explanation.{name}"]
        assert finding.estimate.value is not None
        assert finding.verdict == "inconclusive"
        assert "No accepted limit" in finding.reason
    assert "random" in findings["explanation.noise_stability"].headline
