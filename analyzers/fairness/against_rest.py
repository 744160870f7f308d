"""Each group against everyone else: differences, the usual tests, and how many rows it concerns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.fairness.counting import Groups
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import benjamini_hochberg
from analyzers.toolkit.rates import count_rate, rate_named, wilson_ends

METRICS = ("selection_rate", "true_positive_rate", "false_positive_rate")
# Fisher's test costs more with more rows, and beyond this the normal test says the same.
MOST_FISHER_ROWS = 10_000
MOST_FISHER_TESTS = 500


def rest_table(groupings: Sequence[Groups], *, smallest: int) -> pa.Table:
    """Compare each group with all others, ranked by the difference that is certain.

    Ranked by the end of the interval nearer to 0: a small group with a wild difference does not
    outrank a large one with a sure difference.

    Args:
        groupings: as from `all_groupings`.
        smallest: rows a rate must rest on to be tested.
    """
    rows: list[dict[str, Any]] = []
    for groups in groupings:
        if groups.depth == 0 or len(groups.labels) < 2:
            continue
        for metric in METRICS:
            rows += _compare(groups, metric, smallest)
    tested = [row for row in rows if row["p_value"] is not None]
    adjusted = benjamini_hochberg(np.array([row["p_value"] for row in tested], dtype=np.float64))
    for row, p_adjusted in zip(tested, adjusted, strict=True):
        row["p_adjusted"], row["n_comparisons"] = float(p_adjusted), len(tested)
    rows.sort(key=lambda row: (-_certain(row), -abs(row["value"]), row["attributes"], row["group"]))
    return pa.Table.from_pylist(rows, schema=TABLES["against_rest"])


def selected_in(groupings: Sequence[Groups]) -> list[NDArray[np.int64]]:
    """For each grouping `(n_groups,)` selected rows."""
    rate = rate_named("selection_rate")
    return [count_rate(groups.counts, rate).successes for groups in groupings]


def impact_ratio_table(
    groupings: Sequence[Groups], chosen: Sequence[NDArray[np.int64]], kind: str
) -> pa.Table:
    """Rates over the highest category's rate, as New York City asks for them.

    Args:
        groupings: as from `all_groupings`.
        chosen: for each grouping `(n_groups,)` rows selected, or scored above the median.
        kind: "selection rate" or "scoring rate".

    References:
        New York City Local Law 144 of 2021; 6 RCNY 5-300 to 5-304.
    """
    rows = [
        row
        for groups, counts in zip(groupings, chosen, strict=True)
        if groups.depth > 0
        for row in _impact_rows(groups, groups.counts.sum(axis=1), counts, kind)
    ]
    return pa.Table.from_pylist(rows, schema=TABLES["impact_ratios"])


def fisher_exact(table: tuple[tuple[int, int], tuple[int, int]]) -> float:
    """Two-sided p-value of Fisher's exact test of a two by two table."""
    return float(stats.fisher_exact(np.array(table)).pvalue)


def _compare(groups: Groups, metric: str, smallest: int) -> list[dict[str, Any]]:
    successes, trials = count_rate(groups.counts, rate_named(metric))
    rest_successes, rest_trials = successes.sum() - successes, trials.sum() - trials
    low, high = wilson_ends(successes, trials)
    rest_low, rest_high = wilson_ends(rest_successes, rest_trials)
    use_fisher = trials.sum() <= MOST_FISHER_ROWS and len(trials) <= MOST_FISHER_TESTS
    rows = []
    for place in np.flatnonzero((trials > 0) & (rest_trials > 0)):
        s, n = int(successes[place]), int(trials[place])
        rest_s, rest_n = int(rest_successes[place]), int(rest_trials[place])
        rate, rest = s / n, rest_s / rest_n
        value = rate - rest
        below = float(np.hypot(rate - low[place], rest_high[place] - rest))
        above = float(np.hypot(high[place] - rate, rest - rest_low[place]))
        pooled = (s + rest_s) / (n + rest_n)
        error = float(np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / rest_n)))
        deviations = value / error if error > 0 else 0.0
        is_tested = min(n, rest_n) >= smallest
        p_value = None
        if is_tested and use_fisher:
            p_value = fisher_exact(((s, n - s), (rest_s, rest_n - rest_s)))
        elif is_tested:
            p_value = 2 * float(stats.norm.sf(abs(deviations)))
        rows.append(
            {
                "attributes": groups.attributes, "depth": groups.depth,
                "group": groups.labels[place], "metric": metric, "rate": rate, "rate_rest": rest,
                "value": value, "low": value - below, "high": value + above,
                "ratio": rate / rest if rest > 0 else None, "n": n, "n_rest": rest_n,
                "rows_concerned": abs(value) * n, "standard_deviations": deviations,
                "p_value": p_value, "p_adjusted": None, "n_comparisons": 0,
                "test": ("Fisher's exact" if use_fisher else "two proportions, normal")
                if is_tested else "",
            }
        )  # fmt: skip
    return rows


def _certain(row: dict[str, Any]) -> float:
    """Distance of the interval from 0, or 0 where it holds 0."""
    return float(max(row["low"], -row["high"], 0.0))


def _impact_rows(
    groups: Groups, n: NDArray[np.int64], selected: NDArray[np.int64], kind: str
) -> list[dict[str, Any]]:
    rates = selected / n
    is_small = n < 0.02 * n.sum()
    counted = rates[~is_small] if (~is_small).any() else rates
    highest = float(counted.max())
    return [
        {
            "attributes": groups.attributes, "category": label, "n": int(n[place]),
            "n_selected": int(selected[place]), "rate": float(rates[place]),
            "impact_ratio": float(rates[place]) / highest if highest > 0 else None,
            "is_below_two_percent": bool(is_small[place]), "kind": kind,
        }
        for place, label in enumerate(groups.labels)
    ]  # fmt: skip
