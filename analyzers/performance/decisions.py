"""Metrics of yes-or-no decisions, from the four counts of the confusion matrix alone."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.toolkit.bootstrap import redraw_counts
from analyzers.toolkit.intervals import percentile_interval, rate_estimate
from analyzers.toolkit.rates import (
    balanced_accuracy,
    count_rate,
    f1_score,
    matthews_correlation,
    rate_named,
)

_RATES = (
    ("accuracy", "accuracy"),
    ("precision", "positive_predictive_value"),
    ("recall", "true_positive_rate"),
    ("specificity", "true_negative_rate"),
    ("negative_predictive_value", "negative_predictive_value"),
    ("selection_rate", "selection_rate"),
)
_SCORES: tuple[tuple[str, Callable[[NDArray[np.integer]], NDArray[np.float64]], str], ...] = (
    ("balanced_accuracy", balanced_accuracy, "One of the two classes has no rows."),
    ("f1", f1_score, "No row is positive, in truth or by decision."),
    ("matthews_correlation", matthews_correlation, "Outcome or decision never varies."),
)


def decision_metrics(
    counts: NDArray[np.int64], *, n_draws: int, rng: np.random.Generator
) -> list[tuple[str, Estimate]]:
    """Compute every metric of a confusion matrix.

    Args:
        counts: `(6,)` as in `toolkit.rates`.
        n_draws: multinomial draws for the metrics whose interval has no formula.
        rng: source of randomness.
    """
    found: list[tuple[str, Estimate]] = []
    for name, rate_name in _RATES:
        rate = rate_named(rate_name)
        successes, trials = count_rate(counts, rate)
        estimate = (
            rate_estimate(int(successes), int(trials))
            if trials
            else Estimate.unmeasured(rate.empty, n=int(counts.sum()))
        )
        found.append((name, estimate))
    drawn = redraw_counts(counts, n_draws, rng)
    found += [
        (name, drawn_estimate(counts, drawn, function, empty)) for name, function, empty in _SCORES
    ]
    return found


def drawn_estimate(
    counts: NDArray[np.int64],
    drawn: NDArray[np.int64],
    function: Callable[[NDArray[np.integer]], NDArray[np.float64]],
    empty: str,
) -> Estimate:
    """A function of counts with the percentile interval over redrawn counts."""
    n = int(counts.sum())
    value = float(function(counts))
    if np.isnan(value):
        return Estimate.unmeasured(empty, n=n)
    interval = percentile_interval(function(drawn))
    if interval is None:
        return Estimate(value=value, n=n, reason="Undefined in most draws: too few rows.")
    return Estimate(
        value=value, low=min(interval.low, value), high=max(interval.high, value), n=n,
        method=f"percentiles of {len(drawn):,} multinomial draws",
    )  # fmt: skip
