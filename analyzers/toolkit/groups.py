"""Columns as groups of people: levels as they are, numbers cut visibly, missing values kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import InvalidParameter, UnsuitableSubject

Cutting = Literal["quantiles", "equal widths", "decades"]
MOST_LEVELS = 100
MOST_BINS = 20
FEW_VALUES = 10
MISSING = "missing"
BY_HAND = "cut points given by the user"


@dataclass(frozen=True, kw_only=True)
class Attribute:
    """One column as groups.

    Attributes:
        name: the column.
        levels: names of the groups, in order; the missing ones last.
        codes: `(n_rows,)` int32 positions in `levels`.
        made_by: how the groups were made, in words.
        edges: where a number was cut; a row belongs to the upper side of an edge.
    """

    name: str
    levels: tuple[str, ...]
    codes: NDArray[np.int32]
    made_by: str
    edges: tuple[float, ...] = ()


class Grouping(NamedTuple):
    """Rows or cells put into groups by some of the attributes.

    Attributes:
        members: `(n,)` group of each row or cell.
        levels: `(n_groups, n_attributes)` level codes of each group.
    """

    members: NDArray[np.int64]
    levels: NDArray[np.int64]


def attribute_of(
    values: pd.Series,
    *,
    cutting: Cutting = "quantiles",
    n_bins: int = 4,
    edges: Sequence[float] = (),
) -> Attribute:
    """Turn a column into groups.

    A number with more than ten different values is cut; every other column keeps its levels.
    Rows without a value form a group of their own.

    Args:
        values: `(n_rows,)` the column; its name becomes the attribute's.
        cutting: how a number is cut where `edges` are not given.
        n_bins: number of bins wanted, in [2, 20]; ties can make it fewer.
        edges: increasing cut points of your own.

    Raises:
        UnsuitableSubject: more than a hundred levels.
    """
    is_number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    if is_number and (edges or values.nunique() > FEW_VALUES):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        return _cut(str(values.name), numbers, cutting, n_bins, edges)
    return _as_is(values)


def parse_edges(text: str) -> dict[str, tuple[float, ...]]:
    """Read cut points written as "age: 25, 40, 60; income: 30000".

    Raises:
        InvalidParameter: the text has another form, or the points do not increase.
    """
    edges: dict[str, tuple[float, ...]] = {}
    for part in filter(None, (piece.strip() for piece in text.split(";"))):
        name, _, numbers = part.rpartition(":")
        try:
            points = tuple(float(number) for number in numbers.split(","))
        except ValueError:
            points = ()
        increasing = all(low < high for low, high in pairwise(points))
        if not (name.strip() and points and increasing and np.isfinite(points).all()):
            raise InvalidParameter(
                f"Expected cut points such as 'age: 25, 40, 60', got {part!r}.",
                remedy="Write the column, a colon, and increasing numbers with commas between.",
            )
        edges[name.strip()] = points
    return edges


def group_by(codes: NDArray[np.integer], sizes: Sequence[int]) -> Grouping:
    """Put rows or cells that agree in all columns of `codes` into one group.

    Args:
        codes: `(n, n_attributes)` level codes.
        sizes: number of levels of each attribute.

    Returns:
        Only groups that occur, ordered by their level codes.
    """
    key = np.zeros(len(codes), dtype=np.int64)
    for column, size in enumerate(sizes):
        if len(key) and int(key.max()) > np.iinfo(np.int64).max // max(size, 1) - 1:
            # The product of levels no longer fits: number the groups seen so far anew.
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * size + codes[:, column]
    _, first, members = np.unique(key, return_index=True, return_inverse=True)
    return Grouping(members.astype(np.int64), codes[first].astype(np.int64))


def _as_is(values: pd.Series) -> Attribute:
    factor_codes, found = pd.factorize(values, use_na_sentinel=True)
    if len(found) > MOST_LEVELS:
        raise UnsuitableSubject(
            f"Expected at most {MOST_LEVELS} groups in column {values.name!r}, "
            f"got {len(found):,} different values.",
            remedy="Choose a column that names groups of people, or cut it into fewer first.",
        )
    names = [str(level) for level in found]
    # Two values that read the same ("1" and 1) are one group to the reader.
    unique = sorted(set(names), key=_natural)
    rank = {name: position for position, name in enumerate(unique)}
    lookup = np.array([*(rank[name] for name in names), len(unique)], dtype=np.int32)
    codes = lookup[factor_codes]
    levels = (*unique, _missing_name(unique)) if (factor_codes < 0).any() else tuple(unique)
    return Attribute(
        name=str(values.name), levels=levels, codes=codes, made_by="the column's own values"
    )


def _cut(
    name: str,
    numbers: NDArray[np.float64],
    cutting: Cutting,
    n_bins: int,
    edges: Sequence[float],
) -> Attribute:
    known = numbers[np.isfinite(numbers)]
    made_by = BY_HAND
    if not len(edges):
        edges, made_by = _edges(known, cutting, n_bins)
    codes = np.searchsorted(np.asarray(edges), numbers, side="right").astype(np.int32)
    is_missing = np.isnan(numbers)
    codes[is_missing] = len(edges) + 1
    levels = [f"under {_number(edges[0])}"]
    levels += [f"{_number(low)} to under {_number(high)}" for low, high in pairwise(edges)]
    levels.append(f"{_number(edges[-1])} and over")
    if is_missing.any():
        levels.append(MISSING)
    return Attribute(
        name=name, levels=tuple(levels), codes=codes, made_by=made_by, edges=tuple(edges)
    )


def _edges(
    known: NDArray[np.float64], cutting: Cutting, n_bins: int
) -> tuple[tuple[float, ...], str]:
    low, high = float(known.min()), float(known.max())
    decades = np.arange(np.floor(low / 10) * 10 + 10, high + 1e-9, 10)
    if cutting == "decades" and 1 <= len(decades) < MOST_BINS:
        return tuple(map(float, decades)), "cut at every ten"
    if cutting == "equal widths":
        inner = np.linspace(low, high, n_bins + 1)[1:-1]
        return tuple(map(float, inner)), f"cut into {n_bins} equal widths"
    shares = np.arange(1, n_bins) / n_bins
    # An observed value, not a mean of two: the cut points then do not depend on rounding.
    points = np.unique(np.quantile(known, shares, method="inverted_cdf"))
    points = points[points > low]
    if not len(points):
        points = np.array([high])
    return tuple(map(float, points)), f"cut into {len(points) + 1} groups of about equal size"


def _natural(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def _missing_name(levels: Sequence[str]) -> str:
    return MISSING if MISSING not in levels else "no value given"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.4g}"
