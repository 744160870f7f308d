"""Mean integrals over straight lines, with nodes doubled until the mean stands still.

A sum that fits can hide parts that are wrong by as much the other way, so the parts themselves are
watched: nodes are doubled until no part of the mean moves any more and their sum is what it has to
be. Lines that stand still by themselves are left alone meanwhile.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
from numpy.typing import NDArray

from analyzers.explanation.attribution import LARGEST_ERROR

Floats = NDArray[np.float64]

_STEPS = (12, 24, 48, 96, 192, 384)
# Single precision leaves a little room below what an explanation is refused for.
CLOSE_ENOUGH = 0.9 * LARGEST_ERROR


def settle(
    integrate: Callable[[NDArray[np.int64], Floats, Floats], Floats],
    totals: Floats,
    *,
    close_enough: float = CLOSE_ENOUGH,
) -> Floats:
    """Integrate over 0 to 1 by Gauss and Legendre's rule until the mean of the lines stands still.

    Args:
        integrate: given some lines, and nodes and weights `(n_nodes,)` each, returns the parts
            `(n_given, ...)` of their integrals.
        totals: `(n_lines,)` what the parts of each have to add up to.
        close_enough: what neither a part of the mean nor its sum may be off by.

    Returns:
        `(...)` mean parts over the lines.
    """
    lines = np.arange(len(totals))
    parts = integrate(lines, *_rule(_STEPS[0]))
    mean, total = parts.mean(axis=0), float(totals.mean())
    for steps in _STEPS[1:]:
        again = integrate(lines, *_rule(steps))
        flat, before = (each.reshape(len(lines), -1) for each in (again, parts[lines]))
        moved = np.abs(flat - before).max(axis=1, initial=0.0)
        gaps = np.abs(flat.sum(axis=1) - totals[lines])
        parts[lines] = again
        previous, mean = mean, parts.mean(axis=0)
        # Errors of single lines partly cancel in the mean, which is all that is used of them.
        if max(np.abs(mean - previous).max(), abs(mean.sum() - total)) <= close_enough:
            break
        lines = lines[np.maximum(moved, gaps) > close_enough]
        if not len(lines):
            break
    return mean


@cache
def _rule(steps: int) -> tuple[Floats, Floats]:
    """Nodes and weights over 0 to 1; the same few are asked for picture after picture."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    return (nodes + 1) / 2, weights / 2
