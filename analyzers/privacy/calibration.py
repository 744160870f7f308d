"""Turn signals into p-values: how often does a record the model never saw look this familiar?

The rows are cut in two halves. One half chooses the attack and supplies non-members to compare
with; the other is attacked; then the halves change places. Every row is thus attacked once, by an
attacker who had not seen it. For a non-member the p-value is at most alpha with probability at
most alpha (split conformal inference), so "p <= alpha" is an attack with that rate of false
accusations, whatever the model.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.privacy.signals import Signal
from analyzers.toolkit.curves import Curve, count_scores, roc_auc

FEW_FALSE = 0.1


class Calibrated(NamedTuple):
    """The attack on every row.

    Attributes:
        members: `(n_members,)` p-values in (0, 1]; small means "looks like a member".
        non_members: `(n_non_members,)` the same.
        accused_members: `(n_members,)` above the threshold with the largest advantage.
        accused_non_members: `(n_non_members,)` the same.
        strongest: names of the attack with the largest AUC in each half; gives `accused_*`, `auc`.
        sharpest: names of the attack that finds most at few false positives in each half; gives
            the p-values.
        member_values: `(n_members,)` the sharpest attack's value.
        auc: mean of the AUCs on the two halves, each attacked with the other's choice.
        finest: the smallest p-value that can occur.
    """

    members: NDArray[np.float64]
    non_members: NDArray[np.float64]
    accused_members: NDArray[np.bool_]
    accused_non_members: NDArray[np.bool_]
    strongest: tuple[str, ...]
    sharpest: tuple[str, ...]
    member_values: NDArray[np.float64]
    auc: Estimate
    finest: float


def attack_by_halves(
    signals: Sequence[Signal],
    member_strata: NDArray[np.int64] | None,
    non_member_strata: NDArray[np.int64] | None,
    rng: np.random.Generator,
) -> Calibrated:
    """Attack each half with what the other half taught.

    Args:
        signals: at least one; the first wins ties.
        member_strata: `(n_members,)` classes, where records are compared within their class only.
        non_member_strata: `(n_non_members,)` the same; None together with `member_strata`.
        rng: cuts the halves.
    """
    n_members, n_non_members = len(signals[0].members), len(signals[0].non_members)
    member_half = halves(n_members, rng)
    non_member_half = halves(n_non_members, rng)
    p_members, p_non_members = np.ones(n_members), np.ones(n_non_members)
    accused_members = np.zeros(n_members, dtype=np.bool_)
    accused_non_members = np.zeros(n_non_members, dtype=np.bool_)
    values = np.zeros(n_members)
    strongest, sharpest, aucs, finest = [], [], [], 1.0
    for teacher in (0, 1):
        taught_in, taught_out = member_half == teacher, non_member_half == teacher
        known_strata = None if non_member_strata is None else non_member_strata[taught_out]
        candidates = [
            _compared(signal, signal.non_members[taught_out], known_strata,
                      member_strata, non_member_strata)
            for signal in signals
        ]  # fmt: skip
        curves = [
            roc_of(item.members[taught_in], item.non_members[taught_out]) for item in candidates
        ]
        best = int(np.argmax([_area(curve) for curve in curves]))
        compared = candidates[best]
        signal = signals[int(np.argmax([low_rate_area(curve) for curve in curves]))]
        strongest.append(compared.name)
        sharpest.append(signal.name)
        known = signal.non_members[taught_out]
        finest = min(finest, 1 / (len(known) + 1))
        p_members[~taught_in] = p_values(
            known, signal.members[~taught_in], known_strata,
            None if member_strata is None else member_strata[~taught_in],
        )  # fmt: skip
        p_non_members[~taught_out] = p_values(
            known, signal.non_members[~taught_out], known_strata,
            None if non_member_strata is None else non_member_strata[~taught_out],
        )  # fmt: skip
        cut = widest_cut(curves[best])
        accused_members[~taught_in] = compared.members[~taught_in] >= cut
        accused_non_members[~taught_out] = compared.non_members[~taught_out] >= cut
        aucs.append(roc_area(compared.members[~taught_in], compared.non_members[~taught_out]))
        values[~taught_in] = signal.members[~taught_in]
    return Calibrated(
        p_members, p_non_members, accused_members, accused_non_members, tuple(strongest),
        tuple(sharpest), values, _mean_of_halves(*aucs), finest,
    )  # fmt: skip


def halves(n_rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Deal rows into halves 0 and 1, as equal as can be."""
    return np.asarray(rng.permutation(n_rows) % 2, dtype=np.int64)


