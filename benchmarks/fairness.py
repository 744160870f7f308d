"""Group metrics against fairlearn's MetricFrame and against the least arithmetic there is.

`limit_s` is a plain numpy count of a ready-made code per row: nobody can be faster in one pass.
Peers that would take too long are timed on fewer rows or draws and extrapolated, which is marked.
"""

import argparse
import json
import resource
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.result import Measurements
from analyzers.fairness.comparing import disparity_table
from analyzers.fairness.counting import Cells, Names, all_groupings, count_cells, merge_cells
from analyzers.fairness.grouping import group_table
from analyzers.fairness.scoring import count_cell_scores, score_table
from analyzers.fairness.tables import TABLES
from analyzers.fairness.threshold import at_threshold, decided_cells
from analyzers.toolkit.groups import group_by
from analyzers.toolkit.rates import count_rate, outcome_codes, rate_named

NAMES = (Names("a", ("0", "1", "2", "3", "4")), Names("b", ("0", "1")))
PEER = "fairlearn MetricFrame"
BOOTSTRAPS, THRESHOLDS = 1000, 100


class Rows(NamedTuple):
    """One made-up table."""

    a: NDArray[np.int8]
    b: NDArray[np.int8]
    labels: NDArray[np.int64]
    scores: NDArray[np.float64]

    @property
    def decisions(self) -> NDArray[np.int64]:
        """Selected where the score is at least one half."""
        return (self.scores >= 0.5).astype(np.int64)


