"""Group fairness of numbers: errors by group, and how far the predictions' distributions differ."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.result import Estimate, Fact, Measurements
from analyzers.core.workbench import Workbench
from analyzers.fairness.attribution import attribution_table
from analyzers.fairness.comparing import empty_row
from analyzers.fairness.counting import Groups, Names, all_groupings, count_cells
from analyzers.fairness.decisions import attribute_table, attributes_of, cell_table, estimates_of
from analyzers.fairness.grouping import metric_columns
from analyzers.fairness.params import FairnessParams
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import benjamini_hochberg, normal_spread, widest_band
from analyzers.toolkit.groups import group_by
from analyzers.toolkit.intervals import mean_estimate

NO_OUTCOME = "No row of the group has a known outcome."
_HISTOGRAM_BINS = 30
_METRICS = ("mean_prediction", "mean_outcome", "mean_error", "mean_absolute_error")
_COMPARED = ("mean_prediction", "mean_error", "mean_absolute_error")


def measure_numbers(bench: Workbench, params: FairnessParams) -> Measurements:
    """Measure a regression model."""
    predictions = bench.need_predictions()
    attributes, left_out = attributes_of(bench, params)
    predicted = np.asarray(predictions.predicted, dtype=np.float64)
    actual = (
        np.full(len(predicted), np.nan)
        if predictions.labels is None
        else np.asarray(predictions.labels, dtype=np.float64)
    )
    names = tuple(Names(item.name, item.levels) for item in attributes)
    codes = [item.codes for item in attributes]
    # Every row counts as an unlabelled rejection: only the sizes of the groups are used here.
    cells = count_cells(names, codes, np.zeros(len(predicted), dtype=np.int64))
    member = group_by(np.stack(codes, axis=1), [len(name.levels) for name in names]).members
    groupings = all_groupings(cells, params.depth)
    seed = int(bench.rng.integers(2**31))
    group_parts, disparities = [], []
    distributions: list[dict[str, Any]] = []
    for place, groups in enumerate(bench.track(groupings, "Comparing groups")):
        rows_of = _rows_by_group(groups.members[member], len(groups.labels))
        estimates = _estimates(actual, predicted, rows_of)
        group_parts += [_columns(groups, name, estimates[name], params) for name in _METRICS]
        if groups.depth == 0:
            continue
        rng = np.random.default_rng([seed, place])
        disparities += [_widest(groups, name, estimates[name], params, rng) for name in _COMPARED]
        distances, worst = _kolmogorov(groups, predicted, rows_of, params)
        group_parts.append(distances)
        disparities.append(worst)
        if groups.depth == 1:
            distributions += _distribution_rows(groups, predicted, rows_of, params)
    _adjust(disparities)
    table = pa.Table.from_pylist(disparities, schema=TABLES["disparities"])
    facts: dict[str, Fact] = {
        "task": "regression", "n": len(predicted), "n_unlabelled": int(np.isnan(actual).sum()),
        "smallest_group": params.smallest_group, "depth": params.depth, "draws": params.draws,
        "bootstrap_seed": seed, "left_out": "; ".join(left_out),
    }  # fmt: skip
    more: dict[str, pa.Table] = {}
    if params.search and bench.model is not None:
        more["attributions"] = attribution_table(
            bench, attributes, predicted, 0, smallest=params.smallest_group
        )
    return Measurements(
        estimates=estimates_of(table),
        facts=facts,
        tables=more
        | {
            "attributes": attribute_table(attributes),
            "cells": cell_table(cells),
            "groups": pa.concat_tables(group_parts),
            "disparities": table,
            "distributions": pa.Table.from_pylist(distributions, schema=TABLES["distributions"]),
        },
    )


def kolmogorov_distance(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Largest distance between two empirical distributions, in [0, 1].

    Args:
        first: `(n_first,)` sorted.
        second: `(n_second,)` sorted.
    """
    points = np.concatenate([first, second])
    below_first = np.searchsorted(first, points, side="right") / len(first)
    below_second = np.searchsorted(second, points, side="right") / len(second)
    return float(np.abs(below_first - below_second).max())


def _rows_by_group(member: NDArray[np.int64], n_groups: int) -> list[NDArray[np.int64]]:
    order = np.argsort(member, kind="stable")
    ends = np.searchsorted(member[order], np.arange(n_groups + 1))
    return [order[ends[number] : ends[number + 1]] for number in range(n_groups)]


def _estimates(
    actual: NDArray[np.float64], predicted: NDArray[np.float64], rows_of: list[NDArray[np.int64]]
) -> dict[str, list[Estimate]]:
    found: dict[str, list[Estimate]] = {name: [] for name in _METRICS}
    for rows in rows_of:
        known = rows[np.isfinite(actual[rows])]
        errors = predicted[known] - actual[known]
        found["mean_prediction"].append(mean_estimate(predicted[rows]))
        found["mean_outcome"].append(mean_estimate(actual[known]))
        found["mean_error"].append(mean_estimate(errors))
        found["mean_absolute_error"].append(mean_estimate(np.abs(errors)))
    return found


def _columns(
    groups: Groups, name: str, estimates: Sequence[Estimate], params: FairnessParams
) -> pa.Table:
    value, low, high = (
        np.array([_or_nan(getattr(item, end)) for item in estimates])
        for end in ("value", "low", "high")
    )
    n = np.array([item.n for item in estimates], dtype=np.int64)
    return metric_columns(
        groups, name, value, low, high, n, smallest=params.smallest_group, method="Student's t",
        empty=NO_OUTCOME,
    )  # fmt: skip


