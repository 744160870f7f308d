"""Numbers that all three faces share: what is left at each size, with intervals."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.adversarial.tables import table_of
from analyzers.core.result import Estimate
from analyzers.toolkit.intervals import rate_estimate

# Sizes within the last digits of a budget keep to it.
WITHIN = 1 + 1e-9
MOST_WITHSTAND = "Half of the rows or more withstand every change that was looked for."
NO_CORRECT = "The model answers none of the attacked rows correctly, so there is nothing to attack."


class Outcome(NamedTuple):
    """What became of the attacked rows.

    Attributes:
        is_correct: `(n_rows,)` whether the model was right before the attack.
        sizes: `(n_rows,)` smallest change found that makes it wrong; infinite where none.
        noise_sizes: `(n_sizes,)` sizes at which random changes were tried, ascending.
        is_broken_by_noise: `(n_sizes, n_rows)` whether any random change of that size did.
    """

    is_correct: NDArray[np.bool_]
    sizes: NDArray[np.float64]
    noise_sizes: NDArray[np.float64]
    is_broken_by_noise: NDArray[np.bool_]

    def is_broken(self, size: float) -> NDArray[np.bool_]:
        """Rows that were right and are wrong after a change of at most `size`."""
        return self.is_correct & (self.sizes <= size * WITHIN)


def curve_table(outcome: Outcome) -> pa.Table:
    """Accuracy left at every size, with Wilson intervals over the attacked rows."""
    n = len(outcome.is_correct)
    rows: list[dict[str, object]] = []
    for place, size in enumerate(outcome.noise_sizes):
        left = rate_estimate(int((outcome.is_correct & ~outcome.is_broken(size)).sum()), n)
        noise = rate_estimate(
            int((outcome.is_correct & ~outcome.is_broken_by_noise[place]).sum()), n
        )
        rows.append(
            {
                "size": float(size), "robust_accuracy": left.value, "low": left.low,
                "high": left.high, "noise_accuracy": noise.value, "noise_low": noise.low,
                "noise_high": noise.high, "n": n,
            }
        )  # fmt: skip
    return table_of("curve", rows)


def robustness_estimates(outcome: Outcome, budget: float) -> dict[str, Estimate]:
    """Accuracy before and after, success rates and the gap to random change, at `budget`.

    The attack keeps every flip a random change finds, so the rows random change breaks are among
    those the attack breaks; the gap is itself a proportion and has Wilson's interval.
    """
    n = len(outcome.is_correct)
    n_correct = int(outcome.is_correct.sum())
    broken = outcome.is_broken(budget)
    place = int(np.argmin(np.abs(outcome.noise_sizes - budget)))
    by_noise = outcome.is_correct & outcome.is_broken_by_noise[place]
    estimates = {
        "accuracy": rate_estimate(n_correct, n),
        "robust_accuracy": rate_estimate(int((outcome.is_correct & ~broken).sum()), n),
        "noise_accuracy": rate_estimate(int((outcome.is_correct & ~by_noise).sum()), n),
    }
    if n_correct == 0:
        none = Estimate.unmeasured(NO_CORRECT)
        return estimates | dict.fromkeys(
            ("attack_success_rate", "noise_success_rate", "gap_to_noise", "median_size"), none
        )
    return estimates | {
        "attack_success_rate": rate_estimate(int(broken.sum()), n_correct),
        "noise_success_rate": rate_estimate(int(by_noise.sum()), n_correct),
        "gap_to_noise": rate_estimate(int((broken & ~by_noise).sum()), n_correct),
        "median_size": median_estimate(
            outcome.sizes[outcome.is_correct], "No row was right before the attack."
        ),
    }


def median_estimate(
    values: NDArray[np.float64], none: str, *, confidence: float = 0.95
) -> Estimate:
    """A median with its exact interval from order statistics.

    Args:
        values: `(n_rows,)`; infinite where nothing was found, which counts as larger than all.
        none: the reason where there are no values.
        confidence: in (0, 1).

    References:
        Conover 1999, section 3.2.
    """
    n = len(values)
    if n == 0:
        return Estimate.unmeasured(none)
    ordered = np.sort(values)
    value = float(ordered[n // 2]) if n % 2 else float(ordered[n // 2 - 1 : n // 2 + 1].mean())
    if not np.isfinite(value):
        return Estimate.unmeasured(MOST_WITHSTAND, n=n)
    below = int(stats.binom.ppf((1 - confidence) / 2, n, 0.5))
    if below < 1:
        return Estimate(value=value, n=n, reason="Too few rows for an interval.")
    if not np.isfinite(ordered[n - below]):
        return Estimate(value=value, n=n, reason="The upper end is beyond all that was found.")
    return Estimate(
        value=value, low=float(ordered[below - 1]), high=float(ordered[n - below]), n=n,
        method="order statistics", confidence=confidence,
    )  # fmt: skip


def histogram_table(sizes: NDArray[np.float64], *, n_bins: int = 20) -> pa.Table:
    """Count the sizes of the changes found, in bins of equal width from 0."""
    known = sizes[np.isfinite(sizes)]
    if not len(known) or known.max() <= 0:
        return table_of("size_histogram", [])
    counts, edges = np.histogram(known, bins=n_bins, range=(0.0, float(known.max())))
    return table_of(
        "size_histogram",
        [
            {"size_from": float(low), "size_to": float(high), "rows": int(count)}
            for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
        ],
    )


def weak_spot_table(
    names: Sequence[str], is_changed: NDArray[np.bool_], sizes: NDArray[np.float64]
) -> pa.Table:
    """How often each feature is part of a change that flips the answer.

    Args:
        names: `(n_features,)`.
        is_changed: `(n_flips, n_features)`.
        sizes: `(n_flips, n_features)` absolute changes in standardised units.
    """
    n = len(is_changed)
    rows: list[dict[str, object]] = []
    for place, name in enumerate(names):
        times = int(is_changed[:, place].sum())
        if times:
            share = rate_estimate(times, n)
            rows.append(
                {
                    "name": name, "times_changed": times, "share": share.value, "low": share.low,
                    "high": share.high, "n": n,
                    "mean_change": float(sizes[is_changed[:, place], place].mean()),
                }
            )  # fmt: skip
    rows.sort(key=lambda row: (-int(str(row["times_changed"])), str(row["name"])))
    return table_of("weak_spots", rows)
