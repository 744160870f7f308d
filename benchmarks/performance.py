"""Curves, thresholds and intervals of a classifier's scores against scikit-learn.

`limit_s` is one `numpy.sort` of the scores: every exact ranking metric has to order them once.
The bootstrap peer resamples rows and calls `roc_auc_score`; it is timed on few draws and
extrapolated, which is marked.
"""

import argparse
import json
import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from analyzers.toolkit.curves import (
    average_precision,
    count_scores,
    roc_auc,
    selected_from,
    threshold_curve,
)

N_THRESHOLDS, N_DRAWS, DRAWS_TIMED = 100, 1000, 3


def main() -> None:
    """Print one JSON line per comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    for size in (100_000, 1_000_000) if is_quick else (100_000, 1_000_000, 10_000_000):
        rng = np.random.default_rng(0)
        scores = rng.random(size)
        labels = (rng.random(size) < 0.2 + 0.5 * scores).astype(np.int64)
        limit_s, _ = timed(lambda scores=scores: np.sort(scores))
        compare_curves(scores, labels, limit_s)
        compare_interval(scores, labels, limit_s)
        compare_thresholds(scores, labels, limit_s)


def compare_curves(scores: NDArray[np.float64], labels: NDArray[np.int64], limit_s: float) -> None:
    """ROC curve, its area and average precision."""

    def ours() -> tuple[float | None, float | None]:
        counts = count_scores(scores, labels)
        threshold_curve(counts)
        return roc_auc(counts).value, average_precision(counts).value

    def peer() -> tuple[float, float]:
        metrics.roc_curve(labels, scores)
        return (
            float(metrics.roc_auc_score(labels, scores)),
            float(metrics.average_precision_score(labels, scores)),
        )

    ours_s, mine = timed(ours)
    peer_s, theirs = timed(peer)
    say(
        "ROC curve, area with its interval, average precision with its interval", len(scores),
        ours_s, "scikit-learn, values without intervals", peer_s, limit_s,
        agree=bool(np.allclose(np.array(mine, dtype=float), theirs, atol=1e-9)),
    )  # fmt: skip


def compare_interval(
    scores: NDArray[np.float64], labels: NDArray[np.int64], limit_s: float
) -> None:
    """The interval of the area under the curve."""
    ours_s, estimate = timed(lambda: roc_auc(count_scores(scores, labels)))
    rng = np.random.default_rng(1)
    draws = []
    start = time.perf_counter()
    for _ in range(DRAWS_TIMED):
        rows = rng.integers(0, len(scores), len(scores))
        draws.append(metrics.roc_auc_score(labels[rows], scores[rows]))
    peer_s = (time.perf_counter() - start) / DRAWS_TIMED * N_DRAWS
    half = (estimate.high - estimate.low) / 2
    say(
        "interval of the area under the ROC curve", len(scores), ours_s,
        f"{N_DRAWS} bootstrap draws of scikit-learn's roc_auc_score", peer_s, limit_s,
        # The draws must lie where the interval says; four half-widths are eight standard errors.
        agree=bool(np.max(np.abs(np.array(draws) - estimate.value)) < 4 * half),
        extrapolated=True,
    )  # fmt: skip


def compare_thresholds(
    scores: NDArray[np.float64], labels: NDArray[np.int64], limit_s: float
) -> None:
    """The confusion matrix at many thresholds: what a slider asks for."""
    thresholds = np.linspace(0.005, 0.995, N_THRESHOLDS)
    counts = count_scores(scores, labels)

    ours_s, mine = timed(lambda: [selected_from(counts, cut) for cut in thresholds])
    timed_cuts = thresholds[:: N_THRESHOLDS // 5]
    peer_s, theirs = timed(
        lambda: [metrics.confusion_matrix(labels, scores >= cut) for cut in timed_cuts]
    )
    say(
        f"confusion matrix at {N_THRESHOLDS} thresholds, scores counted before", len(scores),
        ours_s, "scikit-learn confusion_matrix", peer_s * N_THRESHOLDS / len(timed_cuts), limit_s,
        agree=[tuple(matrix[:, 1]) for matrix in theirs] == mine[:: N_THRESHOLDS // 5],
        extrapolated=True,
    )  # fmt: skip


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the faster of two runs, and the answer."""
    seconds = []
    answer: Any = None
    for _ in range(2):
        start = time.perf_counter()
        with warnings.catch_warnings():
            # The peer announces its own deprecations.
            warnings.simplefilter("ignore")
            answer = work()
        seconds.append(time.perf_counter() - start)
    return min(seconds), answer


def say(
    work: str,
    size: int,
    ours_s: float,
    peer: str,
    peer_s: float,
    limit_s: float,
    *,
    agree: bool,
    extrapolated: bool = False,
) -> None:
    """Print one comparison."""
    line = {
        "work": work, "size": size, "ours_s": ours_s, "peer": peer, "peer_s": peer_s,
        "limit_s": limit_s, "ratio": peer_s / ours_s, "agree": agree, "extrapolated": extrapolated,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