def _widest(
    groups: Groups,
    name: str,
    estimates: Sequence[Estimate],
    params: FairnessParams,
    rng: np.random.Generator,
) -> dict[str, Any]:
    metric = f"{name}_difference"
    measured = [place for place, item in enumerate(estimates) if item.low is not None]
    large = [place for place in measured if estimates[place].n >= params.smallest_group]
    kept = large if len(large) >= 2 else measured
    if len(kept) < 2:
        reason = "Fewer than two groups have rows enough for a mean with an interval."
        return empty_row(groups, metric, name, reason)
    value = np.array([_or_nan(estimates[place].value) for place in kept])
    n = np.array([estimates[place].n for place in kept])
    half = np.array([_or_nan(estimates[p].high) - _or_nan(estimates[p].value) for p in kept])
    errors = half / stats.t.ppf(0.975, n - 1)
    band = widest_band(normal_spread(value, errors, params.draws, rng))
    top, bottom = int(value.argmax()), int(value.argmin())
    return empty_row(groups, metric, name, "") | {
        "value": float(value[top] - value[bottom]), "low": band.low, "high": band.high,
        "n": int(n.min()), "n_rows": int(n.sum()), "n_groups": len(kept),
        "n_left_out": len(estimates) - len(kept), "highest": groups.labels[kept[top]],
        "highest_value": float(value[top]), "lowest": groups.labels[kept[bottom]],
        "lowest_value": float(value[bottom]), "p_value": band.p_value,
        "method": "normal limit of means, max-t over all pairs of groups",
    }  # fmt: skip


def _kolmogorov(
    groups: Groups,
    predicted: NDArray[np.float64],
    rows_of: list[NDArray[np.int64]],
    params: FairnessParams,
) -> tuple[pa.Table, dict[str, Any]]:
    """Distance of each group's predictions from those of everyone else, and the largest of them."""
    values, sizes, p_values = [], [], []
    everyone = np.sort(predicted)
    for rows in rows_of:
        mine = np.sort(predicted[rows])
        n_rest = len(everyone) - len(mine)
        sizes.append(len(mine))
        if n_rest == 0:
            values.append(np.nan)
            p_values.append(np.nan)
            continue
        rest = np.sort(np.delete(predicted, rows))
        distance = kolmogorov_distance(mine, rest)
        values.append(distance)
        effective = math.sqrt(len(mine) * n_rest / (len(mine) + n_rest))
        p_values.append(float(stats.kstwobign.sf(effective * distance)))
    value, n = np.array(values), np.array(sizes, dtype=np.int64)
    low, high = _distance_ends(value, n, len(predicted) - n)
    table = metric_columns(
        groups, "kolmogorov_distance", value, low, high, n, smallest=params.smallest_group,
        method="Dvoretzky-Kiefer-Wolfowitz-Massart bounds",
        empty="Everyone is in this group; there is nobody to compare with.",
    )  # fmt: skip
    large = np.flatnonzero(~np.isnan(value) & (n >= params.smallest_group))
    kept = large if len(large) >= 2 else np.flatnonzero(~np.isnan(value))
    name = "kolmogorov_distance"
    if not len(kept):
        return table, empty_row(groups, name, name, "There is only one group.")
    worst = int(kept[value[kept].argmax()])
    return table, empty_row(groups, name, name, "") | {
        "value": float(value[worst]), "low": float(low[worst]), "high": float(high[worst]),
        "n": int(n[worst]), "n_rows": len(predicted), "n_groups": len(kept),
        "n_left_out": len(value) - len(kept), "highest": groups.labels[worst],
        "highest_value": float(value[worst]), "lowest": "everyone else", "lowest_value": None,
        # Bonferroni over the groups, because the worst of them is reported.
        "p_value": min(1.0, float(p_values[worst]) * len(kept)),
        "method": "Dvoretzky-Kiefer-Wolfowitz-Massart bounds, group against everyone else",
    }  # fmt: skip


def _distance_ends(
    value: NDArray[np.float64], n: NDArray[np.int64], n_rest: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The true distance lies within the sum of both samples' uniform bands, each at 97.5 %.

    References:
        Massart 1990.
    """
    reach = math.sqrt(math.log(2 / 0.025) / 2)
    with np.errstate(divide="ignore"):
        band = reach / np.sqrt(n) + reach / np.sqrt(n_rest)
    return np.maximum(value - band, 0.0), np.minimum(value + band, 1.0)


def _distribution_rows(
    groups: Groups,
    predicted: NDArray[np.float64],
    rows_of: list[NDArray[np.int64]],
    params: FairnessParams,
) -> list[dict[str, Any]]:
    low, high = float(predicted.min()), float(predicted.max())
    ends = (low, high) if high > low else (low - 0.5, high + 0.5)
    rows: list[dict[str, Any]] = []
    for number, members in enumerate(rows_of):
        if len(members) < params.smallest_group:
            continue
        heights, edges = np.histogram(predicted[members], bins=_HISTOGRAM_BINS, range=ends)
        rows += [
            {
                "attribute": groups.attributes, "group": groups.labels[number],
                "bin_low": float(edges[bin_]), "bin_high": float(edges[bin_ + 1]),
                "count": int(height), "share": int(height) / len(members),
            }
            for bin_, height in enumerate(heights)
        ]  # fmt: skip
    return rows


def _adjust(rows: list[dict[str, Any]]) -> None:
    tested = [row for row in rows if row["p_value"] is not None]
    adjusted = benjamini_hochberg(np.array([row["p_value"] for row in tested], dtype=np.float64))
    for row, p_adjusted in zip(tested, adjusted, strict=True):
        row["p_adjusted"], row["n_comparisons"] = float(p_adjusted), len(tested)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