def p_values(
    known: NDArray[np.float64],
    values: NDArray[np.float64],
    known_strata: NDArray[np.int64] | None = None,
    strata: NDArray[np.int64] | None = None,
) -> NDArray[np.float64]:
    """Share of known non-members, counting the row itself, that look at least as familiar.

    Args:
        known: `(n_known,)` values of non-members set aside for comparison.
        values: `(n_rows,)` values of the rows in question.
        known_strata: `(n_known,)` classes, or None to compare with all.
        strata: `(n_rows,)` classes.

    Returns:
        `(n_rows,)` in (0, 1]; 1 for a class without known non-members.

    References:
        Vovk, Gammerman and Shafer 2005, chapter 2; Mondrian for the strata.
    """
    if known_strata is None or strata is None:
        ordered = np.sort(known)
        at_least = len(ordered) - np.searchsorted(ordered, values, side="left")
        return np.asarray((1 + at_least) / (len(ordered) + 1))
    found = np.ones(len(values))
    for stratum in np.unique(strata):
        mine = strata == stratum
        found[mine] = p_values(known[known_strata == stratum], values[mine])
    return found


def widest_cut(curve: Curve) -> float:
    """Threshold (at or above: accused) with the largest true minus false positive rate."""
    gain = curve.true_positives / max(curve.n_positives, 1)
    gain = gain - curve.false_positives / max(curve.n_negatives, 1)
    return float(curve.thresholds[int(gain.argmax())])


def roc_of(members: NDArray[np.float64], non_members: NDArray[np.float64]) -> Curve:
    """The exact ROC of one signal: a point at every distinct value, in one sort."""
    values = np.concatenate([members, non_members])
    order = np.argsort(-values)
    falling = values[order]
    true = np.cumsum(order < len(members))
    last = np.append(np.flatnonzero(np.diff(falling)), len(values) - 1)
    return Curve(
        np.append(np.inf, falling[last]),
        np.append(0, last + 1 - true[last]),
        np.append(0, true[last]),
        len(non_members),
        len(members),
    )


def roc_area(members: NDArray[np.float64], non_members: NDArray[np.float64]) -> Estimate:
    """AUC of one signal with DeLong's interval."""
    values = np.concatenate([members, non_members])
    is_member = np.repeat([1, 0], [len(members), len(non_members)])
    return roc_auc(count_scores(values, is_member))


def low_rate_area(curve: Curve) -> float:
    """Area under the ROC's steps up to a false positive rate of `FEW_FALSE`.

    Steps and not slopes: between two points lies no threshold that an attacker could use.
    """
    false = np.minimum(curve.false_positives / max(curve.n_negatives, 1), FEW_FALSE)
    true = curve.true_positives / max(curve.n_positives, 1)
    return float(np.diff(np.append(false, FEW_FALSE)) @ true)


def _area(curve: Curve) -> float:
    area = np.trapezoid(curve.true_positives, curve.false_positives)
    return float(area) / max(curve.n_positives * curve.n_negatives, 1)


def _compared(
    signal: Signal,
    known: NDArray[np.float64],
    known_strata: NDArray[np.int64] | None,
    member_strata: NDArray[np.int64] | None,
    non_member_strata: NDArray[np.int64] | None,
) -> Signal:
    """The signal on a scale on which classes are comparable; as it is where they are not kept."""
    if known_strata is None or member_strata is None or non_member_strata is None:
        return signal
    return signal._replace(
        members=-p_values(known, signal.members, known_strata, member_strata),
        non_members=-p_values(known, signal.non_members, known_strata, non_member_strata),
    )


def _mean_of_halves(first: Estimate, second: Estimate) -> Estimate:
    """Mean of two independent estimates, with the interval from both of theirs (MOVER)."""
    n = first.n + second.n
    if first.value is None or second.value is None:
        return Estimate.unmeasured(first.reason or second.reason, n=n)
    value = (first.value + second.value) / 2
    if first.low is None or first.high is None or second.low is None or second.high is None:
        return Estimate(value=value, n=n, reason="Too few rows for an interval.")
    below = math.hypot(first.value - first.low, second.value - second.low) / 2
    above = math.hypot(first.high - first.value, second.high - second.value) / 2
    return Estimate(
        value=value, low=value - below, high=min(value + above, 1.0), n=n,
        method="DeLong on each half, joined by MOVER",
    )  # fmt: skip
