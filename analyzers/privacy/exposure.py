"""Who is easier to find: rates by class and by group, and the most exposed records."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.privacy.evidence import Side
from analyzers.privacy.tables import rated
from analyzers.toolkit.bootstrap import rate_spread, redraw_counts, widest_band
from analyzers.toolkit.groups import attribute_of
from analyzers.toolkit.intervals import rate_estimate

DRAWS = 2000
CLASS = "class"


class Exposure(NamedTuple):
    """Rates by group.

    Attributes:
        groups: rows of the table `groups`.
        gaps: rows of the table `group_gaps`, one for each attribute with two groups to compare.
        left_out: a sentence for every column that could not be used.
    """

    groups: list[dict[str, Any]]
    gaps: list[dict[str, Any]]
    left_out: tuple[str, ...]


def expose_groups(
    members: Side,
    non_members: Side,
    found: NDArray[np.bool_],
    accused: NDArray[np.bool_],
    *,
    columns: tuple[str, ...],
    smallest: int,
    rng: np.random.Generator,
) -> Exposure:
    """Count, in every class and group, the members found and the non-members falsely accused.

    Args:
        members: rows of the training table.
        non_members: rows of the other.
        found: `(n_members,)` identified by the attack at the accepted rate of false accusations.
        accused: `(n_non_members,)` falsely accused by it.
        columns: which columns make groups, beside the class.
        smallest: members a group needs to be compared.
        rng: redraws the counts.
    """
    rows: list[dict[str, Any]] = []
    gaps: list[dict[str, Any]] = []
    left_out = []
    for name in (CLASS, *columns):
        try:
            levels, inside, outside = _memberships(members, non_members, name)
        except UnsuitableSubject as refusal:
            left_out.append(f"Groups by {name} are left out. {refusal.message}")
            continue
        mine = [
            _group(name, level, found[inside == code], accused[outside == code], smallest)
            for code, level in enumerate(levels)
            if (inside == code).any()
        ]
        rows += mine
        gap = _gap(name, mine, rng)
        gaps += [gap] if gap else []
    return Exposure(rows, gaps, tuple(left_out))


def most_exposed(
    members: Side,
    p_values: NDArray[np.float64],
    values: NDArray[np.float64],
    attack: str,
    *,
    most: int,
) -> list[dict[str, Any]]:
    """List the members that look least like records the model never saw, by row number only."""
    order = np.lexsort((members.data.rows, -values, p_values))[:most]
    return [
        {
            "rank": rank,
            "training_row": int(members.data.rows[place]),
            "attack": attack,
            "score": float(values[place]),
            "p_value": float(p_values[place]),
        }
        for rank, place in enumerate(order, start=1)
    ]


def _memberships(
    members: Side, non_members: Side, name: str
) -> tuple[tuple[str, ...], NDArray[np.int64], NDArray[np.int64]]:
    subject = members.data.subject
    if name == CLASS:
        if not subject.classes:
            raise UnsuitableSubject("The outcome is a number and has no classes.")
        return (
            subject.classes,
            np.asarray(members.labels, dtype=np.int64),
            np.asarray(non_members.labels, dtype=np.int64),
        )
    for side, table in ((members, "training"), (non_members, "held-out")):
        if name not in side.data.frame:
            raise UnsuitableSubject(f"The {table} table has no such column.")
    both = pd.concat(
        [members.data.frame[name], non_members.data.frame[name]], ignore_index=True
    ).rename(name)
    attribute = attribute_of(both)
    codes = attribute.codes.astype(np.int64)
    return attribute.levels, codes[: len(members)], codes[len(members) :]


def _group(
    attribute: str,
    group: str,
    found: NDArray[np.bool_],
    accused: NDArray[np.bool_],
    smallest: int,
) -> dict[str, Any]:
    return {
        "attribute": attribute,
        "group": group,
        "found": int(found.sum()),
        "n_members": len(found),
        **rated(rate_estimate(int(found.sum()), len(found), exact=True)),
        "falsely_accused": int(accused.sum()),
        "n_non_members": len(accused),
        "is_small": len(found) < smallest,
    }


def _gap(
    attribute: str, rows: list[dict[str, Any]], rng: np.random.Generator
) -> dict[str, Any] | None:
    kept = [row for row in rows if not row["is_small"]]
    if len(kept) < 2:
        return None
    found = np.array([row["found"] for row in kept])
    counts = np.stack([np.array([row["n_members"] for row in kept]) - found, found], axis=1)
    redrawn = redraw_counts(counts, DRAWS, rng)
    spread = rate_spread(
        found, counts.sum(axis=1), redrawn[..., 1], redrawn.sum(axis=2), is_ratio=False
    )
    band = widest_band(spread)
    shares = found / counts.sum(axis=1)
    lowest, highest = int(shares.argmin()), int(shares.argmax())
    return {
        "attribute": attribute,
        "lowest": kept[lowest]["group"],
        "highest": kept[highest]["group"],
        "lowest_value": float(shares[lowest]),
        "highest_value": float(shares[highest]),
        "value": float(shares[highest] - shares[lowest]),
        "low": min(band.low, float(shares[highest] - shares[lowest])),
        "high": max(band.high, float(shares[highest] - shares[lowest])),
        "reason": "",
        "n": int(counts.sum(axis=1).min()),
        "p_value": band.p_value,
        "n_left_out": len(rows) - len(kept),
    }
