"""Does a difference between groups remain, shrink or turn round among people alike in something?"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.workbench import Tracker
from analyzers.fairness.counting import Cells, Names, count_cells, groups_of
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.rates import count_rate, rate_named

ALL_STRATA = "all strata, weighted"


def condition_table(
    attributes: Sequence[Attribute],
    features: Sequence[Attribute],
    outcomes: NDArray[np.integer],
    *,
    smallest: int,
    track: Tracker,
) -> pa.Table:
    """Compare the most and the least selected group again within the strata of every feature.

    The strata are put together with Mantel and Haenszel's weights. A sign flips where the plain and
    the weighted difference both exclude 0, on opposite sides, at a level that is divided by the
    number of features (Bonferroni).

    Args:
        attributes: the sensitive columns.
        features: columns that may account for a difference.
        outcomes: `(n_rows,)` 0 to 5, as in `toolkit.rates`.
        smallest: rows a group needs to be compared.
        track: reports progress.

    References:
        Simpson 1951; Mantel and Haenszel 1959; Greenland and Robins 1985.
    """
    z = float(stats.norm.ppf(1 - 0.025 / max(1, len(features) * len(attributes))))
    rows: list[dict[str, Any]] = []
    for attribute in track(attributes, "Comparing within strata"):
        for feature in features:
            if feature.name == attribute.name:
                continue
            names = (
                Names(attribute.name, attribute.levels),
                Names(feature.name, feature.levels),
            )
            cells = count_cells(names, [attribute.codes, feature.codes], outcomes)
            rows += _compare(cells, smallest, z)
    return pa.Table.from_pylist(rows, schema=TABLES["conditions"])


def _compare(cells: Cells, smallest: int, z: float) -> list[dict[str, Any]]:
    rate = rate_named("selection_rate")
    alone = groups_of(cells, [0])
    successes, trials = count_rate(alone.counts, rate)
    large = np.flatnonzero(trials >= max(smallest, 1))
    if len(large) < 2:
        return []
    shares = successes[large] / trials[large]
    top, bottom = int(large[shares.argmax()]), int(large[shares.argmin()])
    crude = shares.max() - shares.min()
    crude_error = np.sqrt(sum(_variance(successes[g], trials[g]) for g in (top, bottom)))
    high_code, low_code = (
        int(cells.codes[np.flatnonzero(alone.members == group)[0], 0]) for group in (top, bottom)
    )
    first, n_first = _by_stratum(cells, high_code)
    second, n_second = _by_stratum(cells, low_code)
    both = np.flatnonzero((n_first > 0) & (n_second > 0))
    if not len(both):
        return []
    first, n_first, second, n_second = (item[both] for item in (first, n_first, second, n_second))
    gaps = first / n_first - second / n_second
    variances = _variance(first, n_first) + _variance(second, n_second)
    weights = n_first * n_second / (n_first + n_second)
    adjusted = float(weights @ gaps / weights.sum())
    error = float(np.sqrt(weights**2 @ variances) / weights.sum())
    flips = bool(crude - z * crude_error > 0 and adjusted + z * error < 0)
    shared = {
        "attribute": cells.names[0].attribute, "condition": cells.names[1].attribute,
        "highest": alone.labels[top], "lowest": alone.labels[bottom],
        "plain_difference": float(crude), "flips": flips,
    }  # fmt: skip
    found = [
        shared | {
            "stratum": ALL_STRATA, "value": adjusted, "low": adjusted - z * error,
            "high": adjusted + z * error, "n_highest": int(n_first.sum()),
            "n_lowest": int(n_second.sum()),
        }
    ]  # fmt: skip
    for place, stratum in enumerate(both):
        reach = z * float(np.sqrt(variances[place]))
        found.append(
            shared | {
                "stratum": cells.names[1].levels[stratum], "value": float(gaps[place]),
                "low": float(gaps[place]) - reach, "high": float(gaps[place]) + reach,
                "n_highest": int(n_first[place]), "n_lowest": int(n_second[place]),
            }
        )  # fmt: skip
    return found


def _by_stratum(cells: Cells, code: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Selected rows and all rows of one group in every stratum, `(n_strata,)` each."""
    mine = cells.codes[:, 0] == code
    strata = cells.codes[mine, 1]
    successes, trials = count_rate(cells.counts[mine], rate_named("selection_rate"))
    n_strata = len(cells.names[1].levels)
    selected, everyone = np.zeros(n_strata, dtype=np.int64), np.zeros(n_strata, dtype=np.int64)
    selected[strata], everyone[strata] = successes, trials
    return selected, everyone


def _variance(successes: NDArray[np.int64], trials: NDArray[np.int64]) -> NDArray[np.float64]:
    """Variance of a rate with one success and one failure added, so that it is never 0."""
    share = (successes + 1) / (trials + 2)
    return np.asarray(share * (1 - share) / (trials + 2))
