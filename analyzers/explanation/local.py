"""LIME in the user's own columns: for many rows from one shared sample, and by the package itself.

LIME with cut columns draws its neighbours column by column from the data's own distribution, the
same for every row; only the comparison with the row ("in the same quarter", "the same category")
and the weights of the neighbours differ. So one sample and one question to the model serve all
rows, and what remains for each row is a weighted ridge regression. The package draws a value
inside a quarter from a cut normal distribution; here it is an observed value, so that missing
values, integers and categories stay what they are.

References: Ribeiro, Singh and Guestrin 2016.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.workbench import Tracker, untracked

Ask = Callable[[pd.DataFrame], NDArray[np.float64]]

KERNEL_WIDTH = 0.75
_RIDGE = 1.0


class LocalWeights(NamedTuple):
    """LIME's answer for some rows.

    Attributes:
        weights: `(n_rows, n_features)` change of the output where the column stays as it is.
        intercepts: `(n_rows,)`.
        r_squared: `(n_rows,)` weighted share of variance the local line explains; NaN where the
            model answers the same everywhere.
    """

    weights: NDArray[np.float64]
    intercepts: NDArray[np.float64]
    r_squared: NDArray[np.float64]


def shared_lime(
    ask: Ask,
    rows: pd.DataFrame,
    training: pd.DataFrame,
    n_samples: int,
    rng: np.random.Generator,
    *,
    width: float = KERNEL_WIDTH,
) -> LocalWeights:
    """Explain rows with one sample for all of them.

    Args:
        ask: returns `(n,)` outputs for n rows.
        rows: `(n_rows, n_features)`.
        training: rows whose columns are drawn from, one column independently of the other.
        n_samples: size of the sample.
        rng: source of randomness.
        width: of the kernel; neighbours further away than about this count little.
    """
    n_features = rows.shape[1]
    draws = rng.integers(0, len(training), (n_samples, n_features))
    sample = pd.DataFrame(
        {place: training.iloc[:, place].array.take(draws[:, place]) for place in range(n_features)}
    ).set_axis(rows.columns, axis=1)
    outputs = ask(sample)
    own = ask(rows)
    sample_codes, row_codes = _codes(sample, rows, training)
    weights = np.empty(rows.shape)
    intercepts, r_squared = np.empty(len(rows)), np.empty(len(rows))
    for place in range(len(rows)):
        # The row itself is the first neighbour, as in the package.
        same = np.vstack([np.ones(n_features), sample_codes == row_codes[place]])
        answers = np.concatenate([own[place : place + 1], outputs])
        fit = weighted_ridge(same, answers, kernel(same, width))
        weights[place], intercepts[place], r_squared[place] = fit
    return LocalWeights(weights, intercepts, r_squared)


def kernel(same: NDArray[np.float64], width: float = KERNEL_WIDTH) -> NDArray[np.float64]:
    """LIME's weight of each neighbour, from the columns that differ: `same` `(n, n_features)`."""
    n_features = same.shape[1]
    differ = n_features - same.sum(axis=1)
    weights: NDArray[np.float64] = np.exp(-differ / (2 * width**2 * n_features))
    return weights


class Line(NamedTuple):
    """One weighted ridge regression."""

    weights: NDArray[np.float64]
    intercept: float
    r_squared: float


def weighted_ridge(
    inputs: NDArray[np.float64], outputs: NDArray[np.float64], shares: NDArray[np.float64]
) -> Line:
    """Fit outputs on inputs with a penalty of 1 and an intercept that is not penalised."""
    total = shares.sum()
    middle, level = shares @ inputs / total, shares @ outputs / total
    lifted = outputs - level
    # Centred by its mean afterwards: one weighted copy of the inputs instead of three.
    weighed = inputs * np.sqrt(shares)[:, None]
    gram = weighed.T @ weighed - total * np.outer(middle, middle)
    gram[np.diag_indices_from(gram)] += _RIDGE
    weights = np.linalg.solve(gram, (shares * lifted) @ inputs)
    missed = lifted - inputs @ weights + middle @ weights
    variance = float(shares @ lifted**2)
    # A constant model leaves rounding noise, not variance.
    is_constant = variance <= 1e-24 * total * max(1.0, level**2)
    r_squared = np.nan if is_constant else 1 - float(shares @ missed**2) / variance
    return Line(weights, float(level - middle @ weights), r_squared)


