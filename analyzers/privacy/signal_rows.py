"""Rows of the tables that show the attacks' values: areas, curves, a histogram."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.privacy.calibration import Calibrated, roc_area, roc_of
from analyzers.privacy.signals import Signal
from analyzers.privacy.tables import rated

MOST_ROC_POINTS = 250
BINS = 40


def attack_rows(signals: list[Signal], attack: Calibrated) -> list[dict[str, Any]]:
    """Every attack's AUC on all rows, and whether a half chose it."""
    return [
        {
            "attack": signal.name,
            "title": signal.title,
            **rated(roc_area(signal.members, signal.non_members)),
            "n_members": len(signal.members),
            "n_non_members": len(signal.non_members),
            "is_chosen": signal.name in (*attack.strongest, *attack.sharpest),
        }
        for signal in signals
    ]


def roc_rows(signal: Signal) -> list[dict[str, Any]]:
    """Points of the exact ROC, thinned where the eye cannot tell."""
    curve = roc_of(signal.members, signal.non_members)
    kept = _log_spaced(len(curve.thresholds))
    return [
        {
            "attack": signal.name,
            "title": signal.title,
            "threshold": float(threshold) if np.isfinite(threshold) else None,
            "false_positive_rate": float(false / curve.n_negatives),
            "true_positive_rate": float(true / curve.n_positives),
            "n_non_members": curve.n_negatives,
            "n_members": curve.n_positives,
        }
        for threshold, false, true in zip(
            curve.thresholds[kept], curve.false_positives[kept], curve.true_positives[kept],
            strict=True,
        )
    ]  # fmt: skip


def histogram_rows(signals: list[Signal], attack: Calibrated) -> list[dict[str, Any]]:
    """Counts of the sharpest attack's values, members and non-members apart."""
    signal = next(item for item in signals if item.name == attack.sharpest[0])
    both = np.concatenate([signal.members, signal.non_members])
    # The outermost half per cent would stretch the picture until nothing can be seen in it.
    low, high = (float(end) for end in np.quantile(both, [0.005, 0.995]))
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, BINS + 1)
    counted = [
        np.histogram(np.clip(side, low, high), edges)[0]
        for side in (signal.members, signal.non_members)
    ]
    return [
        {
            "attack": signal.name, "title": signal.title, "low": float(edges[place]),
            "high": float(edges[place + 1]), "members": int(counted[0][place]),
            "non_members": int(counted[1][place]),
        }
        for place in range(BINS)
    ]  # fmt: skip


def _log_spaced(n_points: int) -> NDArray[np.int64]:
    """Points denser at the low end, where the logarithmic axis shows them."""
    if n_points <= MOST_ROC_POINTS:
        return np.arange(n_points)
    spaced = np.geomspace(1, n_points, MOST_ROC_POINTS) - 1
    return np.unique(np.concatenate([np.rint(spaced).astype(np.int64), [n_points - 1]]))