def main() -> None:
    """Print one JSON line per comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    is_quick = parser.parse_args().quick
    count_cells(NAMES, [np.zeros(9, int)] * 2, np.zeros(9, int))  # warm imports, not timed
    peer_second_per_row, peer_values = 0.0, {}
    for size in (10_000, 100_000, 1_000_000) if is_quick else (
        10_000, 100_000, 1_000_000, 10_000_000
    ):  # fmt: skip
        rows = made(size)
        is_timed = size <= 100_000
        if is_timed:
            peer_s, peer_values = timed(lambda rows=rows: peer_frame(rows), repeat=1)
            peer_second_per_row = peer_s / size
        compare_metrics(rows, peer_second_per_row * size, peer_values if is_timed else None)
        if size <= 1_000_000:
            compare_bootstrap(rows, is_quick=is_quick, per_row=peer_second_per_row)
            compare_thresholds(rows, per_row=peer_second_per_row)
    if not is_quick:
        stream(100_000_000)


def made(size: int, seed: int = 0) -> Rows:
    """Make rows whose selection depends on both attributes."""
    rng = np.random.default_rng(seed)
    a = rng.integers(0, 5, size, dtype=np.int8)
    b = rng.integers(0, 2, size, dtype=np.int8)
    scores = np.clip(rng.random(size) * 0.9 + 0.03 * a - 0.05 * b, 0, 1)
    return Rows(a, b, (rng.random(size) < scores).astype(np.int64), scores)


def compare_metrics(rows: Rows, peer_s: float, peer_values: dict[str, Any] | None) -> None:
    """Nine rates by two columns and their combinations, with intervals."""
    labels, decisions = rows.labels, rows.decisions
    codes = outcome_codes(labels, decisions)
    ready = (rows.a.astype(np.int64) * 2 + rows.b) * 6 + codes
    limit_s, _ = timed(lambda: np.bincount(ready, minlength=60))
    from_codes_s, cells = timed(lambda: count_cells(NAMES, [rows.a, rows.b], codes))
    ours_s, _ = timed(lambda: measured(rows.a, rows.b, labels, decisions))
    agree = None if peer_values is None else same(cells, peer_values)
    size = len(labels)
    emit("count cells from codes", size, from_codes_s, limit_s, peer_s, agree, peer_values is None)
    emit("9 rates by 2 columns and pairs", size, ours_s, limit_s, peer_s, agree,
         peer_values is None)  # fmt: skip


def compare_bootstrap(rows: Rows, *, is_quick: bool, per_row: float) -> None:
    """The same with 1,000 bootstrap draws behind every difference and ratio."""
    labels, decisions, size = rows.labels, rows.decisions, len(rows.labels)
    ours_s, _ = timed(lambda: bootstrapped(rows.a, rows.b, labels, decisions), repeat=3)
    codes = (rows.a.astype(np.int64) * 2 + rows.b) * 6 + outcome_codes(labels, decisions)

    def least() -> NDArray[np.int64]:
        counts = np.bincount(codes, minlength=60)
        return np.random.default_rng(0).multinomial(size, counts / size, size=BOOTSTRAPS)

    limit_s, _ = timed(least, repeat=3)
    peer_s = per_row * size * BOOTSTRAPS
    if size == 10_000:
        draws = 3 if is_quick else 10
        with_s, _ = timed(lambda: peer_frame(rows, n_boot=draws), repeat=1)
        peer_s = with_s / (draws + 1) * BOOTSTRAPS
    emit(f"the same with {BOOTSTRAPS:,} bootstraps", size, ours_s, limit_s, peer_s, None, True)


def compare_thresholds(rows: Rows, *, per_row: float) -> None:
    """All groups at 100 thresholds, after scores were counted once."""
    size = len(rows.labels)
    result = stored(rows)
    thresholds = np.linspace(0.01, 0.99, THRESHOLDS)
    moved_s, _ = timed(lambda: [at_threshold(result, float(item)) for item in thresholds], repeat=1)
    order = np.sort(rows.scores)
    limit_s, _ = timed(lambda: size - np.searchsorted(order, thresholds))
    at_half = decided_cells(result, 0.5).counts
    fresh = count_cells(NAMES, [rows.a, rows.b], outcome_codes(rows.labels, rows.decisions)).counts
    emit(
        f"{THRESHOLDS} thresholds, all groups", size, moved_s, limit_s,
        per_row * size * THRESHOLDS, bool((at_half == fresh).all()), True,
    )  # fmt: skip


def measured(
    a: NDArray[Any], b: NDArray[Any], labels: NDArray[Any], decisions: NDArray[Any]
) -> pa.Table:
    """Count, and write every rate of every group with its interval."""
    cells = count_cells(NAMES, [a, b], outcome_codes(labels, decisions))
    return group_table(all_groupings(cells, 2), smallest=30)


def bootstrapped(
    a: NDArray[Any], b: NDArray[Any], labels: NDArray[Any], decisions: NDArray[Any]
) -> pa.Table:
    """Count, and compare the groups of both columns and their pairs with bootstrap intervals."""
    cells = count_cells(NAMES, [a, b], outcome_codes(labels, decisions))
    return disparity_table(all_groupings(cells, 2), smallest=30, n_draws=BOOTSTRAPS, seed=0)


def stored(rows: Rows) -> Measurements:
    """What the slider reads: the tables of a result."""
    from analyzers.fairness.decisions import cell_table

    codes = np.stack([rows.a, rows.b], axis=1)
    member = group_by(codes, [5, 2]).members
    cells = count_cells(NAMES, [rows.a, rows.b], outcome_codes(rows.labels, rows.decisions))
    attributes = [
        {"attribute": name.attribute, "position": place, "level": level, "name": word, "n": 0,
         "made_by": ""}
        for place, name in enumerate(NAMES)
        for level, word in enumerate(name.levels)
    ]  # fmt: skip
    return Measurements(
        facts={"depth": 2, "smallest_group": 30, "threshold_step": 0.0},
        tables={
            "attributes": TABLES["attributes"]
            .empty_table()
            .from_pylist(attributes, schema=TABLES["attributes"]),
            "cells": cell_table(cells),
            "scores": score_table(count_cell_scores(rows.scores, member, rows.labels)),
        },
    )


def peer_frame(rows: Rows, n_boot: int | None = None) -> dict[str, Any]:
    """Six metrics of fairlearn by both columns."""
    import fairlearn.metrics as peer
    from sklearn.metrics import accuracy_score, precision_score

    functions = {
        "selection_rate": peer.selection_rate,
        "true_positive_rate": peer.true_positive_rate,
        "false_positive_rate": peer.false_positive_rate,
        "false_negative_rate": peer.false_negative_rate,
        "accuracy": accuracy_score,
        "positive_predictive_value": precision_score,
    }
    more = {} if n_boot is None else {"n_boot": n_boot, "ci_quantiles": [0.025, 0.975]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame = peer.MetricFrame(
            metrics=functions, y_true=rows.labels, y_pred=rows.decisions,
            sensitive_features={"a": rows.a, "b": rows.b}, **more,
        )  # fmt: skip
        return {name: frame.by_group[name].to_numpy(np.float64) for name in functions}


def same(cells: Cells, peer_values: dict[str, Any]) -> bool:
    """Whether every rate of every combination agrees to 1e-12."""
    gaps = []
    for name, theirs in peer_values.items():
        successes, trials = count_rate(cells.counts, rate_named(name))
        gaps.append(np.abs(successes / trials - theirs).max())
    return bool(max(gaps) <= 1e-12)


def stream(size: int, batch: int = 1_000_000) -> None:
    """Count a table that is never in memory as a whole, and say what that took."""
    total: Cells | None = None
    spent = 0.0
    limit = 0.0
    for number in range(size // batch):
        rows = made(batch, seed=number)
        codes = outcome_codes(rows.labels, rows.decisions)
        ready = (rows.a.astype(np.int64) * 2 + rows.b) * 6 + codes
        start = time.perf_counter()
        part = count_cells(NAMES, [rows.a, rows.b], codes)
        total = part if total is None else merge_cells([total, part])
        middle = time.perf_counter()
        np.bincount(ready, minlength=60)
        limit += time.perf_counter() - middle
        spent += middle - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    agree = total is not None and int(total.counts.sum()) == size
    emit(f"stream in batches, peak {peak:.0f} MiB", size, spent, limit, None, agree, False)


def timed(work: Callable[[], Any], repeat: int = 5) -> tuple[float, Any]:
    """The shortest of several runs: on a shared machine the others measure the neighbours."""
    best, result = float("inf"), None
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def emit(
    work: str, size: int, ours_s: float, limit_s: float, peer_s: float | None,
    agree: bool | None, extrapolated: bool,
) -> None:  # fmt: skip
    """Print one comparison."""
    line = {
        "work": f"fairness: {work}", "size": size, "ours_s": ours_s,
        "peer": None if peer_s is None else PEER, "peer_s": peer_s, "limit_s": limit_s,
        "ratio": None if peer_s is None else peer_s / ours_s, "agree": agree,
        "extrapolated": extrapolated,
    }  # fmt: skip
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
