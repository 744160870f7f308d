"""More than two classes: every class in turn, and the average over all of them.

Counts of (group, outcome, decision) over all classes hold everything; draws of those counts are
the row bootstrap, so that averages over classes, which use the same rows, get honest intervals.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.bootstrap import Spread, redraw_counts, widest_band
from analyzers.toolkit.groups import Attribute

AVERAGE = "average over classes"
METRICS = (
    "selection_rate", "true_positive_rate", "false_positive_rate", "positive_predictive_value",
)  # fmt: skip
# Counts of many groups by many classes, drawn many times, would not fit in memory.
_MOST_DRAWN = 20_000_000


def class_table(
    attributes: Sequence[Attribute],
    labels: NDArray[np.integer] | None,
    predicted: NDArray[np.integer],
    classes: Sequence[str],
    rng: np.random.Generator,
    *,
    smallest: int,
    n_draws: int,
    track: Tracker,
) -> pa.Table:
    """Compare each rate between groups: for every class against the rest, and on average.

    The average of a group is the plain mean of its rates over the classes (macro average), so that
    a rare class counts like any other. A group takes part where each rate rests on at least
    `smallest` rows, or on any at all where fewer than two groups have so many.

    Args:
        attributes: the sensitive columns as groups.
        labels: `(n_rows,)` class codes, -1 for missing; None without outcomes.
        predicted: `(n_rows,)` class codes.
        classes: their names.
        rng: source of the draws.
        smallest: rows a rate must rest on.
        n_draws: draws of the counts at most.
        track: reports progress.
    """
    n_classes = len(classes)
    outcomes = np.full(len(predicted), -1) if labels is None else np.asarray(labels)
    rows: list[dict[str, Any]] = []
    for attribute in track(attributes, "Comparing groups class by class"):
        shape = (len(attribute.levels), n_classes + 1, n_classes)
        key = np.ravel_multi_index((attribute.codes, outcomes + 1, predicted), shape)
        counts = np.bincount(key, minlength=int(np.prod(shape))).reshape(shape)
        kept_draws = max(100, min(n_draws, _MOST_DRAWN // counts.size))
        drawn = redraw_counts(counts, kept_draws, rng)
        for metric in METRICS:
            values, n = class_rates(counts, metric)
            again, _ = class_rates(drawn, metric)
            for place, name in enumerate((*classes, AVERAGE)):
                is_average = place == n_classes
                value = values.mean(axis=-1) if is_average else values[:, place]
                redrawn = again.mean(axis=-1) if is_average else again[..., place]
                mine = n.min(axis=-1) if is_average else n[:, place]
                row = {"attribute": attribute.name, "class": name, "metric": metric}
                rows.append(row | _widest(attribute.levels, value, redrawn, mine, smallest))
    return pa.Table.from_pylist(rows, schema=TABLES["classes"])


def class_rates(
    counts: NDArray[np.int64], metric: str
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A rate of every class against the rest, and what it is divided by.

    Args:
        counts: `(..., n_classes + 1, n_classes)` by outcome (missing first) and decision.
        metric: one of `METRICS`.

    Returns:
        Two arrays `(..., n_classes)`; NaN where the denominator is 0.
    """
    known = counts[..., 1:, :]
    right = np.diagonal(known, axis1=-2, axis2=-1)
    of_class, decided = known.sum(axis=-1), known.sum(axis=-2)
    everyone = known.sum(axis=(-2, -1))[..., None]
    if metric == "selection_rate":
        above = counts.sum(axis=-2)
        below = np.broadcast_to(counts.sum(axis=(-2, -1))[..., None], above.shape)
    elif metric == "true_positive_rate":
        above, below = right, of_class
    elif metric == "false_positive_rate":
        above, below = decided - right, everyone - of_class
    else:
        above, below = right, decided
    with np.errstate(invalid="ignore", divide="ignore"):
        return above / below, below


def _widest(
    levels: Sequence[str],
    value: NDArray[np.float64],
    redrawn: NDArray[np.float64],
    n: NDArray[np.int64],
    smallest: int,
) -> dict[str, Any]:
    large = np.flatnonzero(n >= max(smallest, 1))
    kept = large if len(large) >= 2 else np.flatnonzero(n > 0)
    found: dict[str, Any] = {
        "n": 0, "n_groups": len(kept), "highest": "", "lowest": "", "method": "", "reason": "",
    }  # fmt: skip
    if len(kept) < 2:
        return found | {"reason": "The rate can be computed for fewer than two groups."}
    part = value[kept]
    top, bottom = int(part.argmax()), int(part.argmin())
    found |= {
        "value": float(part[top] - part[bottom]), "n": int(n[kept].min()),
        "highest": levels[kept[top]], "lowest": levels[kept[bottom]],
    }  # fmt: skip
    deviations = redrawn[:, kept] - part
    usable = ~np.isnan(deviations).any(axis=1)
    if usable.sum() < len(redrawn) // 2:
        return found | {"reason": "Too few rows of one class for an interval."}
    # Counts at 0 do not move when they are drawn again; a row's worth of doubt remains.
    least = 1 / (n[kept] + 2)
    errors = np.maximum(deviations[usable].std(axis=0), least)
    band = widest_band(Spread(part, errors, deviations[usable]))
    return found | {
        "low": min(band.low, found["value"]), "high": min(max(band.high, found["value"]), 1.0),
        "method": f"max-t over all pairs of groups, {int(usable.sum()):,} multinomial draws",
    }  # fmt: skip
