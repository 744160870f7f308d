"""How many people stand alone among all, from a sample of them: worlds whose answer is counted."""

import numpy as np
import pytest

from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.population_uniques import population_uniques, share_alone
from analyzers.privacy.singling_out import judge_singling_out
from tests.privacy.worlds import gaussian_bench


def people(n_people, theta, alpha, rng):
    """Seat people one by one as Pitman's model says; return the sizes of the groups."""
    group, sizes = np.empty(n_people, dtype=np.int64), []
    chance = rng.random(n_people)
    for place in range(n_people):
        if chance[place] * (place + theta) < theta + len(sizes) * alpha:
            group[place] = len(sizes)
            sizes.append(1)
            continue
        # Somebody's group, refused with alpha over its size: in proportion to size minus alpha.
        while True:
            at = group[int(rng.random() * place)]
            if rng.random() * sizes[at] < sizes[at] - alpha:
                break
        group[place] = at
        sizes[at] += 1
    return group


@pytest.mark.parametrize(("theta", "alpha"), [(200, 0.3), (50, 0.6), (400, 0.05)])
def test_the_interval_holds_the_counted_share(theta, alpha):
    n_worlds, n_people, covered, errors = 25, 3000, 0, []
    for seed in range(n_worlds):
        rng = np.random.default_rng(seed)
        group = people(n_people, theta, alpha, rng)
        sample = np.bincount(rng.permutation(group)[:750])
        estimate = population_uniques(sample[sample > 0], population=n_people)
        truth = (np.bincount(group) == 1).sum() / n_people
        covered += estimate.low <= truth <= estimate.high
        errors.append(estimate.value - truth)

    assert covered >= 21
    assert abs(np.mean(errors)) < 0.03


def test_the_share_alone_is_ewens_where_alpha_is_nothing():
    # With alpha 0 the expected number of groups of one is theta N / (theta + N - 1).
    share = share_alone(np.array(30.0), np.array(0.0), 500)

    assert float(share) == pytest.approx(30 / (30 + 500 - 1), rel=1e-9)


@pytest.mark.parametrize(
    ("sizes", "population", "said"),
    [
        (np.r_[np.ones(40), 2 * np.ones(9)], 58, "how many more people"),
        (np.r_[np.ones(9), 2 * np.ones(9)], 500, "Needs 30 combinations"),
        (np.ones(40), 500, "got 40 of 40"),
        (5 * np.ones(40), 500, "got 40 of 200"),
    ],
)
def test_what_cannot_be_estimated_says_why(sizes, population, said):
    estimate = population_uniques(sizes.astype(np.int64), population=population)

    assert estimate.value is None
    assert said in estimate.reason


def test_the_finding_says_what_it_supposes():
    bench = gaussian_bench(300, 300)
    bench.training_data.frame["x"] = bench.training_data.frame["x"].round(1)
    params = PrivacyParams(quasi_identifiers=("x", "sex"), population=3000, learned=False)

    found = {item.code: item for item in judge_singling_out(measure(bench, params))}

    finding = found["privacy.population_uniques"]
    assert "of all people stand alone" in finding.headline
    assert "as Pitman's model says" in finding.headline
    assert 0 < finding.estimate.low < finding.estimate.value < finding.estimate.high < 1
