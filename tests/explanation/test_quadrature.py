"""Integrals whose sum fits long before their parts do."""

import numpy as np
import pytest

from analyzers.explanation.quadrature import settle


def kinked(at):
    """A slope that changes abruptly at a third of the way, as a network's does."""
    return np.where(at < 1 / 3, 0.0, 3.0)


def test_parts_that_cancel_are_integrated_until_each_is_right():
    calls = []

    def integrate(lines, nodes, weights):
        calls.append(len(nodes))
        part = (kinked(nodes) * weights).sum()
        return np.tile([part, 5.0 - part], (len(lines), 1))

    found = settle(integrate, np.array([5.0]))

    # Their sum is right from the first call on.
    assert len(calls) > 2
    np.testing.assert_allclose(found, [2.0, 3.0], atol=5e-3)


def test_only_lines_that_still_move_are_looked_at_again():
    calls = []

    def integrate(lines, nodes, weights):
        calls.append(lines.tolist())
        smooth, bent = (nodes**3 * weights).sum(), (kinked(nodes) * weights).sum()
        return np.array([[bent if line == 1 else smooth] for line in lines])

    found = settle(integrate, np.array([0.25, 2.0, 0.25]))

    assert calls[:2] == [[0, 1, 2]] * 2
    assert all(lines == [1] for lines in calls[2:])
    np.testing.assert_allclose(found, [2.5 / 3], atol=5e-3)


def test_a_sum_that_never_fits_ends_at_the_last_look():
    found = settle(lambda lines, nodes, weights: weights.sum()[None, None], np.array([2.0]))

    assert found == pytest.approx(1.0)
