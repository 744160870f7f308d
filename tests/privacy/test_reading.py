"""Any accepted rate is read off the stored curve, and agrees with the scores themselves."""

import numpy as np
import pytest
from scipy import stats

from analyzers.privacy.measuring import measure
from analyzers.privacy.params import PrivacyParams
from analyzers.privacy.reading import reach_at
from tests.privacy.worlds import gaussian_bench


@pytest.fixture(scope="module")
def measured():
    return measure(gaussian_bench(1000, 1000, distance=1.5), PrivacyParams())


@pytest.mark.parametrize("accepted", [0.01, 0.05, 0.2])
def test_two_gaussians_are_read_at_the_closed_form(measured, accepted):
    reach = reach_at(measured, "loss", accepted)

    assert reach.accused.value <= accepted + 1e-12
    expected = stats.norm.sf(stats.norm.isf(accepted) - 1.5)
    assert reach.found.low - 0.03 <= expected <= reach.found.high + 0.03
    assert reach.found.n == reach.accused.n == 1000
    assert reach.is_enough


def test_more_accepted_is_never_less_found(measured):
    found = [reach_at(measured, "loss", rate).found.value for rate in np.geomspace(1e-3, 1, 20)]

    assert found == sorted(found)
    assert found[-1] == 1.0


def test_a_rate_too_fine_for_the_rows_is_said_to_be_so(measured):
    reach = reach_at(measured, "loss", 0.001)

    assert not reach.is_enough
    assert "too few non-members" in reach.sentence()
    assert "Of 1,000 records" in reach_at(measured, "loss", 0.01).sentence()


def test_an_attack_that_was_not_run_has_no_reach(measured):
    assert reach_at(measured, "label_only", 0.01) is None
