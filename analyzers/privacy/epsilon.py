"""What an attack's success says about a claim of differential privacy."""

import numpy as np
from numpy.typing import NDArray

from analyzers.core.result import Estimate
from analyzers.toolkit.intervals import clopper_pearson

TRIED_RATES = (0.001, 0.01, 0.05, 0.1, 0.25)


def epsilon_lower_bound(
    members: NDArray[np.float64],
    non_members: NDArray[np.float64],
    *,
    delta: float,
    confidence: float = 0.95,
) -> Estimate:
    """Largest epsilon below which the observed attack would be too successful.

    Every (epsilon, delta)-private model keeps TPR <= e^epsilon FPR + delta and
    TNR <= e^epsilon FNR + delta. Exact limits of the rates at five thresholds fixed beforehand,
    both ways round, corrected for all of them (Bonferroni), are put in.

    Args:
        members: `(n_members,)` p-values from `calibration`.
        non_members: `(n_non_members,)` the same.
        delta: of the claim, in [0, 1).
        confidence: in (0, 1).

    Returns:
        The bound as value and low end, at least 0; there is no upper end.

    References:
        Kairouz, Oh and Viswanath 2015; Nasr et al. 2021.
    """
    n_members, n_non_members = len(members), len(non_members)
    # Two one-sided limits at each threshold share the error; both ways round use the same two.
    inner = 1 - (1 - confidence) / len(TRIED_RATES)
    bounds = [0.0]
    for rate in TRIED_RATES:
        found, accused = int((members <= rate).sum()), int((non_members <= rate).sum())
        true = clopper_pearson(found, n_members, confidence=inner)
        false = clopper_pearson(accused, n_non_members, confidence=inner)
        bounds.append(_log_ratio(true.low - delta, false.high))
        bounds.append(_log_ratio(1 - false.high - delta, 1 - true.low))
    bound = max(bounds)
    return Estimate(
        value=bound,
        low=bound,
        n=min(n_members, n_non_members),
        method="Clopper-Pearson at five thresholds, Bonferroni; a lower bound",
        confidence=confidence,
    )


def _log_ratio(above: float, below: float) -> float:
    return float(np.log(above / below)) if above > 0 and below > 0 else 0.0
