import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from analyzers.toolkit.bootstrap import (
    Spread,
    benjamini_hochberg,
    normal_spread,
    rate_spread,
    redraw_counts,
    widest_band,
)


def band_of(successes, trials, *, is_ratio=False, n_draws=400, seed=0):
    successes, trials = np.array(successes), np.array(trials)
    counts = np.stack([successes, trials - successes], axis=1)
    drawn = redraw_counts(counts, n_draws, np.random.default_rng(seed))
    spread = rate_spread(
        successes, trials, drawn[:, :, 0], drawn[:, :, 0] + drawn[:, :, 1], is_ratio=is_ratio
    )
    return widest_band(spread)


def test_redrawn_counts_are_those_of_the_row_bootstrap():
    rng = np.random.default_rng(1)
    rows = rng.integers(0, 5, 200)
    counts = np.bincount(rows, minlength=6)
    by_rows = np.array([np.bincount(rng.choice(rows, len(rows)), minlength=6) for _ in range(4000)])

    drawn = redraw_counts(counts, 4000, rng)

    assert (drawn.sum(axis=1) == 200).all()
    assert (drawn[:, 5] == 0).all()
    for cell in range(5):
        assert stats.ks_2samp(drawn[:, cell], by_rows[:, cell]).pvalue > 1e-3
    assert np.cov(drawn.T)[:5, :5] == pytest.approx(np.cov(by_rows.T)[:5, :5], abs=4)


def test_redrawing_nothing_gives_nothing():
    assert redraw_counts(np.zeros((2, 3), dtype=np.int64), 5, np.random.default_rng(0)).sum() == 0


def covered(p, sizes, *, is_ratio, n_worlds, seed=7):
    rng = np.random.default_rng(seed)
    p = np.array(p)
    truth = p.min() / p.max() if is_ratio else p.max() - p.min()
    hits = 0
    for world in range(n_worlds):
        band = band_of(rng.binomial(sizes, p), sizes, is_ratio=is_ratio, seed=world, n_draws=300)
        low, high = (np.exp(-band.high), np.exp(-band.low)) if is_ratio else (band.low, band.high)
        hits += low <= truth <= high
    return hits / n_worlds


@pytest.mark.parametrize("is_ratio", [False, True])
@pytest.mark.parametrize(
    ("p", "sizes"), [((0.3, 0.5), (200, 300)), ((0.1, 0.25), (400, 150)), ((0.6, 0.85), (80, 90))]
)
def test_two_groups_are_covered_within_two_points_of_what_is_said(p, sizes, is_ratio):
    assert covered(p, sizes, is_ratio=is_ratio, n_worlds=1500) == pytest.approx(0.95, abs=0.02)


def test_equal_groups_are_not_called_different_too_often():
    # A percentile interval of a largest difference would never reach 0.
    assert covered((0.4, 0.4, 0.4, 0.4), (80, 120, 200, 60), is_ratio=False, n_worlds=500) >= 0.93


def test_the_p_value_is_uniform_where_groups_are_equal_and_tiny_where_they_are_not():
    rng = np.random.default_rng(3)
    sizes = np.array([150, 90, 200])
    p_values = [
        band_of(rng.binomial(sizes, 0.3), sizes, seed=world).p_value for world in range(400)
    ]

    assert np.mean(np.array(p_values) <= 0.05) == pytest.approx(0.05, abs=0.03)
    assert band_of([900, 100], [1000, 1000]).p_value < 1e-20


def test_groups_at_zero_and_one_still_have_an_interval():
    band = band_of([0, 30], [30, 30])

    assert 0.6 < band.low < 1
    assert band.high >= 1
    assert band_of([0, 0], [30, 40]).low == 0


def test_a_small_group_does_not_blur_a_sure_difference_between_large_ones():
    alone = band_of([300, 600], [1000, 1000])
    with_small = band_of([300, 600, 4], [1000, 1000, 9])

    assert with_small.low > 0.2
    assert with_small.low == pytest.approx(alone.low, abs=0.05)


def test_with_many_groups_the_bounds_are_wider_and_never_narrower():
    rng = np.random.default_rng(0)
    values, errors = rng.normal(0, 1, 64), rng.uniform(0.1, 0.5, 64)
    deviations = rng.standard_normal((300, 64)) * errors
    exact = widest_band(Spread(values, errors, deviations))

    # One more group, with a value in the middle and the error of the best known, adds no new
    # extreme but crosses the limit above which pairs are bounded instead of enumerated.
    more = Spread(np.r_[values, 0.0], np.r_[errors, 0.1], np.c_[deviations, np.zeros(300)])
    bounded = widest_band(more)

    assert bounded.low <= exact.low + 1e-12
    assert bounded.high >= exact.high - 1e-12
    assert bounded.low > 0


def test_the_worse_of_two_rates_is_limited_jointly():
    spread = normal_spread(
        np.array([0.0, 1.0]), np.array([0.1, 0.1]), 2000, np.random.default_rng(0)
    )
    other = normal_spread(
        np.array([0.0, 0.2]), np.array([0.1, 0.1]), 2000, np.random.default_rng(1)
    )

    alone, both = widest_band(spread), widest_band(spread, other)

    assert alone.low == pytest.approx(1 - 1.96 * np.hypot(0.1, 0.1), abs=0.03)
    assert both.low < alone.low
    assert both.high > alone.high


@given(st.lists(st.floats(0, 1), max_size=30))
def test_benjamini_hochberg_agrees_with_scipy_and_keeps_the_order(p_values):
    p = np.array(p_values, dtype=np.float64)

    adjusted = benjamini_hochberg(p)

    if len(p):
        assert adjusted == pytest.approx(stats.false_discovery_control(p), abs=1e-12)
        assert (np.argsort(adjusted[np.argsort(p)], kind="stable") == np.arange(len(p))).all()
    else:
        assert len(adjusted) == 0
