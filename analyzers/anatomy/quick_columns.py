"""A pipeline's columns, encoded by table and by arithmetic instead of by its own steps.

Words and other levels are looked up: the pipeline itself was asked once what each level becomes.
Numbers go through the same arithmetic in the same order, so what comes out is the same to the last
bit; whoever uses this checks that it is.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.anatomy.encoding import dense, encode, is_nothing, places_of, trace
from analyzers.anatomy.refusal import DoesNotFit

Floats = NDArray[np.float64]
Rule = Callable[[Floats], Floats]
MOST_LEVELS = 1_000


class UnknownLevelError(Exception):
    """A value that was not there when the table was made."""


class _Chain(NamedTuple):
    """How one encoded column comes about: from which of the user's, by which rules.

    `rules` is None where it takes a table.
    """

    owner: int
    rules: tuple[Rule, ...] | None


class QuickColumns:
    """From rows of the user's own columns to what the last step of a pipeline sees.

    Attributes:
        n_encoded: columns the last step sees.
        sparse_kind: the class of sparse matrix it sees; None where it sees another.
    """

    def __init__(
        self,
        native: Any,  # noqa: ANN401  a library's object
        prepare: Callable[[pd.DataFrame], Any],
        frame: pd.DataFrame,
    ) -> None:
        """Ask the pipeline what every level becomes.

        Args:
            native: a fitted pipeline or estimator.
            prepare: turns a frame into what `native` takes, columns in the same order.
            frame: `(n_rows, n_features)` rows that show the levels, at least one.

        Raises:
            DoesNotFit: a step mixes columns, or does to numbers what is not known here.
        """
        self._names = list(frame.columns)
        given = prepare(frame.iloc[:2])
        first = encode(native, given)
        self.n_encoded = len(first.owners)
        self.sparse_kind = type(first.matrix) if hasattr(first.matrix, "toarray") else None
        if getattr(first.matrix, "dtype", np.float64) != np.float64:
            raise DoesNotFit("its steps hand on numbers in another precision")
        chains = _chains(native, given)
        if [chain.owner for chain in chains] != first.owners.tolist():
            raise DoesNotFit("its encoded columns come in an order that is not known")
        self._numbers: list[tuple[int, list[tuple[int, tuple[Rule, ...]]]]] = []
        self._tables: list[tuple[int, pd.Index, NDArray[np.int64], Floats]] = []
        for owner, name in enumerate(self._names):
            places = np.flatnonzero(first.owners == owner)
            if not len(places):
                continue
            ways = [(int(at), chains[at].rules) for at in places]
            ruled = [(at, rules) for at, rules in ways if rules is not None]
            if len(ruled) == len(ways) and _is_number(frame[name]):
                self._numbers.append((owner, ruled))
                continue
            levels = pd.Index(frame[name].drop_duplicates())
            if len(levels) > MOST_LEVELS:
                raise DoesNotFit(f"a column takes {len(levels):,} values")
            asked = frame.iloc[np.zeros(len(levels), dtype=np.int64)].reset_index(drop=True)
            asked[name] = levels.array
            made = dense(encode(native, prepare(asked)).matrix)[:, places]
            self._tables.append((owner, levels, places, made))

    def __call__(self, frame: pd.DataFrame) -> Floats:
        """Return `(n_rows, n_encoded)`.

        Raises:
            UnknownLevelError: a value is in no table.
        """
        made = np.empty((len(frame), self.n_encoded))
        for owner, ways in self._numbers:
            column = frame[self._names[owner]].to_numpy(np.float64, na_value=np.nan)
            for at, rules in ways:
                value = column
                for rule in rules:
                    value = rule(value)
                made[:, at] = value
        for owner, levels, places, table in self._tables:
            codes = levels.get_indexer(pd.Index(frame[self._names[owner]]))
            if (codes < 0).any():
                raise UnknownLevelError
            made[:, places] = table[codes]
        return made


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _chains(native: Any, given: Any) -> list[_Chain]:  # noqa: ANN401  library objects
    chains = [_Chain(owner, ()) for owner in range(given.shape[1])]
    columns: list[Any] = list(getattr(given, "columns", range(given.shape[1])))
    if not hasattr(native, "steps"):
        return chains
    return _through([step for _, step in native.steps[:-1]], chains, columns)


def _through(steps: Sequence[Any], chains: list[_Chain], columns: list[Any]) -> list[_Chain]:
    for step in steps:
        chains = _one(step, chains, columns)
        columns = list(range(len(chains)))
    return chains


def _one(step: Any, chains: list[_Chain], columns: list[Any]) -> list[_Chain]:  # noqa: ANN401
    kind = type(step).__name__
    if kind == "Pipeline":
        return _through([inner for _, inner in step.steps], chains, columns)
    if kind == "ColumnTransformer":
        made: list[_Chain] = []
        for _, inner, chosen in step.transformers_:
            if isinstance(inner, str) and inner == "drop":
                continue
            taken = places_of(chosen, columns)
            own = [chains[place] for place in taken]
            if own:
                made += _one(inner, own, [columns[place] for place in taken])
        return made
    rules = _rules(step, kind, len(chains))
    if rules is not None:
        return [
            chain if chain.rules is None else chain._replace(rules=(*chain.rules, *more))
            for chain, more in zip(chains, rules, strict=True)
        ]
    owners = trace(step, np.array([chain.owner for chain in chains], dtype=np.int64), columns)
    return [_Chain(int(owner), None) for owner in owners]


def _rules(step: Any, kind: str, n_columns: int) -> list[tuple[Rule, ...]] | None:  # noqa: ANN401
    """Return what a fitted step does to each number, or None where that is not known here."""
    if is_nothing(step):
        return [()] * n_columns
    if kind == "StandardScaler":
        return _moved(step.mean_ if step.with_mean else None, step.scale_, n_columns)
    if kind == "RobustScaler":
        return _moved(step.center_ if step.with_centering else None, step.scale_, n_columns)
    if kind == "MinMaxScaler" and not step.clip:
        return [(_multiplied(*pair),) for pair in zip(step.scale_, step.min_, strict=True)]
    if kind == "SimpleImputer" and not step.add_indicator and _is_plain_imputer(step):
        return [(_filled(float(value)),) for value in step.statistics_]
    return None


def _is_plain_imputer(step: Any) -> bool:  # noqa: ANN401  a library's object
    is_number = np.asarray(step.statistics_).dtype.kind == "f"
    return is_number and pd.isna(step.missing_values) and not np.isnan(step.statistics_).any()


def _moved(centre: Any, scale: Any, n_columns: int) -> list[tuple[Rule, ...]]:  # noqa: ANN401
    rules: list[tuple[Rule, ...]] = []
    for at in range(n_columns):
        own: tuple[Rule, ...] = ()
        if centre is not None:
            own += (_less(float(centre[at])),)
        if scale is not None:
            own += (_over(float(scale[at])),)
        rules.append(own)
    return rules


def _less(centre: float) -> Rule:
    return lambda column: column - centre


def _over(scale: float) -> Rule:
    return lambda column: column / scale


def _multiplied(scale: float, offset: float) -> Rule:
    return lambda column: column * scale + offset


def _filled(value: float) -> Rule:
    return lambda column: np.where(np.isnan(column), value, column)
