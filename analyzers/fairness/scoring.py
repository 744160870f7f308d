"""Scores by group: counted once, after which thresholds, curves and areas are look-ups."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.fairness.counting import Groups
from analyzers.fairness.grouping import metric_columns
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import normal_spread, widest_band
from analyzers.toolkit.curves import (
    GRID_STEP,
    MOST_EXACT_SCORES,
    ScoreCounts,
    calibration_bins,
    coarsen,
    on_grid,
    roc_auc,
    threshold_curve,
)
from analyzers.toolkit.rates import wilson_ends

_POINTS = 120
_BINS = 10
_HISTOGRAM_BINS = 30
NO_SPREAD = "The group has rows of one outcome only."


class CellScores(NamedTuple):
    """Rows with equal score, cell and label, put together; ascending by score.

    Attributes:
        scores: `(n,)` in [0, 1].
        cells: `(n,)` positions of the finest groups.
        labels: `(n,)` -1 for missing, 0, 1.
        counts: `(n,)` rows.
        step: thresholds at multiples of it are exact; 0 where all are.
    """

    scores: NDArray[np.float64]
    cells: NDArray[np.int64]
    labels: NDArray[np.int64]
    counts: NDArray[np.int64]
    step: float = 0.0


def count_cell_scores(
    scores: NDArray[np.float64], cells: NDArray[np.int64], labels: NDArray[np.int64]
) -> CellScores:
    """Count rows by score, cell and label; on a grid of 1/10,000 where too many differ."""
    counted = _count(scores, cells, labels)
    if len(counted.scores) <= MOST_EXACT_SCORES:
        return counted
    return _count(on_grid(scores), cells, labels)._replace(step=GRID_STEP)


def score_table(counted: CellScores) -> pa.Table:
    """Write the counts as the table "scores"."""
    columns = [
        pa.array(counted.scores), pa.array(counted.cells.astype(np.int32)),
        pa.array(counted.labels.astype(np.int8)), pa.array(counted.counts),
    ]  # fmt: skip
    return pa.Table.from_arrays(columns, schema=TABLES["scores"])


def scores_by_group(
    counted: CellScores, groups: Groups
) -> Iterator[tuple[int, ScoreCounts, ScoreCounts]]:
    """Yield each group's number, its labelled scores, and all of its scores as if negative."""
    member = groups.members[counted.cells]
    order = np.argsort(member, kind="stable")
    starts = np.searchsorted(member[order], np.arange(len(groups.labels) + 1))
    for number in range(len(groups.labels)):
        rows = order[starts[number] : starts[number + 1]]
        score, label, count = counted.scores[rows], counted.labels[rows], counted.counts[rows]
        nobody = np.zeros_like(count)
        yield (
            number,
            _merge_equal(
                score, np.where(label == 0, count, nobody), np.where(label == 1, count, nobody)
            ),
            _merge_equal(score, count, nobody),
        )


def score_metric_table(
    counted: CellScores, groupings: Sequence[Groups], *, smallest: int
) -> pa.Table:
    """Mean score, score rate, area under the ROC curve and calibration gap of every group."""
    median = weighted_median(counted)
    parts = []
    for groups in groupings:
        n_groups = len(groups.labels)
        values = {name: np.full((3, n_groups), np.nan) for name in SCORE_METRICS}
        sizes = {name: np.zeros(n_groups, dtype=np.int64) for name in SCORE_METRICS}
        for number, labelled, everyone in scores_by_group(counted, groups):
            for name, measured, n in _measure_group(labelled, everyone, median):
                values[name][:, number] = measured
                sizes[name][number] = n
        for name, (value, low, high) in values.items():
            parts.append(
                metric_columns(
                    groups, name, value, low, high, sizes[name], smallest=smallest,
                    method=SCORE_METRICS[name], empty=NO_SPREAD,
                )
            )  # fmt: skip
    return pa.concat_tables(parts)


