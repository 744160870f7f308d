"""Which rows to use where all would take too long: seeded, stratified, blind to row order."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset


def content_order(data: Dataset) -> NDArray[np.int64]:
    """Order rows by a hash of their content, so that a shuffled file gives the same sample.

    Returns:
        `(n_rows,)` positions; rows that are equal in every column keep their file order.
    """
    keys = np.asarray(pd.util.hash_pandas_object(data.frame.astype("string"), index=False))
    if data.images is not None:
        flat = np.ascontiguousarray(data.images).reshape(len(data), -1)
        # One weighted sum per picture; ties only between pictures that are equal almost surely.
        weights = np.random.default_rng(0).standard_normal(flat.shape[1])
        keys = keys ^ (flat @ weights).view(np.uint64)
    return np.argsort(keys, kind="stable")


def sample_rows(
    data: Dataset,
    size: int,
    rng: np.random.Generator,
    *,
    strata: NDArray[np.int64] | None = None,
    order: NDArray[np.int64] | None = None,
) -> NDArray[np.int64]:
    """Choose at most `size` rows, in proportion to the strata and never none of one.

    Args:
        data: the rows to choose from.
        size: how many, at least 1.
        rng: source of randomness.
        strata: `(n_rows,)` codes such as the labels; None for a plain sample.
        order: `content_order(data)` where it is known already; it takes a while on wide tables.

    Returns:
        Positions in `data`, in content order; all of them where `size` is not smaller.
    """
    order = content_order(data) if order is None else order
    if size >= len(order):
        return order
    if strata is None:
        return order[np.sort(rng.choice(len(order), size, replace=False))]
    shuffled = order[rng.permutation(len(order))]
    groups = strata[shuffled]
    # Rank of each row within its stratum, as a share: taking the smallest keeps proportions.
    share = np.empty(len(order))
    for code in np.unique(groups):
        members = np.flatnonzero(groups == code)
        share[members] = np.arange(len(members)) / len(members)
    chosen = set(shuffled[np.argsort(share, kind="stable")[:size]].tolist())
    return np.array([position for position in order if position in chosen], dtype=np.int64)


def sampling_note(n_used: int, n_all: int, what: str, *, strata: Sequence[str] = ()) -> str:
    """Say in one sentence which rows were used; empty where all were."""
    if n_used >= n_all:
        return ""
    how = f", in proportion to {' and '.join(strata)}" if strata else ""
    return f"{what}: {n_used:,} of {n_all:,} rows, drawn at random with the seed{how}."
