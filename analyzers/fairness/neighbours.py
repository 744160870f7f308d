"""Are people who are alike, in everything but the sensitive columns, decided alike?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Workbench
from analyzers.fairness.counting import Groups
from analyzers.fairness.grouping import metric_columns
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.intervals import mean_estimate
from analyzers.toolkit.sampling import sample_rows, sampling_note

N_NEIGHBOURS = 5
MOST_ROWS = 4_000
# A column with more levels says who a row is, not what it is like.
MOST_LEVELS = 100


def consistency_table(
    bench: Workbench,
    groupings: Sequence[Groups],
    member: NDArray[np.int64],
    decisions: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    smallest: int,
) -> tuple[pa.Table, tuple[str, ...]]:
    """Consistency of every group, as rows of the table "groups", and what was left out.

    1 minus the mean distance between a row's decision and the mean decision of its five nearest
    rows. Numbers are standardised, words count 1 where they differ; neighbours come from all
    groups.

    Args:
        bench: a table of features.
        groupings: as from `all_groupings`.
        member: `(n_rows,)` cell of each row.
        decisions: `(n_rows,)` 0, 1.
        rng: draws the rows where there are too many.
        smallest: rows a group needs to be compared.

    References:
        Zemel et al. 2013; Dwork et al. 2012.
    """
    columns = [
        column.name
        for column in bench.subject.features
        if not column.is_sensitive and column.kind in ("number", "integer", "category", "boolean")
    ]
    positions = sample_rows(bench.data, MOST_ROWS, rng, strata=member)
    points = feature_points(bench.data.frame.iloc[positions], columns)
    nothing = TABLES["groups"].empty_table()
    if points.shape[1] == 0 or len(positions) <= N_NEIGHBOURS:
        return nothing, ()
    near = nearest(points, N_NEIGHBOURS)
    decided = decisions[positions].astype(np.float64)
    distance = np.abs(decided - decided[near].mean(axis=1))
    parts = []
    for groups in groupings:
        group = groups.members[member[positions]]
        found = [
            mean_estimate(1 - distance[group == number]) for number in range(len(groups.labels))
        ]
        value, low, high = (
            np.array([_or_nan(getattr(item, end)) for item in found])
            for end in ("value", "low", "high")
        )
        parts.append(
            metric_columns(
                groups, "consistency", value, np.maximum(low, 0.0), np.minimum(high, 1.0),
                np.array([item.n for item in found], dtype=np.int64), smallest=smallest,
                method=f"{N_NEIGHBOURS} nearest rows; Student's t over rows, neighbours as found",
                empty="No row of the group was drawn.",
            )
        )  # fmt: skip
    note = sampling_note(len(positions), len(decisions), "Consistency of neighbours")
    return pa.concat_tables(parts), ((note,) if note else ())


def feature_points(frame: pd.DataFrame, columns: Sequence[str]) -> NDArray[np.float64]:
    """Rows as points, `(n_rows, n_dimensions)`; two different words lie at distance 1."""
    parts: list[NDArray[np.float64]] = []
    for name in columns:
        values = frame[name]
        if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
            numbers = values.to_numpy(np.float64, na_value=np.nan)
            known = np.isfinite(numbers)
            if known.any() and numbers[known].std() > 0:
                scaled = (numbers - numbers[known].mean()) / numbers[known].std()
                parts += [np.where(known, scaled, 0.0)[:, None]]
                parts += [] if known.all() else [(~known)[:, None] / np.sqrt(2)]
            continue
        codes, found = pd.factorize(values.astype("string"), sort=True, use_na_sentinel=True)
        if 1 < len(found) <= MOST_LEVELS:
            parts.append((codes[:, None] == np.arange(len(found))) / np.sqrt(2))
    return np.concatenate(parts, axis=1) if parts else np.empty((len(frame), 0))


def nearest(points: NDArray[np.float64], n_neighbours: int) -> NDArray[np.int64]:
    """Positions of each row's nearest other rows, `(n_rows, n_neighbours)`."""
    from sklearn.neighbors import NearestNeighbors

    search = NearestNeighbors(n_neighbors=n_neighbours, algorithm="brute").fit(points)
    # Without rows of its own, scikit-learn leaves each row out of its neighbours.
    return np.asarray(search.kneighbors(return_distance=False), dtype=np.int64)


def _or_nan(value: float | None) -> float:
    return float("nan") if value is None else value
