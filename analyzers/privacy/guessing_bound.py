"""What guesses about coins prove of epsilon.

References:
    Steinke, Nasr and Jagielski 2023.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Shares of the records that are guessed; each costs a part of the permitted error.
GUESSED_SHARES = (0.1, 0.5, 1.0)
MOST_EPSILON = 50.0


class Guessed(NamedTuple):
    """How guesses about a share of the records came out.

    Attributes:
        n_records: whose presence was decided by coin.
        n_guesses: made; the other records were passed over.
        n_right: of them.
        epsilon: the lower bound.
    """

    n_records: int
    n_guesses: int
    n_right: int
    epsilon: float


def guesses_of(
    values: NDArray[np.float64],
    is_in: NDArray[np.bool_],
    *,
    delta: float,
    confidence: float = 0.95,
) -> list[Guessed]:
    """Guess "in" for the largest values and "out" for the smallest, and bound epsilon each time.

    Args:
        values: `(n_records,)` larger looks more like a record that was in.
        is_in: `(n_records,)` what the coins said.
        delta: of the claim, in [0, 1).
        confidence: that epsilon is at least all the bounds, in (0, 1).

    Returns:
        One for each of `GUESSED_SHARES`.
    """
    order = np.argsort(-values, kind="stable")
    n_records = len(values)
    inner = 1 - (1 - confidence) / len(GUESSED_SHARES)
    found = []
    for share in GUESSED_SHARES:
        half = max(1, int(share * n_records) // 2)
        right = int(is_in[order[:half]].sum()) + int((~is_in[order[-half:]]).sum())
        bound = one_run_bound(right, 2 * half, n_records=n_records, delta=delta, confidence=inner)
        found.append(Guessed(n_records, 2 * half, right, bound))
    return found


def best_of(guesses: Sequence[Guessed]) -> Guessed:
    """Return the guesses that prove most; the bounds are made for choosing among them."""
    return max(guesses, key=lambda item: (item.epsilon, item.n_right / item.n_guesses))


def one_run_bound(
    n_right: int, n_guesses: int, *, n_records: int, delta: float, confidence: float = 0.95
) -> float:
    """Return the largest epsilon at which so many right guesses would still be too good.

    Args:
        n_right: right guesses.
        n_guesses: guesses made.
        n_records: whose presence was decided by coin.
        delta: in [0, 1).
        confidence: in (0, 1).

    Returns:
        At least 0, and at most `MOST_EPSILON`.

    References:
        Steinke, Nasr and Jagielski 2023, theorem 5.2.
    """
    from scipy.optimize import brentq

    error = 1 - confidence

    def excess(epsilon: float) -> float:
        return chance_of(n_right, n_guesses, epsilon, n_records=n_records, delta=delta) - error

    if excess(0.0) > 0:
        return 0.0
    if excess(MOST_EPSILON) <= 0:
        return MOST_EPSILON
    return float(brentq(excess, 0.0, MOST_EPSILON, xtol=1e-9))


def chance_of(
    n_right: int, n_guesses: int, epsilon: float, *, n_records: int, delta: float
) -> float:
    """Bound the chance of at least `n_right` right guesses under (epsilon, delta)-privacy."""
    from scipy import stats

    right = 1 / (1 + np.exp(-epsilon))
    tail = float(stats.binom.sf(n_right - 1, n_guesses, right))
    fewer = np.arange(1, n_right + 1)
    # Chance of falling short by at most so many, for each of so many.
    short = np.cumsum(stats.binom.pmf(n_right - fewer, n_guesses, right)) / fewer
    worst = float(short.max()) if len(short) else 0.0
    return min(1.0, tail + 2 * n_records * delta * worst)
