"""What equal rates would cost in accuracy, with one threshold for all or one for each group.

Chosen and measured on the same rows: with few rows the best points look a little better than they
would on new data.
"""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from analyzers.fairness.counting import Groups
from analyzers.fairness.scoring import CellScores, scores_by_group
from analyzers.fairness.tables import TABLES
from analyzers.toolkit.curves import Curve, threshold_curve
from analyzers.toolkit.rates import count_rate, rate_named

CURRENT = "the model's decisions"
ONE_FOR_ALL = "one threshold for all"
ONE_EACH = "one threshold for each group"
# The criterion, and the rate it makes equal.
CRITERIA = (
    ("demographic parity", "selection_rate"),
    ("equal opportunity", "true_positive_rate"),
)
_TARGETS = 60


class _Group(NamedTuple):
    label: str
    curve: Curve


def tradeoff_table(counted: CellScores, groupings: Sequence[Groups], *, smallest: int) -> pa.Table:
    """Accuracy and disparity of every threshold, and of thresholds by group that equalise a rate.

    Groups of one attribute with at least `smallest` rows of each outcome take part. For a target
    rate each group gets the threshold whose rate is nearest to it.

    Args:
        counted: rows by score, cell and label.
        groupings: as from `all_groupings`, with the model's own decisions.
        smallest: rows of each outcome a group needs.

    References:
        Hardt, Price and Srebro 2016 (without randomised thresholds).
    """
    rows: list[dict[str, Any]] = []
    for groups in groupings:
        if groups.depth != 1:
            continue
        members: list[_Group] = []
        for number, labelled, _ in scores_by_group(counted, groups):
            curve = threshold_curve(labelled)
            if min(curve.n_negatives, curve.n_positives) >= max(smallest, 1):
                members.append(_Group(groups.labels[number], curve))
        if len(members) < 2:
            continue
        for criterion, rate in CRITERIA:
            current = _row(groups.attributes, CURRENT, criterion, members)
            rows.append(current | _decided(groups, current["groups"], rate))
            rows += _one_for_all(groups.attributes, members, criterion, rate)
            rows += _one_each(groups.attributes, members, criterion, rate)
    return pa.Table.from_pylist(rows, schema=TABLES["tradeoffs"])


def best_thresholds(curves: Sequence[Curve], rate: str) -> tuple[float, ...]:
    """For each group the threshold that makes `rate` equal at the highest accuracy.

    Args:
        curves: one for each group.
        rate: "selection_rate" or "true_positive_rate".

    Returns:
        One threshold for each group; infinity where nobody of it is selected.
    """
    members = [_Group("", curve) for curve in curves]
    best = next(row for row in _one_each("", members, "", rate) if row["is_best"])
    return tuple(float("inf") if item is None else item for item in best["thresholds"])


def move_current(table: pa.Table, groupings: Sequence[Groups]) -> pa.Table:
    """Write the point of the decisions anew, where other decisions have been counted."""
    by_name = {groups.attributes: groups for groups in groupings}
    rates = dict(CRITERIA)
    rows = table.to_pylist()
    for row in rows:
        if row["kind"] == CURRENT:
            groups, rate = by_name[row["attribute"]], rates[row["criterion"]]
            row.update(_decided(groups, row["groups"], rate))
    return pa.Table.from_pylist(rows, schema=TABLES["tradeoffs"])


def _decided(groups: Groups, labels: Sequence[str], rate: str) -> dict[str, float]:
    """Accuracy and widest difference of the decisions that were counted."""
    counts = groups.counts[[groups.labels.index(label) for label in labels]]
    counts[:, :2] = 0
    successes, trials = count_rate(counts, rate_named(rate))
    right, labelled = count_rate(counts.sum(axis=0), rate_named("accuracy"))
    return {
        "accuracy": int(right) / int(labelled), "difference": float(np.ptp(successes / trials)),
    }  # fmt: skip


def _one_for_all(
    attribute: str, members: list[_Group], criterion: str, rate: str
) -> Iterator[dict[str, Any]]:
    cuts = np.unique(np.concatenate([group.curve.thresholds for group in members]))
    cuts = cuts[np.unique(np.linspace(0, len(cuts) - 1, _TARGETS).round().astype(np.int64))]
    places = [
        np.searchsorted(-group.curve.thresholds, -cuts, side="right") - 1 for group in members
    ]
    accuracy, difference = _measure(members, places, rate)
    best = int(accuracy.argmax())
    for place, cut in enumerate(cuts):
        threshold = None if np.isinf(cut) else float(cut)
        yield _row(attribute, ONE_FOR_ALL, criterion, members) | {
            "target": threshold, "accuracy": float(accuracy[place]),
            "difference": float(difference[place]), "is_best": place == best,
            "thresholds": [threshold] * len(members),
        }  # fmt: skip


def _one_each(
    attribute: str, members: list[_Group], criterion: str, rate: str
) -> Iterator[dict[str, Any]]:
    targets = np.linspace(0, 1, _TARGETS + 1)
    places = []
    for group in members:
        rates = _rates(group.curve, rate)
        above = np.clip(np.searchsorted(rates, targets), 1, len(rates) - 1)
        nearer = targets - rates[above - 1] <= rates[above] - targets
        places.append(np.where(nearer, above - 1, above))
    accuracy, difference = _measure(members, places, rate)
    best = int(accuracy.argmax())
    for place, target in enumerate(targets):
        thresholds = [
            float(group.curve.thresholds[mine[place]])
            for group, mine in zip(members, places, strict=True)
        ]
        yield _row(attribute, ONE_EACH, criterion, members) | {
            "target": float(target), "accuracy": float(accuracy[place]),
            "difference": float(difference[place]), "is_best": place == best,
            "thresholds": [None if np.isinf(item) else item for item in thresholds],
        }  # fmt: skip


def _measure(
    members: list[_Group], places: Sequence[NDArray[np.int64]], rate: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Accuracy over all groups and the widest difference of the rate, at chosen curve points."""
    right, total = np.zeros(len(places[0])), 0
    rates = []
    for (_, curve), mine in zip(members, places, strict=True):
        right += curve.true_positives[mine] + curve.n_negatives - curve.false_positives[mine]
        total += curve.n_negatives + curve.n_positives
        rates.append(_rates(curve, rate)[mine])
    return right / total, np.ptp(np.stack(rates), axis=0)


def _rates(curve: Curve, rate: str) -> NDArray[np.float64]:
    if rate == "true_positive_rate":
        return curve.true_positives / curve.n_positives
    selected = curve.true_positives + curve.false_positives
    return selected / (curve.n_positives + curve.n_negatives)


def _row(attribute: str, kind: str, criterion: str, members: list[_Group]) -> dict[str, Any]:
    n = sum(group.curve.n_negatives + group.curve.n_positives for group in members)
    return {
        "attribute": attribute, "kind": kind, "criterion": criterion, "target": None,
        "is_best": False, "groups": [group.label for group in members], "thresholds": [], "n": n,
    }  # fmt: skip
