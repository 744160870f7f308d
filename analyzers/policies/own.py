"""Limits an organisation sets itself, on top of a pack."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

from analyzers.core.errors import PolicyError
from analyzers.core.finding import Threshold
from analyzers.core.policy import Policy
from analyzers.policies import check_policy

OWN_PACK = "own"


class Limit(NamedTuple):
    """A limit as it is typed in.

    Attributes:
        indicator: such as "fairness.demographic_parity_ratio".
        direction: "at_least" where larger is better; None where nothing was chosen.
        warn: the side the whole interval must keep to for a pass, or None.
        fail: the side the whole interval must be beyond for a fail, or None.
        n_min: rows below which the indicator says nothing.
    """

    indicator: str
    direction: Literal["at_least", "at_most"] | None
    warn: float | None
    fail: float | None
    n_min: int


def own_policy(
    base: Policy, limits: Sequence[Limit], *, title: str, decided: str, as_of: str
) -> Policy:
    """Make a pack of what was typed in; limits that were left as they are keep their source.

    Args:
        base: the pack that was changed.
        limits: every limit of the new pack; one without a number sets no limit.
        title: of the new pack.
        decided: who decided on the changed limits, and where it is written.
        as_of: the date of the decision, such as "2026-11-23".

    Returns:
        The pack, called "own".

    Raises:
        PolicyError: a limit has no direction, is no number, or nobody is named who decided.
    """
    made = [
        _threshold(base, limit, decided.strip(), title, as_of)
        for limit in limits
        if limit.warn is not None or limit.fail is not None
    ]
    return check_policy(
        Policy(
            name=OWN_PACK,
            version=as_of,
            title=title.strip() or "Own limits",
            description=f"Set in the dashboard, beginning from {base.title}, {base.version}.",
            as_of=as_of,
            jurisdiction=base.jurisdiction,
            thresholds=tuple(made),
        )
    )


def _threshold(base: Policy, limit: Limit, decided: str, title: str, as_of: str) -> Threshold:
    kept = base.threshold(limit.indicator)
    if kept is not None and limit == _typed(kept):
        return kept
    if limit.direction is None:
        raise PolicyError(
            f"Expected to know whether more or less of {limit.indicator!r} is better, got a limit "
            "alone.",
            remedy="Choose at least or at most in its row.",
        )
    if not all(math.isfinite(end) for end in (limit.warn, limit.fail) if end is not None):
        raise PolicyError(
            f"Expected a number as the limit of {limit.indicator!r}, got an infinite one.",
            remedy="Empty the cell to set no limit.",
        )
    if not decided:
        raise PolicyError(
            f"Expected to know who decided on the limit of {limit.indicator!r}, got nothing.",
            remedy="Write who decided, and where it is written.",
        )
    return Threshold(
        indicator=limit.indicator,
        direction=limit.direction,
        warn=limit.warn,
        fail=limit.fail,
        n_min=limit.n_min,
        status="organisation",
        source=decided,
        holds=title.strip(),
        as_of=as_of,
    )


def _typed(threshold: Threshold) -> Limit:
    return Limit(
        indicator=threshold.indicator,
        direction=threshold.direction,
        warn=threshold.warn,
        fail=threshold.fail,
        n_min=threshold.n_min,
    )
