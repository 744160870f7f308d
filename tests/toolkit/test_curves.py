import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from analyzers.toolkit.curves import (
    average_precision,
    calibration_bins,
    calibration_line,
    coarsen,
    count_scores,
    kolmogorov_smirnov,
    on_grid,
    roc_auc,
    selected_from,
    threshold_curve,
)

SCORED = st.integers(2, 80).flatmap(
    lambda n: st.tuples(
        hnp.arrays(np.float64, n, elements=st.integers(0, 20).map(lambda k: k / 20)),
        hnp.arrays(np.int64, n, elements=st.integers(0, 1)),
    )
)


def scored(n=400, seed=0, slope=3.0):
    rng = np.random.default_rng(seed)
    position = rng.normal(0, 1, n)
    scores = 1 / (1 + np.exp(-position))
    labels = (rng.random(n) < 1 / (1 + np.exp(-slope * position))).astype(np.int64)
    return scores, labels


@given(SCORED)
def test_areas_agree_with_scikit_learn(pair):
    scores, labels = pair
    counts = count_scores(scores, labels)
    area, precision = roc_auc(counts), average_precision(counts)

    if len(set(labels)) < 2:
        assert area.value is None
        assert "same outcome" in area.reason
        assert precision.value is None
        return
    assert area.value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-12)
    assert precision.value == pytest.approx(
        metrics.average_precision_score(labels, scores), abs=1e-12
    )
    for estimate in (area, precision):
        if estimate.low is not None:
            assert 0 <= estimate.low <= estimate.value <= estimate.high <= 1


@given(SCORED)
def test_the_curve_passes_through_every_point_of_scikit_learns(pair):
    scores, labels = pair
    if len(set(labels)) < 2:
        return
    curve = threshold_curve(count_scores(scores, labels))

    false, true, thresholds = metrics.roc_curve(labels, scores, drop_intermediate=False)

    assert curve.false_positives / curve.n_negatives == pytest.approx(false)
    assert curve.true_positives / curve.n_positives == pytest.approx(true)
    assert curve.thresholds[1:] == pytest.approx(thresholds[1:])


@given(SCORED, st.floats(0, 1))
def test_any_threshold_is_exact(pair, threshold):
    scores, labels = pair

    false, true = selected_from(count_scores(scores, labels), threshold)

    assert false == ((scores >= threshold) & (labels == 0)).sum()
    assert true == ((scores >= threshold) & (labels == 1)).sum()


@given(SCORED)
def test_curves_do_not_depend_on_row_order(pair):
    scores, labels = pair
    first = count_scores(scores, labels)
    again = count_scores(scores[::-1], labels[::-1])

    assert all((a == b).all() for a, b in zip(first, again, strict=True))


def test_delongs_interval_covers_the_true_area():
    # Two normals one deviation apart have an area of Phi(1 / sqrt 2).
    truth = 0.7602499389065233
    hits = 0
    for world in range(600):
        rng = np.random.default_rng(world)
        labels = np.repeat([0, 1], [60, 40])
        estimate = roc_auc(count_scores(rng.normal(0, 1, 100) + labels, labels))
        hits += estimate.low <= truth <= estimate.high
    assert hits / 600 == pytest.approx(0.95, abs=0.02)


def test_perfect_separation_has_an_interval_of_independent_pairs():
    estimate = roc_auc(count_scores(np.arange(30.0), np.repeat([0, 1], [20, 10])))

    assert estimate.value == 1
    assert estimate.high == 1
    assert estimate.low == pytest.approx(0.025 ** (1 / 10))
    assert "10 independent pairs" in estimate.method
    worst = roc_auc(count_scores(np.arange(30.0), np.repeat([1, 0], [20, 10])))
    assert (worst.value, worst.low) == (0, 0)


def test_kolmogorov_smirnov_agrees_with_scipy():
    from scipy import stats

    scores, labels = scored()
    theirs = stats.ks_2samp(scores[labels == 0], scores[labels == 1]).statistic

    assert kolmogorov_smirnov(count_scores(scores, labels)) == pytest.approx(theirs)


def test_calibration_line_agrees_with_scikit_learn():
    scores, labels = scored(2000)
    position = np.log(scores / (1 - scores))[:, None]
    oracle = LogisticRegression(C=np.inf, tol=1e-10).fit(position, labels)

    line = calibration_line(count_scores(scores, labels))

    assert line.slope.value == pytest.approx(oracle.coef_[0, 0], abs=1e-4)
    assert line.slope.low < 3 < line.slope.high


def test_the_calibration_intercept_makes_scores_and_outcomes_agree_on_the_whole():
    scores, labels = scored(500, slope=1.0)
    position = np.log(scores / (1 - scores))

    value = calibration_line(count_scores(scores, labels)).intercept.value

    assert (1 / (1 + np.exp(-(position + value)))).sum() == pytest.approx(labels.sum())


@pytest.mark.parametrize(
    ("scores", "labels", "reason"),
    [
        ([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1], "separate"),
        ([0.5, 0.5, 0.5], [0, 1, 1], "equal"),
        ([0.1, 0.9], [1, 1], "same outcome"),
    ],
)
def test_a_calibration_line_that_does_not_exist_is_not_measured(scores, labels, reason):
    line = calibration_line(count_scores(np.array(scores), np.array(labels)))

    assert line.slope.value is None
    assert reason in line.slope.reason


@given(SCORED, st.integers(1, 12))
def test_calibration_bins_hold_every_row_once(pair, n_bins):
    scores, labels = pair
    bins = calibration_bins(count_scores(scores, labels), n_bins)

    assert bins.n.sum() == len(scores)
    assert bins.positives.sum() == labels.sum()
    assert (bins.mean_scores * bins.n).sum() == pytest.approx(scores.sum())
    assert (bins.lows <= bins.mean_scores + 1e-12).all()
    assert (bins.mean_scores <= bins.highs + 1e-12).all()


def test_coarsening_keeps_all_rows_in_order():
    counts = count_scores(*scored(1000))

    cells = coarsen(counts, 50)

    assert len(cells.scores) <= 50
    assert cells.negatives.sum() == counts.negatives.sum()
    assert cells.positives.sum() == counts.positives.sum()
    assert (np.diff(cells.scores) > 0).all()
    assert coarsen(counts, 5000) is counts


@given(hnp.arrays(np.float64, 30, elements=st.floats(0, 1)), st.integers(0, 10_000))
def test_on_the_grid_the_same_rows_are_selected(scores, step):
    threshold = step / 10_000
    scores = np.r_[scores, threshold, np.nextafter(threshold, 0), np.nextafter(threshold, 1)]

    assert ((on_grid(scores) >= threshold) == (scores >= threshold)).all()
