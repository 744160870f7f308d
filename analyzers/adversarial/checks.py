"""Whether an attack's result can be believed: a weaker attack must never do better.

References:
    Athalye, Carlini and Wagner 2018 (obfuscated gradients); Carlini et al. 2019 (on evaluating
    adversarial robustness); Croce and Hein 2020 (AutoAttack).
"""

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.adversarial.tables import table_of
from analyzers.core.result import Estimate

LEVEL = 0.05
LEFT_AT_LARGEST = 0.05


class Check(NamedTuple):
    """One comparison.

    Attributes:
        name: what must hold.
        holds: whether it does.
        explanation: what it means, with the counts in it.
        against: rows that speak against it.
        in_favour: rows that speak for it.
        n: rows compared.
    """

    name: str
    holds: bool
    explanation: str
    against: int
    in_favour: int
    n: int


def weaker_does_not_win(
    name: str, strong: NDArray[np.bool_], weak: NDArray[np.bool_], words: str
) -> Check:
    """Compare which rows two attacks break, by an exact one-sided McNemar test.

    Args:
        name: what must hold.
        strong: `(n_rows,)` rows the stronger attack breaks.
        weak: `(n_rows,)` rows the weaker one breaks.
        words: names both, such as "one step against twenty".
    """
    against = int((weak & ~strong).sum())
    in_favour = int((strong & ~weak).sum())
    chance = float(stats.binom.sf(against - 1, against + in_favour, 0.5)) if against else 1.0
    return Check(
        name, not (against > in_favour and chance < LEVEL),
        f"{words}: the weaker alone broke {against}, the stronger alone {in_favour} of "
        f"{len(strong):,} rows.",
        against, in_favour, len(strong),
    )  # fmt: skip


def large_budget_reaches_zero(broken: NDArray[np.bool_], size: float) -> Check:
    """With an absurdly large budget next to every row must break."""
    left = int((~broken).sum())
    return Check(
        "A huge change breaks next to every row", left <= max(1, LEFT_AT_LARGEST * len(broken)),
        f"At size {size:g} the attack left {left} of {len(broken):,} rows unbroken.",
        left, len(broken) - left, len(broken),
    )  # fmt: skip


def scores_are_alive(is_flat: NDArray[np.bool_]) -> Check:
    """Scores that are exactly zero for all other classes tell an attacker nothing."""
    dead = int(is_flat.sum())
    return Check(
        "Scores leave something to climb", dead <= LEFT_AT_LARGEST * len(is_flat),
        f"All other classes scored exactly zero on {dead} of {len(is_flat):,} rows; attack with "
        "answers only, or give the model's logits.",
        dead, len(is_flat) - dead, len(is_flat),
    )  # fmt: skip


def gradients_are_alive(is_zero: NDArray[np.bool_]) -> Check:
    """Gradients that are exactly zero hide the way from the attack."""
    dead = int(is_zero.sum())
    return Check(
        "Gradients are not zero", dead <= LEFT_AT_LARGEST * len(is_zero),
        f"The gradient was exactly zero on {dead} of {len(is_zero):,} rows.",
        dead, len(is_zero) - dead, len(is_zero),
    )  # fmt: skip


def answers_repeat(differs: NDArray[np.bool_], asked: int) -> Check:
    """A model that draws its answers at random needs attacks that average over the draws."""
    n_against = int(differs.sum())
    return Check(
        "The same picture gets the same answer", n_against == 0,
        f"Asked {asked} times, {n_against} of {len(differs):,} rows got different scores.",
        n_against, len(differs) - n_against, len(differs),
    )  # fmt: skip


def check_table(checks: list[Check]) -> pa.Table:
    """Put checks into the table of that name."""
    return table_of(
        "checks",
        [
            {
                "check": check.name, "holds": check.holds, "explanation": check.explanation,
                "against": check.against, "in_favour": check.in_favour, "n": check.n,
            }
            for check in checks
        ],
    )  # fmt: skip


def failed_estimate(listed: list[Check]) -> Estimate:
    """How many checks failed; exact, as it is a count of comparisons made."""
    failed = sum(not check.holds for check in listed)
    return Estimate(
        value=float(failed), n=min(check.n for check in listed), method="count of failed checks"
    )
