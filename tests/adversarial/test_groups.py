"""Who is easier to attack: whether groups differ is asked of chance, not of the eye."""

import numpy as np
import pytest
from scipy import stats

from analyzers.adversarial import ANALYZER, AdversarialParams
from analyzers.adversarial.by_group import DEALS, chance_of_difference
from tests.benches import credit_bench


def chance(members, fallen, seed=0):
    return chance_of_difference(np.array(members), np.array(fallen), np.random.default_rng(seed))


def test_two_groups_give_what_the_exact_test_gives():
    members = np.repeat([0, 1], [30, 40])
    fallen = np.r_[np.repeat([True, False], [18, 12]), np.repeat([True, False], [14, 26])]
    # The statistic orders tables of two groups as the two-sided exact test does here.
    exact = stats.fisher_exact([[18, 12], [14, 26]]).pvalue

    assert chance(members, fallen) == pytest.approx(exact, abs=4 * np.sqrt(exact / DEALS))


def test_where_groups_are_alike_small_chances_are_rare():
    rng = np.random.default_rng(1)
    found = [
        chance(rng.integers(0, 3, 90), rng.random(90) < 0.4, seed=trial) for trial in range(200)
    ]

    assert 0.01 <= np.mean(np.array(found) <= 0.05) <= 0.11


def test_clear_differences_are_no_chance():
    members = np.repeat([0, 1], 40)

    assert chance(members, members == 1) == 1 / (1 + DEALS)


@pytest.mark.parametrize("fallen", [[True] * 6, [False] * 6])
def test_where_all_or_none_fell_nothing_can_be_asked(fallen):
    assert chance([0, 0, 0, 1, 1, 1], fallen) is None


def test_one_group_cannot_differ():
    assert chance([2, 2, 2], [True, False, True]) is None


def test_the_chart_says_whether_groups_differ():
    measured = ANALYZER.measure(credit_bench(), AdversarialParams(rows=60, queries=200))
    (chart,) = [chart for chart in ANALYZER.draw(measured) if chart.name == "by_group"]

    assert chart.sentence.startswith("By ")
    assert "chance" in chart.sentence
