"""The table of group metrics: every rate of every group with its interval and n."""

from collections.abc import Callable, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.fairness.counting import Groups
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import redraw_counts
from analyzers.toolkit.rates import (
    RATES,
    balanced_accuracy,
    count_rate,
    f1_score,
    generalized_entropy,
    theil_index,
    treatment_ratio,
    wilson_ends,
)

COMPOUNDS: tuple[tuple[str, Callable[[NDArray[np.integer]], NDArray[np.float64]], str], ...] = (
    ("balanced_accuracy", balanced_accuracy, "One of the two outcomes has no rows."),
    ("f1", f1_score, "No row is positive, in truth or by decision."),
    ("treatment_ratio", treatment_ratio, "There is no false positive to divide by."),
    ("generalized_entropy", generalized_entropy, "No row with a known outcome has a benefit."),
    ("theil_index", theil_index, "No row with a known outcome has a benefit."),
)


def group_table(groupings: Sequence[Groups], *, smallest: int) -> pa.Table:
    """Every rate of every group with Wilson's interval; quick enough for a slider."""
    parts = []
    for groups in groupings:
        for rate in RATES:
            successes, trials = count_rate(groups.counts, rate)
            low, high = wilson_ends(successes, trials)
            with np.errstate(invalid="ignore", divide="ignore"):
                value = successes / trials
            parts.append(
                metric_columns(
                    groups, rate.name, value, low, high, trials, smallest=smallest,
                    method="Wilson", empty=rate.empty,
                )
            )  # fmt: skip
    return pa.concat_tables(parts) if parts else TABLES["groups"].empty_table()


def compound_table(
    groupings: Sequence[Groups], *, smallest: int, n_draws: int, seed: int
) -> pa.Table:
    """Metrics that combine counts in other ways, with percentiles of multinomial draws."""
    parts = []
    for place, groups in enumerate(groupings):
        drawn = redraw_counts(groups.counts, n_draws, np.random.default_rng([seed, place]))
        trials = groups.counts[:, 2:].sum(axis=1)
        for name, function, empty in COMPOUNDS:
            value = function(groups.counts)
            again = np.sort(function(drawn), axis=0)
            low, high = _percentiles(again)
            parts.append(
                metric_columns(
                    groups, name, value, np.fmin(low, value), np.fmax(high, value), trials,
                    smallest=smallest, method=f"percentiles of {n_draws:,} multinomial draws",
                    empty=empty,
                )
            )  # fmt: skip
    return pa.concat_tables(parts) if parts else TABLES["groups"].empty_table()


def metric_columns(
    groups: Groups,
    metric: str,
    value: NDArray[np.float64],
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    n: NDArray[np.int64],
    *,
    smallest: int,
    method: str,
    empty: str,
) -> pa.Table:
    """Write one metric of all groups of a grouping; NaN becomes null with the reason `empty`."""
    n_groups = len(groups.labels)
    missing = np.isnan(value)
    columns = [
        pa.array([groups.attributes] * n_groups),
        pa.array(np.full(n_groups, groups.depth, dtype=np.int32)),
        pa.array(list(groups.labels), pa.string()),
        pa.array([metric] * n_groups, pa.string()),
        pa.array(value, mask=missing),
        pa.array(low, mask=missing | np.isnan(low)),
        pa.array(high, mask=missing | np.isnan(high)),
        pa.array(n),
        pa.array(groups.counts.sum(axis=1)),
        pa.array(n < smallest),
        pa.array([method] * n_groups, pa.string()),
        pa.array([empty if is_missing else "" for is_missing in missing], pa.string()),
    ]
    return pa.Table.from_arrays(columns, schema=TABLES["groups"])


def _percentiles(ordered: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Central 95 % of sorted draws with NaN at the end; NaN where half the draws have no value."""
    known = (~np.isnan(ordered)).sum(axis=0)
    enough = known >= max(1, len(ordered) // 2)
    columns = np.arange(ordered.shape[1])
    ends = []
    for share in (0.025, 0.975):
        rank = np.clip(np.round(share * (known - 1)), 0, None).astype(np.int64)
        ends.append(np.where(enough, ordered[rank, columns], np.nan))
    return ends[0], ends[1]
