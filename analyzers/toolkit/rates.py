"""Every rate that is a quotient of counts of (label, decision), defined once for all analyzers.

Counts have six places in the last axis: label missing, 0, 1 by decision 0, 1. Rows without a label
count in the selection rate, which needs none, and nowhere else.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

N_OUTCOMES = 6
TRUE_NEGATIVE, FALSE_POSITIVE, FALSE_NEGATIVE, TRUE_POSITIVE = 2, 3, 4, 5


class Rate(NamedTuple):
    """A quotient of counts.

    Attributes:
        name: full name; other names in brackets in `title`.
        title: for the eye.
        numerator: which of the six counts are added up above the line.
        denominator: which are added up below it; n of the rate is their sum.
        empty: why there is no value where the denominator is 0.
    """

    name: str
    title: str
    numerator: tuple[int, ...]
    denominator: tuple[int, ...]
    empty: str


_ALL = (0, 1, 2, 3, 4, 5)
_LABELLED = (2, 3, 4, 5)
_NO_LABEL = "No row has a known outcome."

RATES = (
    Rate("selection_rate", "Selection rate", (1, 3, 5), _ALL, "No rows."),
    Rate("base_rate", "Base rate of the outcome", (4, 5), _LABELLED, _NO_LABEL),
    Rate("accuracy", "Accuracy", (2, 5), _LABELLED, _NO_LABEL),
    Rate(
        "true_positive_rate", "True positive rate (recall, sensitivity)", (5,), (4, 5),
        "No row has the positive outcome.",
    ),
    Rate(
        "false_positive_rate", "False positive rate", (3,), (2, 3),
        "No row has the negative outcome.",
    ),
    Rate(
        "true_negative_rate", "True negative rate (specificity)", (2,), (2, 3),
        "No row has the negative outcome.",
    ),
    Rate(
        "false_negative_rate", "False negative rate", (4,), (4, 5),
        "No row has the positive outcome.",
    ),
    Rate(
        "positive_predictive_value", "Positive predictive value (precision)", (5,), (3, 5),
        "No row with a known outcome was selected.",
    ),
    Rate(
        "negative_predictive_value", "Negative predictive value", (2,), (2, 4),
        "No row with a known outcome was rejected.",
    ),
)  # fmt: skip
_BY_NAME = {rate.name: rate for rate in RATES}


class RateCounts(NamedTuple):
    """Successes and trials of a rate, shaped like the counts without their last axis."""

    successes: NDArray[np.int64]
    trials: NDArray[np.int64]


def rate_named(name: str) -> Rate:
    """Return the rate called `name`; raise KeyError where there is none."""
    return _BY_NAME[name]


def count_rate(counts: NDArray[np.int64], rate: Rate) -> RateCounts:
    """Add up a rate's numerator and denominator.

    Args:
        counts: `(..., 6)`.
        rate: its definition.
    """
    return RateCounts(
        counts[..., list(rate.numerator)].sum(axis=-1),
        counts[..., list(rate.denominator)].sum(axis=-1),
    )


def outcome_codes(
    labels: NDArray[np.integer], decisions: NDArray[np.integer] | NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Code each row's (label, decision) as 0 to 5.

    Args:
        labels: `(n_rows,)` -1 for missing, 0, 1.
        decisions: `(n_rows,)` 0, 1.
    """
    return (np.asarray(labels, dtype=np.int64) + 1) * 2 + decisions


def wilson_ends(
    successes: NDArray[np.int64], trials: NDArray[np.int64], *, confidence: float = 0.95
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Wilson's interval for many proportions at once; NaN where there are no trials.

    References:
        Wilson 1927; Brown, Cai and DasGupta 2001.
    """
    z = float(stats.norm.ppf(0.5 + confidence / 2))
    n = np.where(trials > 0, trials, np.nan).astype(np.float64)
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = np.where(successes == 0, np.where(trials > 0, 0.0, np.nan), np.maximum(centre - half, 0))
    high = np.where(successes == trials, np.where(trials > 0, 1.0, np.nan), centre + half)
    return low, np.minimum(high, 1.0)


def balanced_accuracy(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Mean of the true positive and the true negative rate; NaN where one is undefined."""
    with np.errstate(invalid="ignore", divide="ignore"):
        positive = counts[..., 5] / (counts[..., 4] + counts[..., 5])
        negative = counts[..., 2] / (counts[..., 2] + counts[..., 3])
    return (positive + negative) / 2


def f1_score(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Harmonic mean of precision and recall, 2 TP / (2 TP + FP + FN); NaN where all are 0."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return 2 * counts[..., 5] / (2 * counts[..., 5] + counts[..., 3] + counts[..., 4])


def matthews_correlation(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """Correlation of label and decision in [-1, 1]; NaN where either never varies."""
    tn, fp, fn, tp = (counts[..., place].astype(np.float64) for place in (2, 3, 4, 5))
    with np.errstate(invalid="ignore", divide="ignore"):
        spread = np.sqrt(tp + fp) * np.sqrt(tp + fn) * np.sqrt(tn + fp) * np.sqrt(tn + fn)
        return (tp * tn - fp * fn) / spread


def treatment_ratio(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """False negatives for each false positive; NaN where there is no false positive.

    References:
        Berk et al. 2018, "treatment equality".
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = counts[..., 4] / counts[..., 3]
    return np.where(np.isfinite(ratio), ratio, np.nan)


def generalized_entropy(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """How unequally decisions benefit individuals: half the squared coefficient of variation.

    A row's benefit is decision minus label plus 1: 0 where it is wrongly rejected, 1 where it is
    right, 2 where it is wrongly selected. 0 means that all benefit alike.

    References:
        Speicher et al. 2018, with alpha = 2.
    """
    shares, mean = _benefits(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        return ((shares * (_BENEFITS / mean[..., None]) ** 2).sum(axis=-1) - 1) / 2


def theil_index(counts: NDArray[np.integer]) -> NDArray[np.float64]:
    """The same inequality with alpha = 1: the mean of r log r over benefits r relative to the mean.

    References:
        Speicher et al. 2018; Theil 1967.
    """
    shares, mean = _benefits(counts)
    with np.errstate(invalid="ignore", divide="ignore"):
        relative = _BENEFITS / mean[..., None]
        terms = np.where(relative > 0, relative * np.log(relative), 0.0)
    return np.where(mean > 0, (shares * terms).sum(axis=-1), np.nan)


_BENEFITS = np.array([0.0, 1.0, 2.0])


def _benefits(counts: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Shares of rows with benefit 0, 1, 2, `(..., 3)`, and the mean benefit; NaN without labels."""
    rows = np.stack(
        [counts[..., 4], counts[..., 2] + counts[..., 5], counts[..., 3]], axis=-1
    ).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares = rows / rows.sum(axis=-1, keepdims=True)
    mean = shares @ _BENEFITS
    return shares, np.where(mean > 0, mean, np.nan)