def package_lime(
    ask: Ask,
    row: pd.DataFrame,
    training: pd.DataFrame,
    n_samples: int,
    seeds: NDArray[np.int64],
    *,
    track: Tracker = untracked,
) -> LocalWeights:
    """Explain one row with the `lime` package, once for each seed.

    The package takes arrays: categories become codes, and a number missing in the row keeps
    missing in all its neighbours, so that its weight is 0.

    Args:
        ask: returns `(n,)` outputs for n rows.
        row: `(1, n_features)`.
        training: rows the package takes its statistics from.
        n_samples: neighbours for each seed.
        seeds: `(n_runs,)`.
        track: progress over the runs.
    """
    from lime.lime_tabular import LimeTabularExplainer
    from sklearn.utils import check_random_state

    table = _Arrays(training, row)
    found, intercepts, r_squared = [], [], []
    with warnings.catch_warnings():
        # The package divides by the spread of constant columns and says so; their weight is 0.
        warnings.simplefilter("ignore")
        explainer = LimeTabularExplainer(
            table.training,
            mode="regression",
            feature_names=[str(place) for place in range(row.shape[1])],
            categorical_features=table.categorical,
            categorical_names=table.names,
        )
    for seed in track(seeds, "Running LIME on the shown row", total=len(seeds)):
        # What it learned of the training rows serves every run; only the source of chance changes.
        source = check_random_state(int(seed))
        explainer.random_state = explainer.base.random_state = source
        explainer.discretizer.random_state = source
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = explainer.explain_instance(
                table.row,
                lambda array: ask(table.frame(array)),
                num_features=row.shape[1],
                num_samples=n_samples,
            )
        weights = np.zeros(row.shape[1])
        for place, weight in answer.local_exp[1]:
            weights[place] = weight
        weights[table.missing] = 0.0
        found.append(weights)
        intercepts.append(float(answer.intercept[1]))
        r_squared.append(float(answer.score))
    return LocalWeights(np.array(found), np.array(intercepts), np.array(r_squared))


class _Arrays:
    """A table as LIME's package wants it, and back."""

    def __init__(self, training: pd.DataFrame, row: pd.DataFrame) -> None:
        self.dtypes = training.dtypes
        self.columns = training.columns
        self.levels: dict[int, Any] = {}
        self.categorical: list[int] = []
        self.names: dict[int, list[str]] = {}
        parts, own, missing = [], [], []
        for place in range(training.shape[1]):
            column, value = training.iloc[:, place], row.iloc[:, place]
            if is_number(column):
                numbers = column.to_numpy(np.float64, na_value=np.nan)
                known = numbers[~np.isnan(numbers)]
                middle = float(np.median(known)) if len(known) else 0.0
                parts.append(np.where(np.isnan(numbers), middle, numbers))
                at = float(value.to_numpy(np.float64, na_value=np.nan)[0])
                missing.append(np.isnan(at))
                own.append(middle if np.isnan(at) else at)
            else:
                both = pd.concat([column, value], ignore_index=True)
                codes, levels = pd.factorize(both, sort=False, use_na_sentinel=False)
                self.levels[place] = levels
                self.categorical.append(place)
                self.names[place] = [str(level) for level in levels]
                parts.append(codes[:-1].astype(np.float64))
                own.append(float(codes[-1]))
                missing.append(False)
        self.training = np.column_stack(parts)
        self.row = np.array(own)
        self.missing = np.array(missing, dtype=bool)

    def frame(self, array: NDArray[np.float64]) -> pd.DataFrame:
        """Turn LIME's neighbours back into the user's columns and types."""
        columns = {}
        for place, dtype in enumerate(self.dtypes):
            values = array[:, place]
            if place in self.levels:
                levels = self.levels[place]
                columns[place] = pd.Series(levels.take(values.astype(np.int64))).astype(dtype)
            elif self.missing[place]:
                columns[place] = pd.Series(np.full(len(values), np.nan)).astype(dtype)
            elif pd.api.types.is_integer_dtype(dtype):
                columns[place] = pd.Series(np.rint(values)).astype(dtype)
            else:
                columns[place] = pd.Series(values).astype(dtype)
        return pd.DataFrame(columns).set_axis(self.columns, axis=1)


def is_number(column: pd.Series) -> bool:
    """Whether a column is cut into quarters; anything else is a category."""
    kind = pd.api.types
    return bool(kind.is_numeric_dtype(column) and not kind.is_bool_dtype(column))


def _codes(
    sample: pd.DataFrame, rows: pd.DataFrame, training: pd.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Number quarters and categories; two values are the same where their codes are equal."""
    parts = []
    for place in range(rows.shape[1]):
        pair = pd.concat([sample.iloc[:, place], rows.iloc[:, place]], ignore_index=True)
        if is_number(training.iloc[:, place]):
            known = training.iloc[:, place].to_numpy(np.float64, na_value=np.nan)
            edges = (
                np.unique(np.percentile(known[~np.isnan(known)], [25, 50, 75]))
                if not np.isnan(known).all()
                else np.zeros(0)
            )
            numbers = pair.to_numpy(np.float64, na_value=np.nan)
            codes = np.searchsorted(edges, numbers, side="left")
            codes[np.isnan(numbers)] = -1
        else:
            codes = pd.factorize(pair, use_na_sentinel=True)[0]
        parts.append(codes.astype(np.int64))
    together = np.column_stack(parts)
    return together[: len(sample)], together[len(sample) :]