def area_disparities(group_metrics: pa.Table, *, n_draws: int, seed: int) -> list[dict[str, Any]]:
    """The widest difference of areas under the ROC curve, for each grouping.

    Args:
        group_metrics: rows of the table "groups".
        n_draws: draws of the normal limit.
        seed: source of the draws.
    """
    frame = group_metrics.filter(
        pa.array([name == "roc_auc" for name in group_metrics["metric"].to_pylist()], pa.bool_())
    ).to_pandas()
    rows = []
    for place, (attributes, table) in enumerate(frame.groupby("attributes", sort=True)):
        if not attributes:
            continue
        kept = table[table["low"].notna() & ~table["is_small"]]
        row: dict[str, Any] = dict.fromkeys(TABLES["disparities"].names)
        row |= {
            "attributes": attributes, "depth": int(table["depth"].iloc[0]),
            "metric": "roc_auc_difference", "rate": "roc_auc", "n": 0, "n_rows": 0,
            "n_groups": len(kept), "n_left_out": len(table) - len(kept), "highest": "",
            "lowest": "", "n_comparisons": 0, "method": "",
            "reason": "Fewer than two groups are large enough for an area with an interval.",
        }  # fmt: skip
        if len(kept) >= 2:
            value = kept["value"].to_numpy()
            errors = (kept["high"] - kept["low"]).to_numpy() / (2 * 1.959964)
            spread = normal_spread(value, errors, n_draws, np.random.default_rng([seed, place]))
            band = widest_band(spread)
            top, bottom = int(value.argmax()), int(value.argmin())
            row |= {
                "value": float(value.max() - value.min()), "low": band.low, "high": band.high,
                "n": int(kept["n"].min()), "n_rows": int(kept["n"].sum()),
                "highest": kept["group"].iloc[top], "highest_value": float(value[top]),
                "lowest": kept["group"].iloc[bottom], "lowest_value": float(value[bottom]),
                "p_value": band.p_value, "reason": "",
                "method": "DeLong, max-t over all pairs of groups",
            }  # fmt: skip
        rows.append(row)
    return rows


def curve_tables(
    counted: CellScores, groupings: Sequence[Groups], *, smallest: int
) -> dict[str, pa.Table]:
    """ROC, calibration and score distribution of the groups of each single attribute."""
    roc: list[dict[str, Any]] = []
    calibration: list[dict[str, Any]] = []
    distributions: list[dict[str, Any]] = []
    for groups in groupings:
        if groups.depth != 1:
            continue
        for number, labelled, everyone in scores_by_group(counted, groups):
            name = {"attribute": groups.attributes, "group": groups.labels[number]}
            if everyone.negatives.sum() < smallest:
                continue
            distributions += _distribution_rows(name, everyone)
            n_negatives, n_positives = int(labelled.negatives.sum()), int(labelled.positives.sum())
            if min(n_negatives, n_positives) > 0 and n_negatives + n_positives >= smallest:
                roc += _roc_rows(name, labelled)
                calibration += _calibration_rows(name, labelled)
    found = {"roc": roc, "calibration": calibration, "distributions": distributions}
    return {
        name: pa.Table.from_pylist(rows, schema=TABLES[name])
        for name, rows in found.items()
        if rows
    }


def above_median(counted: CellScores, groupings: Sequence[Groups]) -> list[NDArray[np.int64]]:
    """For each grouping `(n_groups,)` rows with a score above the median of all rows."""
    upper = counted.counts * (counted.scores > weighted_median(counted))
    return [
        np.bincount(
            groups.members[counted.cells], weights=upper, minlength=len(groups.labels)
        ).astype(np.int64)
        for groups in groupings
    ]


def weighted_median(counted: CellScores) -> float:
    """The smallest score that at least half of all rows do not exceed."""
    running = np.cumsum(counted.counts)
    return float(counted.scores[np.searchsorted(running, running[-1] / 2)])


SCORE_METRICS = {
    "mean_score": "Student's t",
    "score_rate": "Wilson",
    "roc_auc": "DeLong, logit scale",
    "calibration_gap": "Student's t",
}


