"""Differences and ratios between groups, with intervals that hold for the widest pair."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker, untracked
from analyzers.fairness.counting import Groups
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import (
    Spread,
    benjamini_hochberg,
    rate_spread,
    redraw_counts,
    widest_band,
)
from analyzers.toolkit.rates import count_rate, rate_named

METHOD = "max-t multinomial bootstrap over all pairs of groups"


class Disparity(NamedTuple):
    """A difference (largest minus smallest) or ratio (smallest over largest) of rates.

    Attributes:
        name: without its kind; "_difference" or "_ratio" is added.
        rates: the rates compared; the worse one counts where there are two.
        is_tested: counts among the comparisons (the others repeat a test or describe the data).
    """

    name: str
    rates: tuple[str, ...]
    is_tested: bool


DISPARITIES = (
    Disparity("demographic_parity", ("selection_rate",), is_tested=True),
    Disparity("equal_opportunity", ("true_positive_rate",), is_tested=True),
    Disparity("false_positive_rate", ("false_positive_rate",), is_tested=True),
    Disparity("equalized_odds", ("true_positive_rate", "false_positive_rate"), is_tested=False),
    Disparity("predictive_parity", ("positive_predictive_value",), is_tested=True),
    Disparity("negative_predictive_value", ("negative_predictive_value",), is_tested=True),
    Disparity("accuracy", ("accuracy",), is_tested=True),
    Disparity("false_negative_rate", ("false_negative_rate",), is_tested=False),
    Disparity("true_negative_rate", ("true_negative_rate",), is_tested=False),
    Disparity("base_rate", ("base_rate",), is_tested=False),
)


class _Compared(NamedTuple):
    """One rate over the groups that can be compared."""

    positions: NDArray[np.int64]
    successes: NDArray[np.int64]
    trials: NDArray[np.int64]
    n_left_out: int

    @property
    def values(self) -> NDArray[np.float64]:
        return self.successes / self.trials


def disparity_table(
    groupings: Sequence[Groups],
    *,
    smallest: int,
    n_draws: int,
    seed: int,
    track: Tracker = untracked,
) -> pa.Table:
    """Compare the groups of every grouping in every rate.

    A group enters a comparison where the rate rests on at least `smallest` rows. Where fewer than
    two do, all groups are compared and n says on how few rows that rests.

    Args:
        groupings: as from `all_groupings`; "everyone" is passed over.
        smallest: rows a rate must rest on.
        n_draws: bootstrap draws.
        seed: each grouping draws from its own stream of it.
        track: reports progress.
    """
    rows: list[dict[str, Any]] = []
    for place, groups in enumerate(track(groupings, "Comparing groups")):
        if groups.depth == 0:
            continue
        drawn = redraw_counts(groups.counts, n_draws, np.random.default_rng([seed, place]))
        for disparity in DISPARITIES:
            rows += _compare(groups, drawn, disparity, smallest)
    _adjust(rows)
    return pa.Table.from_pylist(rows, schema=TABLES["disparities"])


def _compare(
    groups: Groups, drawn: NDArray[np.int64], disparity: Disparity, smallest: int
) -> list[dict[str, Any]]:
    compared = [_compared(groups, name, smallest) for name in disparity.rates]
    short = [part for part in compared if len(part.positions) < 2]
    if short:
        reason = _too_few(groups, disparity, short[0])
        return [
            empty_row(groups, f"{disparity.name}_{kind}", disparity.rates[0], reason)
            for kind in ("difference", "ratio")
        ]
    rows = []
    for kind in ("difference", "ratio"):
        is_ratio = kind == "ratio"
        gaps = [_gap(part.values, is_ratio=is_ratio) for part in compared]
        if np.isnan(gaps).any():
            reason = "The rate is 0 in every group."
            metric = f"{disparity.name}_{kind}"
            rows.append(empty_row(groups, metric, disparity.rates[0], reason))
            continue
        spreads = [
            _spread(part, drawn, name, is_ratio=is_ratio)
            for part, name in zip(compared, disparity.rates, strict=True)
        ]
        band = widest_band(*spreads)
        worst = int(np.argmin(gaps) if is_ratio else np.argmax(gaps))
        value = float(gaps[worst])
        low, high = (np.exp(-band.high), np.exp(-band.low)) if is_ratio else (band.low, band.high)
        if is_ratio and compared[worst].successes.min() == 0:
            low = 0.0
        part = compared[worst]
        top, bottom = int(part.values.argmax()), int(part.values.argmin())
        p_value = band.p_value if not is_ratio else rows[-1]["p_value"] if rows else None
        rows.append(
            {
                "attributes": groups.attributes, "depth": groups.depth,
                "metric": f"{disparity.name}_{kind}", "rate": disparity.rates[worst],
                "value": value, "low": min(float(low), value),
                "high": min(max(float(high), value), 1.0), "n": int(part.trials.min()),
                "n_rows": int(part.trials.sum()), "n_groups": len(part.positions),
                "n_left_out": part.n_left_out,
                "highest": groups.labels[part.positions[top]],
                "highest_value": float(part.values[top]),
                "lowest": groups.labels[part.positions[bottom]],
                "lowest_value": float(part.values[bottom]),
                "p_value": p_value, "p_adjusted": None, "n_comparisons": 0, "method": METHOD,
                "reason": "",
            }
        )  # fmt: skip
    return rows


def _compared(groups: Groups, name: str, smallest: int) -> _Compared:
    successes, trials = count_rate(groups.counts, rate_named(name))
    large = np.flatnonzero(trials >= max(smallest, 1))
    kept = large if len(large) >= 2 else np.flatnonzero(trials > 0)
    return _Compared(kept, successes[kept], trials[kept], len(trials) - len(kept))


def _gap(values: NDArray[np.float64], *, is_ratio: bool) -> float:
    largest, smallest = float(values.max()), float(values.min())
    if not is_ratio:
        return largest - smallest
    return smallest / largest if largest > 0 else float("nan")


def _spread(part: _Compared, drawn: NDArray[np.int64], name: str, *, is_ratio: bool) -> Spread:
    again = count_rate(drawn[:, part.positions], rate_named(name))
    return rate_spread(
        part.successes, part.trials, again.successes, again.trials, is_ratio=is_ratio
    )


def _too_few(groups: Groups, disparity: Disparity, part: _Compared) -> str:
    if len(groups.labels) < 2:
        return f"There is only one group, {groups.labels[0]!r}; nothing can be compared."
    if not len(part.positions):
        return rate_named(disparity.rates[0]).empty
    group = groups.labels[part.positions[0]]
    return f"The rate can be computed for one group only, {group!r}; nothing can be compared."


def empty_row(groups: Groups, metric: str, rate: str, reason: str) -> dict[str, Any]:
    """A row of the table "disparities" without a value."""
    row: dict[str, Any] = dict.fromkeys(TABLES["disparities"].names)
    return row | {
        "attributes": groups.attributes, "depth": groups.depth, "metric": metric, "rate": rate,
        "n": 0, "n_rows": 0, "n_groups": 0, "n_left_out": 0, "highest": "", "lowest": "",
        "n_comparisons": 0, "method": "", "reason": reason,
    }  # fmt: skip


def _adjust(rows: list[dict[str, Any]]) -> None:
    """Correct the p-values of the tested differences for how many of them there are."""
    tested = {f"{item.name}_difference" for item in DISPARITIES if item.is_tested}
    mine = [row for row in rows if row["metric"] in tested and row["p_value"] is not None]
    adjusted = benjamini_hochberg(np.array([row["p_value"] for row in mine], dtype=np.float64))
    for row, p_adjusted in zip(mine, adjusted, strict=True):
        row["p_adjusted"] = float(p_adjusted)
        row["n_comparisons"] = len(mine)
