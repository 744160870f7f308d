"""The learned attack: it finds more where formulas miss something, and nothing where nothing is."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier

from analyzers.core.workbench import untracked
from analyzers.privacy.calibration import attack_by_halves, roc_area
from analyzers.privacy.evidence import Side
from analyzers.privacy.learned import learned_signal
from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.signals import signals_of
from tests.privacy.worlds import answers, gaussian_bench, rows_of


def side_of(labels, scores):
    data = gaussian_bench(len(labels), len(labels)).data
    return Side(data=data, labels=labels, predicted=scores.argmax(axis=1), scores=scores)


def learned(members, others, seed=0):
    rng = np.random.default_rng(seed)
    (signal,) = learned_signal(members, others, rng=rng, track=untracked)
    return signal


def random_side(n_rows, rng, n_classes=4):
    scores = rng.dirichlet(np.ones(n_classes), n_rows)
    return side_of(rng.integers(0, n_classes, n_rows), scores)


@pytest.mark.parametrize(
    "classifier", [RandomForestClassifier(60), HistGradientBoostingClassifier(max_iter=60)]
)
def test_it_finds_more_in_trees_than_the_best_formula(classifier):
    rows, codes = make_classification(
        2400, 20, n_informative=8, n_classes=5, flip_y=0.1, random_state=0
    )
    fitted = classifier.set_params(random_state=0).fit(rows[:1200], codes[:1200])
    members, others = (
        side_of(codes[part], fitted.predict_proba(rows[part]))
        for part in (slice(0, 1200), slice(1200, None))
    )
    formulas = signals_of(members, others)
    areas = [roc_area(signal.members, signal.non_members).value for signal in formulas]

    signal = learned(members, others)

    assert roc_area(signal.members, signal.non_members).value > max(areas)
    chosen = attack_by_halves([*formulas, signal], None, None, np.random.default_rng(0))
    assert "learned" in chosen.strongest


def test_it_finds_nothing_where_there_is_nothing():
    # A record judged by a classifier that was told about it would be found at once.
    rng = np.random.default_rng(0)
    rounds, covered, values = 12, 0, []
    for seed in range(rounds):
        signal = learned(random_side(150, rng), random_side(150, rng), seed)
        estimate = roc_area(signal.members, signal.non_members)
        covered += estimate.low <= 0.5 <= estimate.high
        values.append(estimate.value)

    assert covered >= rounds - 2
    assert abs(np.mean(values) - 0.5) < 0.025


def test_the_same_seed_gives_the_same_values():
    rng = np.random.default_rng(1)
    members, others = random_side(200, rng), random_side(120, rng)
    first, second, other = (learned(members, others, seed) for seed in (0, 0, 1))

    np.testing.assert_array_equal(first.members, second.members)
    assert not np.array_equal(first.members, other.members)
    assert (len(first.members), len(first.non_members)) == (200, 120)


def test_few_rows_and_labels_alone_teach_nothing():
    rng = np.random.default_rng(2)
    small, large = random_side(49, rng), random_side(200, rng)
    subject = large.data.subject
    data = rows_of(subject, 200, rng)
    labels = answers(data, rng.normal(size=200), with_scores=False)
    blind = Side(data=data, labels=labels.labels, predicted=labels.predicted, scores=None)

    for members, others in ((small, large), (large, small), (blind, blind)):
        assert learned_signal(members, others, rng=rng, track=untracked) == []


def test_it_can_be_switched_off():
    bench = gaussian_bench(200, 200)
    names = [
        {row["attack"] for row in measure(bench, params).tables["attacks"].to_pylist()}
        for params in (PrivacyParams(), PrivacyParams(learned=False))
    ]

    assert names[0] - names[1] == {"learned"}
