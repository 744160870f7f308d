"""From a pipeline to the matrix its last step sees, and back to the user's own columns."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.anatomy.refusal import DoesNotFit

# Each output column of these depends on the one input column in the same place.
_COLUMN_BY_COLUMN = {
    "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler", "QuantileTransformer",
    "PowerTransformer", "Binarizer", "OrdinalEncoder",
}  # fmt: skip
_WIDEST_DENSE = 50_000_000


class Encoded(NamedTuple):
    """What the last step of a pipeline sees.

    Attributes:
        estimator: the last step.
        matrix: `(n_rows, n_encoded)` dense or sparse, or the frame itself where nothing precedes.
        owners: `(n_encoded,)` position of the user's column each encoded column comes from.
    """

    estimator: Any
    matrix: Any
    owners: NDArray[np.int64]


def encode(native: Any, rows: Any) -> Encoded:  # noqa: ANN401  library objects
    """Run the pipeline up to its last step and trace every encoded column to the user's.

    Args:
        native: a fitted pipeline or estimator.
        rows: `(n_rows, n_features)` frame or array as `native` takes it, columns in the user's
            order.

    Raises:
        DoesNotFit: a step mixes columns, or is of a kind whose columns cannot be traced.
    """
    owners = np.arange(rows.shape[1])
    if not hasattr(native, "steps"):
        return Encoded(native, rows, owners)
    matrix: Any = rows
    columns: list[Any] = list(getattr(rows, "columns", range(rows.shape[1])))
    for _, step in native.steps[:-1]:
        owners = trace(step, owners, columns)
        matrix = matrix if is_nothing(step) else step.transform(matrix)
        if matrix.shape[1] != len(owners):
            raise DoesNotFit(
                f"the columns made by {type(step).__name__} could not be matched to the data's"
            )
        columns = list(range(len(owners)))
    return Encoded(native.steps[-1][1], matrix, owners)


def dense(matrix: Any) -> NDArray[np.float64]:  # noqa: ANN401  frame, array or sparse matrix
    """Return the matrix as floats.

    Raises:
        DoesNotFit: it holds words, or is too large to hold densely.
    """
    if hasattr(matrix, "toarray"):
        if matrix.shape[0] * matrix.shape[1] > _WIDEST_DENSE:
            raise DoesNotFit("its encoded columns are too many to hold at once")
        matrix = matrix.toarray()
    try:
        return np.asarray(matrix, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DoesNotFit("its columns are not all numbers") from error


def trace(step: Any, owners: NDArray[np.int64], columns: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    """Say from which of the user's columns each output column of one fitted step comes.

    Args:
        step: a fitted transformer, "passthrough" or None.
        owners: `(n_in,)` owners of the step's inputs.
        columns: names or positions of the step's inputs.

    Raises:
        DoesNotFit: the step mixes columns, or its kind is not known.
    """
    kind = type(step).__name__
    if is_nothing(step) or kind in _COLUMN_BY_COLUMN:
        return owners
    tracer = _TRACERS.get(kind)
    if tracer is not None:
        return np.asarray(tracer(step, owners, columns), dtype=np.int64)
    if hasattr(step, "get_support"):
        return owners[step.get_support()]
    raise DoesNotFit(f"{kind} mixes columns, so what it makes belongs to no single one")


def is_nothing(step: Any) -> bool:  # noqa: ANN401  see trace
    """Whether a step hands on what it is given."""
    is_identity = type(step).__name__ == "FunctionTransformer" and step.func is None
    return step is None or is_identity or (isinstance(step, str) and step == "passthrough")


def _pipeline(step: Any, owners: NDArray[np.int64], columns: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    for _, inner in step.steps:
        owners = trace(inner, owners, columns)
        columns = list(range(len(owners)))
    return owners


def _union(step: Any, owners: NDArray[np.int64], columns: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    parts = [
        trace(inner, owners, columns)
        for _, inner in step.transformer_list
        if not (isinstance(inner, str) and inner == "drop")
    ]
    return np.concatenate([owners[:0], *parts])


def _by_columns(step: Any, owners: NDArray[np.int64], columns: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    parts = [owners[:0]]
    for _, inner, chosen in step.transformers_:
        if isinstance(inner, str) and inner == "drop":
            continue
        places = places_of(chosen, columns)
        if len(places):
            parts.append(trace(inner, owners[places], [columns[place] for place in places]))
    return np.concatenate(parts)


def places_of(chosen: Any, columns: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401  sklearn's many forms
    """Return the positions of the columns that a part of a ColumnTransformer takes.

    Args:
        chosen: a name, a position, a slice of either, a mask, or a list of them.
        columns: names or positions of all.
    """
    if isinstance(chosen, slice):
        ends = [
            columns.index(end) if isinstance(end, str) else end
            for end in (chosen.start, chosen.stop)
        ]
        if isinstance(chosen.stop, str):
            ends[1] += 1
        return np.arange(len(columns))[slice(ends[0], ends[1], chosen.step)]
    chosen = [chosen] if isinstance(chosen, str | int) else list(chosen)
    if chosen and all(isinstance(item, bool | np.bool_) for item in chosen):
        return np.flatnonzero(chosen)
    return np.array(
        [columns.index(item) if isinstance(item, str) else int(item) for item in chosen],
        dtype=np.int64,
    )


def _one_hot(step: Any, owners: NDArray[np.int64], _: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    widths = getattr(step, "_n_features_outs", None)
    if widths is None:
        widths = [len(levels) for levels in step.categories_]
    return np.repeat(owners, widths)


def _imputer(step: Any, owners: NDArray[np.int64], _: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    kept = owners
    if not getattr(step, "keep_empty_features", False):
        kept = owners[~pd.isna(step.statistics_)]
    indicator = getattr(step, "indicator_", None)
    return kept if indicator is None else np.concatenate([kept, owners[indicator.features_]])


def _indicator(step: Any, owners: NDArray[np.int64], _: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    return owners[step.features_]


def _bins(step: Any, owners: NDArray[np.int64], _: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    return owners if step.encode == "ordinal" else np.repeat(owners, step.n_bins_)


def _target_means(step: Any, owners: NDArray[np.int64], _: list[Any]) -> NDArray[np.int64]:  # noqa: ANN401
    if getattr(step, "target_type_", "") == "multiclass":
        return np.repeat(owners, len(step.classes_))
    return owners


_TRACERS: dict[str, Any] = {
    "Pipeline": _pipeline,
    "FeatureUnion": _union,
    "ColumnTransformer": _by_columns,
    "OneHotEncoder": _one_hot,
    "SimpleImputer": _imputer,
    "MissingIndicator": _indicator,
    "KBinsDiscretizer": _bins,
    "TargetEncoder": _target_means,
}
