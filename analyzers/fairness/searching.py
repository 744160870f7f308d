"""Reasons behind a difference: the tables that look at features beside the sensitive columns."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Workbench
from analyzers.fairness.conditions import condition_table
from analyzers.fairness.params import FairnessParams
from analyzers.fairness.proxies import proxy_table
from analyzers.fairness.slices import slice_table
from analyzers.toolkit.groups import Attribute, attribute_of

MOST_FEATURES = 20
_SKIPPED_KINDS = ("text", "image", "time")


class Searched(NamedTuple):
    """Tables, and a sentence for every feature that was left out."""

    tables: dict[str, pa.Table]
    notes: tuple[str, ...]


def search(
    bench: Workbench,
    attributes: Sequence[Attribute],
    outcomes: NDArray[np.int64],
    params: FairnessParams,
) -> Searched:
    """Compare within strata, look for proxies, and search for the worst-off slices.

    Args:
        bench: the rows; only tabular data has features to look at.
        attributes: the sensitive columns as groups.
        outcomes: `(n_rows,)` 0 to 5, as in `toolkit.rates`.
        params: how numbers are cut, and the smallest group.
    """
    if bench.subject.modality != "tabular":
        return Searched({}, ())
    features, notes = _features(bench, attributes, params)
    if not features:
        return Searched({}, notes)
    track, smallest = bench.track, params.smallest_group
    known = {feature.name: feature for feature in features}
    columns = [*features, *(item for item in attributes if item.name not in known)]
    tables = {
        "conditions": condition_table(
            attributes, features, outcomes, smallest=smallest, track=track
        ),
        "proxies": proxy_table(
            attributes, features, bench.data, bench.rng, n_draws=200, track=track
        ),
    }
    if (outcomes >= 2).any():
        tables["slices"] = slice_table(columns, outcomes, smallest=smallest, track=track)
    return Searched(tables, notes)


def _features(
    bench: Workbench, attributes: Sequence[Attribute], params: FairnessParams
) -> tuple[list[Attribute], tuple[str, ...]]:
    ready = {attribute.name: attribute for attribute in attributes}
    columns = [
        column
        for column in bench.subject.features
        if column.kind not in _SKIPPED_KINDS and column.name in bench.data.frame.columns
    ]
    features: list[Attribute] = []
    notes: list[str] = []
    for column in columns[:MOST_FEATURES]:
        if column.name in ready:
            features.append(ready[column.name])
            continue
        try:
            values = bench.data.frame[column.name]
            features.append(attribute_of(values, cutting="quantiles", n_bins=params.n_bins))
        except UnsuitableSubject as error:
            notes.append(f"Left out of the search: {column.name} ({error.message})")
    if len(columns) > MOST_FEATURES:
        notes.append(f"Searched the first {MOST_FEATURES} of {len(columns)} features.")
    return features, tuple(notes)
