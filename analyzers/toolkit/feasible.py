"""What may be written into a row: the raw feature space with its rules.

A row is a vector in raw units: numbers as they stand, categories as positions among their levels,
missing values as NaN. A missing value stays missing, a column nobody can change stays as it is,
integers stay integers, and numbers keep to their range and to the decimals the data shows.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.errors import InvalidParameter
from analyzers.core.subject import Column
from analyzers.toolkit.cost_text import read_costs
from analyzers.toolkit.relation_guess import guess_relations
from analyzers.toolkit.relation_text import Bound, read_rules
from analyzers.toolkit.relations import Relation, keep_relations

Rule = Literal["number", "integer", "level", "fixed"]
Direction = Literal["both", "rise", "fall"]
MOST_LEVELS = 200
MOST_DECIMALS = 6
_MOST_LISTED = 10
NEVER_VARIES = "it never varies in the data"
NEVER_KNOWN = "it is missing in every row"


class Field(NamedTuple):
    """One feature as it may be changed.

    Attributes:
        rule: how it may change; "fixed" where it may not.
        scale: raw units that count as a change of 1; for categories 1 over what a change of level
            counts.
        low: smallest value, raw units; 0 for categories.
        high: largest value, raw units; the last level's position for categories.
        decimals: digits behind the point that the data shows; None where there are more than six.
        levels: the values of a category, in the column's own type.
        reason: why it is fixed.
        may: whether a number may rise, fall or both.
    """

    name: str
    rule: Rule
    scale: float
    low: float
    high: float
    decimals: int | None = None
    levels: tuple[Any, ...] = ()
    reason: str = ""
    may: Direction = "both"


@dataclass(frozen=True, kw_only=True)
class FeasibleSpace:
    """All features of a model, and the rules a changed row must obey.

    Attributes:
        fields: in the model's order.
        relations: between features, kept by every row that keeps them at the start.
    """

    fields: tuple[Field, ...]
    relations: tuple[Relation, ...] = ()

    @cached_property
    def is_free(self) -> NDArray[np.bool_]:
        """`(n_features,)` whether it may change."""
        return np.array([field.rule != "fixed" for field in self.fields], dtype=bool)

    @cached_property
    def is_level(self) -> NDArray[np.bool_]:
        """`(n_features,)` whether it is a category."""
        return np.array([bool(field.levels) for field in self.fields], dtype=bool)

    @cached_property
    def scales(self) -> NDArray[np.float64]:
        """`(n_features,)` raw units that count as a change of 1."""
        return np.array([field.scale for field in self.fields], dtype=np.float64)

    @cached_property
    def _lows(self) -> NDArray[np.float64]:
        return np.array([field.low for field in self.fields], dtype=np.float64)

    @cached_property
    def _highs(self) -> NDArray[np.float64]:
        return np.array([field.high for field in self.fields], dtype=np.float64)

    @cached_property
    def _rounded(self) -> tuple[tuple[int, NDArray[np.int64]], ...]:
        """Places of the free features that are rounded, by the number of decimals."""
        digits = [
            0 if field.rule in ("integer", "level") else field.decimals for field in self.fields
        ]
        return tuple(
            (wanted, np.array([at for at, digit in enumerate(digits) if digit == wanted]))
            for wanted in sorted({digit for digit in digits if digit is not None})
        )

    @cached_property
    def _is_as_it_stands(self) -> bool:
        return all(np.isfinite(field.low) and not field.levels for field in self.fields)

    def _is_plain(self, frame: pd.DataFrame) -> bool:
        """Whether vectors are the rows themselves: floats without levels, text or dates."""
        return self._is_as_it_stands and all(dtype == np.float64 for dtype in frame.dtypes.array)

    def encode(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Turn rows into vectors `(n_rows, n_features)`; NaN for missing."""
        encoded = np.full((len(frame), len(self.fields)), np.nan)
        for place, field in enumerate(self.fields):
            column = frame[field.name]
            if field.levels:
                codes = {level: code for code, level in enumerate(field.levels)}
                encoded[:, place] = column.astype(object).map(codes).to_numpy(np.float64)
            elif np.isfinite(field.low):
                values = pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan)
                is_short = _is_single(column) and field.decimals is not None
                encoded[:, place] = np.round(values, field.decimals or 0) if is_short else values
        return encoded

    def decode(
        self, points: NDArray[np.float64], owners: NDArray[np.int64], frame: pd.DataFrame
    ) -> pd.DataFrame:
        """Write vectors back into rows of the frame's own types.

        Args:
            points: `(n_points, n_features)`, repaired.
            owners: `(n_points,)` which row of `frame` each point belongs to.
            frame: the original rows; columns that cannot change are taken from them.
        """
        if self._is_plain(frame):
            names = [field.name for field in self.fields]
            return pd.DataFrame(points, columns=names, copy=False)
        columns: dict[str, Any] = {}
        for place, field in enumerate(self.fields):
            original = frame[field.name]
            if field.rule == "fixed":
                values = original.array.take(owners)
            else:
                values = _written(points[:, place], field, original.dtype)
            # With the type named, pandas does not make its own string type of plain objects.
            columns[field.name] = pd.Series(values, dtype=original.dtype, copy=False)
        return pd.DataFrame(columns, copy=False)

    def repair(
        self, points: NDArray[np.float64], originals: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Return the nearest vectors that obey every rule.

        Args:
            points: `(n_points, n_features)` wanted values.
            originals: `(n_points, n_features)` the rows they start from.
        """
        values = np.where(self.is_free & ~np.isnan(originals), points, originals)
        for decimals, places in self._rounded:
            values[:, places] = np.round(values[:, places], decimals)
        # What nobody moves stays, even where a rule asks for rounder numbers than the row has.
        values = np.where(points == originals, originals, values)
        # A row that already lies outside the declared range may stay, but not go further.
        low = np.where(self._may_not("fall"), originals, np.fmin(self._lows, originals))
        high = np.where(self._may_not("rise"), originals, np.fmax(self._highs, originals))
        values = np.where(self.is_free, np.clip(values, low, high), originals)
        if not self.relations:
            return values
        digits = [0 if field.rule == "integer" else field.decimals for field in self.fields]
        return keep_relations(
            values, originals, self.relations, is_free=self.is_free, low=low, high=high,
            decimals=digits,
        )  # fmt: skip

    def _may_not(self, way: Direction) -> NDArray[np.bool_]:
        only = {"fall": "rise", "rise": "fall"}[way]
        return np.array([field.may == only for field in self.fields], dtype=bool)

    def steps(
        self, points: NDArray[np.float64], originals: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Change of every feature in standardised units, signed for numbers."""
        change = np.nan_to_num((points - originals) / self.scales)
        return np.where(self.is_level, (change != 0) / self.scales, change)

    def distance(
        self, points: NDArray[np.float64], originals: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Euclidean size of the change in standardised units, `(n_points,)`."""
        return np.sqrt((self.steps(points, originals) ** 2).sum(axis=1))

    def is_feasible(
        self, points: NDArray[np.float64], originals: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Check every rule, independently of `repair`; `(n_points,)`."""
        good = np.ones(len(points), dtype=bool)
        for place, field in enumerate(self.fields):
            value, start = points[:, place], originals[:, place]
            same = (value == start) | (np.isnan(value) & np.isnan(start))
            if field.rule == "fixed":
                good &= same
                continue
            # A row that lies outside the range already may stay there and come nearer to it.
            allowed = (value >= np.fmin(field.low, start)) & (value <= np.fmax(field.high, start))
            allowed &= ~np.isnan(start)
            if field.rule in ("integer", "level"):
                allowed &= value == np.floor(value)
            elif field.decimals is not None:
                allowed &= np.abs(value - np.round(value, field.decimals)) < 1e-9
            if field.may == "rise":
                allowed &= value >= start
            elif field.may == "fall":
                allowed &= value <= start
            good &= same | allowed
        for relation in self.relations:
            good &= relation.holds(points) | ~relation.holds(originals)
        return good


def space_of(
    columns: Sequence[Column],
    frame: pd.DataFrame,
    *,
    frozen: Sequence[str] = (),
    rising: Sequence[str] = (),
    falling: Sequence[str] = (),
    keeps_relations: bool = False,
    said: str = "",
    dropped: str = "",
    costs: str = "",
) -> FeasibleSpace:
    """Read the rules from the declared columns and, where they are silent, from the data.

    Args:
        columns: the model's features, in its order.
        frame: rows that show scales, ranges, decimals and levels.
        frozen: names of further columns that cannot be changed.
        rising: names of numbers that may only rise.
        falling: names of numbers that may only fall.
        keeps_relations: whether relations that every row of the frame keeps become rules.
        said: relations and ends of ranges as a reader writes them, in the columns' own names.
        dropped: relations of the data that are no rules, in the words that name them, with a
            semicolon between two.
        costs: how many times as much some columns' changes count, as a reader writes it.

    Raises:
        InvalidParameter: `said` or `costs` cannot be read, no row keeps what is said, or the data
            do not show what is dropped.
    """
    fields = tuple(
        _one_way(
            _field(column, frame[column.name], column.name in frozen), rising=rising,
            falling=falling,
        )
        for column in columns
    )  # fmt: skip
    # Numbers that cannot be changed take part too: the others must keep to them.
    is_number = np.array([np.isfinite(field.low) and not field.levels for field in fields])
    names = [field.name for field in fields]
    decimals = [0 if field.rule == "integer" else field.decimals for field in fields]
    rules = read_rules(said, names, is_number.tolist())
    relations = tuple(_with_slack(relation, decimals) for relation in rules.relations)
    space = FeasibleSpace(fields=_bounded(fields, rules.bounds, frame))
    encoded = space.encode(frame)
    _refuse_unkept(relations, encoded, names)
    if keeps_relations:
        is_binary = np.array(
            [_is_binary(field, encoded[:, at]) for at, field in enumerate(fields)], dtype=bool
        )
        known = {(relation.kind, frozenset(relation.places)) for relation in relations}
        guessed = guess_relations(encoded, is_number, is_binary=is_binary, decimals=decimals)
        relations += tuple(
            relation
            for relation in _without(guessed, dropped, names)
            if (relation.kind, frozenset(relation.places)) not in known
        )
        space = _with_groups(space, relations)
    return _priced(replace(space, relations=relations), read_costs(costs, names))


def _bounded(
    fields: tuple[Field, ...], bounds: Sequence[Bound], frame: pd.DataFrame
) -> tuple[Field, ...]:
    """Put the ends of ranges that a reader named in place of those the data shows.

    Raises:
        InvalidParameter: a range without a value in it.
    """
    held = list(fields)
    for bound in bounds:
        field = held[bound.place]
        value = bound.value
        if pd.api.types.is_integer_dtype(frame[field.name].dtype):
            held_in = np.iinfo(frame[field.name].to_numpy().dtype)
            value = min(max(value, float(held_in.min)), float(held_in.max))
        digits = 0 if field.rule == "integer" else field.decimals
        if digits is not None:
            # Inwards, to a value that the column can take.
            inward = np.ceil if bound.is_low else np.floor
            value = float(
                np.round(inward(np.round(value * 10.0**digits, 6)) / 10.0**digits, digits)
            )
        field = field._replace(low=value) if bound.is_low else field._replace(high=value)
        if field.low > field.high:
            raise InvalidParameter(
                f"Expected a range with a value in it for {field.name!r}, got {field.low:g} to "
                f"{field.high:g}.",
                remedy="Check the numbers it is held against; an end that is not named is the "
                "one the data shows.",
            )
        held[bound.place] = field
    return tuple(held)


def _refuse_unkept(
    relations: Sequence[Relation], values: NDArray[np.float64], names: Sequence[str]
) -> None:
    """Refuse a relation that would bind no change, since no row keeps it to begin with.

    Raises:
        InvalidParameter: there is one.
    """
    for relation in relations:
        if len(values) and not relation.holds(values).any():
            raise InvalidParameter(
                f"Expected relations that rows of the data keep, got {relation.words(names)!r}, "
                f"which none of {len(values):,} rows keeps.",
                remedy="Check its columns and its sign: a row that breaks a relation already is "
                "not held to it, so this one would bind no change.",
            )


def _without(guessed: Sequence[Relation], dropped: str, names: Sequence[str]) -> list[Relation]:
    """Leave out what a person knows to be no rule.

    Raises:
        InvalidParameter: no relation has these words.
    """
    by_words = {" ".join(relation.words(names).split()): relation for relation in guessed}
    for part in filter(None, (" ".join(text.split()) for text in dropped.split(";"))):
        if part not in by_words:
            listed = "; ".join(list(by_words)[:_MOST_LISTED]) or "none"
            raise InvalidParameter(
                f"Expected a relation that the data show, got {part[:200]!r}.",
                remedy=f"Copy it from the list; the data show: {listed}.",
            )
        del by_words[part]
    return list(by_words.values())


def _priced(space: FeasibleSpace, costs: Mapping[str, float]) -> FeasibleSpace:
    """Let changes of some columns count more or less than those of others."""
    fields = tuple(
        field._replace(scale=field.scale / costs.get(field.name, 1.0)) for field in space.fields
    )
    return replace(space, fields=fields)


def _is_binary(field: Field, values: NDArray[np.float64]) -> bool:
    if field.levels:
        named = [str(level).lower() for level in field.levels]
        if named not in (["0", "1"], ["0.0", "1.0"], ["false", "true"]):
            return False
    return bool(np.isin(values, (0.0, 1.0)).all())


def _with_slack(relation: Relation, decimals: Sequence[int | None]) -> Relation:
    """A column that is rounded equals a product only as far as its digits go."""
    digits = decimals[relation.place]
    is_whole = all(float(weight).is_integer() for weight in relation.weights)
    if relation.kind != "equal" or digits is None or is_whole:
        return relation
    return relation._replace(slack=0.5 * 10.0**-digits)


def _with_groups(space: FeasibleSpace, relations: Sequence[Relation]) -> FeasibleSpace:
    """Let a switch between exclusive 0-and-1 numbers count 1, as another category does."""
    members = {
        place
        for relation in relations
        for place in relation.places
        if relation.kind == "one of" and not space.is_level[place]
    }
    fields = tuple(
        field._replace(scale=float(np.sqrt(2))) if at in members else field
        for at, field in enumerate(space.fields)
    )
    return replace(space, fields=fields)


def _one_way(field: Field, *, rising: Sequence[str], falling: Sequence[str]) -> Field:
    if field.rule not in ("number", "integer"):
        return field
    if field.name in rising and field.name in falling:
        return field._replace(rule="fixed", reason="it may neither rise nor fall")
    if field.name in rising:
        return field._replace(may="rise")
    return field._replace(may="fall") if field.name in falling else field


def _field(column: Column, values: pd.Series, is_frozen: bool) -> Field:
    if column.kind in ("category", "boolean"):
        field = _level_field(column.name, values)
    elif column.kind in ("number", "integer"):
        field = _number_field(column, values)
    else:
        field = Field(column.name, "fixed", 1.0, np.nan, np.nan, reason=f"it holds {column.kind}")
    if column.is_immutable:
        return field._replace(rule="fixed", reason="it is marked immutable")
    if is_frozen:
        return field._replace(rule="fixed", reason="it was chosen to stay fixed")
    return field


def _level_field(name: str, values: pd.Series) -> Field:
    levels = tuple(sorted(values.dropna().astype(object).unique(), key=str))
    if len(levels) > MOST_LEVELS:
        reason = f"it has {len(levels):,} different values"
        return Field(name, "fixed", 1.0, np.nan, np.nan, reason=reason)
    rule: Rule = "level" if len(levels) > 1 else "fixed"
    reason = "" if len(levels) > 1 else NEVER_VARIES if levels else NEVER_KNOWN
    return Field(name, rule, 1.0, 0.0, float(len(levels) - 1), levels=levels, reason=reason)


def _number_field(column: Column, values: pd.Series) -> Field:
    known = np.sort(pd.to_numeric(values.dropna()).to_numpy(np.float64))
    known = known[np.isfinite(known)]
    decimals = _decimals(known, is_single=_is_single(values))
    if decimals is not None:
        known = np.round(known, decimals)
    # Sorted before adding up, so that the order of the rows cannot change the last digit.
    scale = float(known.std()) if len(known) else 0.0
    if scale == 0.0:
        reason = NEVER_VARIES if len(known) else NEVER_KNOWN
        return Field(column.name, "fixed", 1.0, np.nan, np.nan, reason=reason)
    ends = np.unique(known)
    if len(ends) == 2:
        # A switch between two values counts as another category does, however rare one of them is.
        scale = float(ends[1] - ends[0])
    low = float(known[0]) if column.minimum is None else column.minimum
    high = float(known[-1]) if column.maximum is None else column.maximum
    if column.kind == "integer" or pd.api.types.is_integer_dtype(values.dtype):
        return Field(column.name, "integer", scale, float(np.ceil(low)), float(np.floor(high)))
    return Field(column.name, "number", scale, low, high, decimals=decimals)


def _is_single(values: pd.Series) -> bool:
    """Whether numbers are held in single precision, in which 0.1 is not the 0.1 of others."""
    return str(values.dtype).lower() == "float32"


def _decimals(known: NDArray[np.float64], *, is_single: bool) -> int | None:
    kind = np.float32 if is_single else np.float64
    for digits in range(MOST_DECIMALS + 1):
        if np.array_equal(np.round(known, digits).astype(kind), known.astype(kind)):
            return digits
    return None


def _written(values: NDArray[np.float64], field: Field, dtype: Any) -> Any:  # noqa: ANN401  pandas
    if field.rule == "level":
        levels = pd.Series(list(field.levels), dtype=dtype).array
        codes = np.where(np.isnan(values), -1, values).astype(np.int64)
        return levels.take(codes, allow_fill=bool((codes < 0).any()))
    if isinstance(dtype, np.dtype) and dtype.kind in "iu":
        return np.round(values).astype(dtype)
    if isinstance(dtype, np.dtype) and dtype.kind == "f":
        return values.astype(dtype)
    return pd.Series(values).astype(dtype).array
