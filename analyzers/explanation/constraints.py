"""What a person may do with a row: each column's direction and range, beside the data's own rules.

The rules become a narrower feasible space for this one row, so that a search cannot break them:
"may only rise" is a lowest value of the row's own. `broken` checks the same rules a second time, by
comparing values and not by the space, as an oracle should.

References: Ustun, Spangher and Liu 2019; Mothilal, Sharma and Tan 2020.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import InvalidParameter
from analyzers.toolkit.feasible import FeasibleSpace, Field
from analyzers.toolkit.markup import shown as tamed

Direction = Literal["any", "rise", "fall", "keep"]


class Constraint(NamedTuple):
    """What may happen to one column.

    Attributes:
        column: its name.
        direction: "rise" and "fall" are for numbers; "keep" leaves the value alone.
        low: smallest value a change may lead to, raw units; None for the data's own.
        high: largest value a change may lead to, raw units; None for the data's own.
        is_whole: whether a change may lead to whole numbers only, where the data has others too.
    """

    column: str
    direction: Direction = "any"
    low: float | None = None
    high: float | None = None
    is_whole: bool = False


def constraints_of(
    rising: Sequence[str] = (), falling: Sequence[str] = ()
) -> tuple[Constraint, ...]:
    """Build constraints from two lists of columns.

    Raises:
        InvalidParameter: a column is in both.
    """
    both = sorted(set(rising) & set(falling))
    if both:
        raise InvalidParameter(
            f"Expected columns that may only rise and columns that may only fall to differ, got "
            f"{tamed(both[0])} in both.",
            remedy="Choose it once, or among the columns that counterfactuals leave alone.",
        )
    return (
        *(Constraint(name, "rise") for name in rising),
        *(Constraint(name, "fall") for name in falling),
    )


def constrained(
    space: FeasibleSpace, constraints: Sequence[Constraint], row: pd.DataFrame
) -> FeasibleSpace:
    """Return the space in which every change of `row` keeps to the constraints.

    Args:
        space: the data's own rules.
        constraints: at most one for each column; columns without one are as in `space`.
        row: `(1, n_features)` the row to be changed.

    Raises:
        InvalidParameter: an unknown column, a direction or range for a column that is no number,
            or a range whose ends are the wrong way round.
    """
    wanted = {constraint.column: constraint for constraint in constraints}
    unknown = sorted(set(wanted) - {field.name for field in space.fields})
    if unknown:
        raise InvalidParameter(
            f"Expected columns the model sees, got {tamed(unknown[0])}.",
            remedy="Choose among the model's columns.",
        )
    origin = space.encode(row)[0]
    fields = tuple(
        _narrowed(field, wanted[field.name], float(origin[place]))
        if field.name in wanted
        else field
        for place, field in enumerate(space.fields)
    )
    return replace(space, fields=fields)


def broken(
    space: FeasibleSpace,
    constraints: Sequence[Constraint],
    before: NDArray[np.float64],
    after: NDArray[np.float64],
) -> tuple[str, ...]:
    """Name the columns whose change breaks a constraint.

    Args:
        space: gives the columns their places.
        constraints: as for `constrained`.
        before: `(n_features,)` the row.
        after: `(n_features,)` its changed copy.
    """
    names = [field.name for field in space.fields]
    found = []
    for constraint in constraints:
        place = names.index(constraint.column)
        start, end = before[place], after[place]
        if start == end or (np.isnan(start) and np.isnan(end)):
            continue
        is_good = {"any": True, "rise": end > start, "fall": end < start, "keep": False}[
            constraint.direction
        ]
        is_good &= constraint.low is None or end >= constraint.low
        is_good &= constraint.high is None or end <= constraint.high
        is_good &= not constraint.is_whole or float(end).is_integer()
        if not is_good:
            found.append(constraint.column)
    return tuple(found)


def _narrowed(field: Field, constraint: Constraint, start: float) -> Field:
    if field.rule == "fixed":
        return field
    if constraint.direction == "keep":
        return field._replace(rule="fixed", reason="it was chosen to stay fixed")
    is_ranged = constraint.low is not None or constraint.high is not None or constraint.is_whole
    if field.levels and (constraint.direction != "any" or is_ranged):
        raise InvalidParameter(
            f"Expected a column of numbers where a direction or a range is set, got "
            f"{tamed(field.name)}, whose values have no order.",
            remedy="Let it stay fixed, or leave it free.",
        )
    low = field.low if constraint.low is None else max(field.low, constraint.low)
    high = field.high if constraint.high is None else min(field.high, constraint.high)
    if (
        constraint.low is not None
        and constraint.high is not None
        and (constraint.low > constraint.high)
    ):
        raise InvalidParameter(
            f"Expected a range from its smaller to its larger end for {tamed(field.name)}, got "
            f"{constraint.low:g} to {constraint.high:g}.",
            remedy="Exchange the two ends.",
        )
    if constraint.direction == "rise":
        low = float(np.fmax(low, start))
    elif constraint.direction == "fall":
        high = float(np.fmin(high, start))
    if constraint.is_whole:
        field = field._replace(rule="integer", decimals=0)
    decimals = 0 if field.rule == "integer" else field.decimals
    if decimals is not None:
        low, high = _inwards(low, high, decimals)
    if low > high or (low == high and low == start):
        return field._replace(rule="fixed", reason="the constraints leave it no room")
    return field._replace(low=low, high=high)


def _inwards(low: float, high: float, decimals: int) -> tuple[float, float]:
    """Move the ends to the nearest values with so many decimals that lie between them."""
    near = round(low, decimals), round(high, decimals)
    step = 10.0**-decimals
    # An end that is such a value already must stay, whatever multiplying would make of it.
    return (
        near[0] if near[0] >= low else round(near[0] + step, decimals),
        near[1] if near[1] <= high else round(near[1] - step, decimals),
    )
