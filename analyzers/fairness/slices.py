"""Which rows does the model serve worst? Found without being told which column to look at."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy import stats

from analyzers.core.workbench import Tracker
from analyzers.fairness.counting import Groups, Names, count_cells, groups_of
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import benjamini_hochberg
from analyzers.toolkit.groups import Attribute
from analyzers.toolkit.rates import count_rate, rate_named, wilson_ends

MOST_SLICES = 20


def slice_table(
    columns: Sequence[Attribute],
    outcomes: NDArray[np.integer],
    *,
    smallest: int,
    track: Tracker,
) -> pa.Table:
    """Search all values of one column and of two columns for the highest error rates.

    A slice of two columns is kept only where its error rate is certainly above that of both slices
    it is cut from; otherwise the shorter description says as much. p-values are corrected for
    every slice that was looked at (Benjamini-Hochberg).

    Args:
        columns: features and sensitive columns as groups.
        outcomes: `(n_rows,)` 0 to 5, as in `toolkit.rates`.
        smallest: rows with a known outcome that a slice needs.
        track: reports progress.

    References:
        Chung et al. 2019 (Slice Finder); Sagadeeva and Boehm 2021 (SliceLine).
    """
    rows: list[dict[str, Any]] = []
    parents: dict[str, float] = {}
    sets = [
        *((column,) for column in columns),
        *combinations(columns, 2),
    ]
    for chosen in track(sets, "Searching for the worst-off rows"):
        names = [Names(column.name, column.levels) for column in chosen]
        cells = count_cells(names, [column.codes for column in chosen], outcomes)
        groups = groups_of(cells, range(len(names)))
        rows += _slices(groups, cells.codes, names, smallest, parents)
    adjusted = benjamini_hochberg(np.array([row["p_value"] for row in rows], dtype=np.float64))
    for row, p_adjusted in zip(rows, adjusted, strict=True):
        row["p_adjusted"], row["n_comparisons"] = float(p_adjusted), len(rows)
    kept = [row for row in rows if row.pop("is_news") and row["value"] > 0]
    kept.sort(key=lambda row: (-row["low"], row["depth"], row["slice"]))
    return pa.Table.from_pylist(kept[:MOST_SLICES], schema=TABLES["slices"])


def _slices(
    groups: Groups,
    codes: NDArray[np.int64],
    names: Sequence[Names],
    smallest: int,
    parents: dict[str, float],
) -> list[dict[str, Any]]:
    right, n = count_rate(groups.counts, rate_named("accuracy"))
    wrong = n - right
    total_wrong, total = int(wrong.sum()), int(n.sum())
    low, high = wilson_ends(wrong, n)
    rest_low, rest_high = wilson_ends(total_wrong - wrong, total - n)
    rows = []
    for place in np.flatnonzero((n >= max(smallest, 1)) & (total - n > 0)):
        k, size = int(wrong[place]), int(n[place])
        rate, rest = k / size, (total_wrong - k) / (total - size)
        parts = [
            f"{name.attribute}: {name.levels[code]}"
            for name, code in zip(names, codes[place], strict=True)
        ]
        if len(parts) == 1:
            parents[parts[0]] = rate
        pooled = total_wrong / total
        error = float(np.sqrt(pooled * (1 - pooled) * (1 / size + 1 / (total - size))))
        rows.append(
            {
                "slice": " and ".join(parts), "depth": len(parts), "n": size, "error_rate": rate,
                "error_rate_rest": rest, "value": rate - rest,
                "low": rate - rest - float(np.hypot(rate - low[place], rest_high[place] - rest)),
                "high": rate - rest + float(np.hypot(high[place] - rate, rest - rest_low[place])),
                "p_value": float(stats.norm.sf((rate - rest) / error)) if error > 0 else 1.0,
                "is_news": len(parts) == 1
                or all(low[place] > parents.get(part, 1.0) for part in parts),
            }
        )  # fmt: skip
    return rows