def _measure_group(
    labelled: ScoreCounts, everyone: ScoreCounts, median: float
) -> Iterator[tuple[str, tuple[float, float, float], int]]:
    n = int(everyone.negatives.sum())
    yield "mean_score", _mean(everyone.scores, everyone.negatives), n
    start = int(np.searchsorted(everyone.scores, median, side="right"))
    above = np.array([everyone.negatives[start:].sum()])
    low, high = wilson_ends(above, np.array([n]))
    yield "score_rate", (float(above[0]) / n, float(low[0]), float(high[0])), n
    area = roc_auc(labelled)
    if area.value is not None:
        ends = (area.low, area.high)
        low_end, high_end = (float("nan") if end is None else end for end in ends)
        yield "roc_auc", (area.value, low_end, high_end), area.n
    n_labelled = int(labelled.negatives.sum() + labelled.positives.sum())
    if n_labelled:
        residual = np.concatenate([labelled.scores, labelled.scores - 1])
        weights = np.concatenate([labelled.negatives, labelled.positives])
        yield "calibration_gap", _mean(residual, weights), n_labelled


def _mean(values: NDArray[np.float64], weights: NDArray[np.int64]) -> tuple[float, float, float]:
    n = int(weights.sum())
    # Sums instead of dot products: their result does not depend on the number of threads.
    mean = float((values * weights).sum() / n)
    if n < 2:
        return mean, float("nan"), float("nan")
    error = float(np.sqrt(((values - mean) ** 2 * weights).sum() / (n - 1) / n))
    half = float(stats.t.ppf(0.975, n - 1)) * error
    return mean, mean - half, mean + half


def _count(
    scores: NDArray[np.float64], cells: NDArray[np.int64], labels: NDArray[np.int64]
) -> CellScores:
    key = cells * 3 + labels + 1
    order = np.lexsort((key, scores))
    score, ordered = scores[order], key[order]
    starts = np.flatnonzero(np.r_[True, (np.diff(score) > 0) | (np.diff(ordered) != 0)])
    counts = np.diff(np.r_[starts, len(score)])
    kept = ordered[starts]
    return CellScores(score[starts], kept // 3, kept % 3 - 1, counts)


def _merge_equal(
    scores: NDArray[np.float64], negatives: NDArray[np.int64], positives: NDArray[np.int64]
) -> ScoreCounts:
    occurs = (negatives + positives) > 0
    scores, negatives, positives = scores[occurs], negatives[occurs], positives[occurs]
    if not len(scores):
        return ScoreCounts(scores, negatives, positives)
    starts = np.flatnonzero(np.r_[True, np.diff(scores) > 0])
    return ScoreCounts(
        scores[starts], np.add.reduceat(negatives, starts), np.add.reduceat(positives, starts)
    )


def _roc_rows(name: dict[str, str], labelled: ScoreCounts) -> list[dict[str, Any]]:
    curve = threshold_curve(coarsen(labelled, _POINTS))
    return [
        {
            **name, "threshold": None if np.isinf(threshold) else float(threshold),
            "false_positive_rate": int(false) / curve.n_negatives,
            "true_positive_rate": int(true) / curve.n_positives,
            "n_negatives": curve.n_negatives, "n_positives": curve.n_positives,
        }
        for threshold, false, true in zip(
            curve.thresholds, curve.false_positives, curve.true_positives, strict=True
        )
    ]  # fmt: skip


def _calibration_rows(name: dict[str, str], labelled: ScoreCounts) -> list[dict[str, Any]]:
    bins = calibration_bins(labelled, _BINS)
    lows, highs = wilson_ends(bins.positives, bins.n)
    return [
        {
            **name, "bin_low": float(bins.lows[place]), "bin_high": float(bins.highs[place]),
            "mean_score": float(bins.mean_scores[place]),
            "observed": int(bins.positives[place]) / int(bins.n[place]),
            "low": float(lows[place]), "high": float(highs[place]), "n": int(bins.n[place]),
        }
        for place in range(len(bins.n))
    ]  # fmt: skip


def _distribution_rows(name: dict[str, str], everyone: ScoreCounts) -> list[dict[str, Any]]:
    place = np.minimum((everyone.scores * _HISTOGRAM_BINS).astype(np.int64), _HISTOGRAM_BINS - 1)
    heights = np.bincount(place, weights=everyone.negatives, minlength=_HISTOGRAM_BINS)
    total = float(heights.sum())
    return [
        {
            **name, "bin_low": bin_ / _HISTOGRAM_BINS, "bin_high": (bin_ + 1) / _HISTOGRAM_BINS,
            "count": int(height), "share": float(height) / total,
        }
        for bin_, height in enumerate(heights)
    ]  # fmt: skip
