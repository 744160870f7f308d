"""A tree model taken apart and held to its own scores."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.anatomy.boosters import (
    BOOSTER_LIBRARIES,
    booster_columns,
    library_of,
    own_sums,
    take_booster_apart,
)
from analyzers.anatomy.encoding import Encoded, encode
from analyzers.anatomy.forests import forest_columns, take_forest_apart
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.anatomy.tree import Tree
from analyzers.core.model import Model

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
# Single-precision models add up to about 1e-6 of their output.
_CLOSE = 1e-4
_ROUNDING = 2e-6
_TIMES_SEEN = 8.0


class OpenTrees(NamedTuple):
    """Trees whose sums decide a model's answer.

    Attributes:
        trees: each once.
        values: for every tree, `(n_outputs, n_nodes)` what a leaf adds to each output; outputs are
            the subject's classes, or the one value of a regression model.
        start: `(n_outputs,)` what the sums start from.
        owners: `(n_encoded,)` position of the user's column each compared column comes from.
        tolerance: sums that differ by less may be either way round in the model itself.
    """

    model: Model
    trees: list[Tree]
    values: list[Floats]
    start: Floats
    owners: NDArray[np.int64]
    tolerance: float

    def columns(self, frame: pd.DataFrame) -> Floats:
        """Return rows as the trees compare them, `(n_rows, n_encoded)`."""
        return _columns(_encoded(self.model, frame))

    def sums(self, frame: pd.DataFrame) -> Floats:
        """Return the sums `(n_rows, n_outputs)`."""
        return _sums(self.trees, self.values, self.columns(frame)) + self.start


def open_trees(model: Model, frame: pd.DataFrame, classes: tuple[str, ...]) -> OpenTrees:
    """Take the model apart and prove on the rows of `frame` that the parts are the model.

    Args:
        model: with scores, or a regression model.
        frame: the features' columns of some rows.
        classes: of the subject; none for regression.

    Raises:
        DoesNotFit: it is no tree model whose trees can be read, or their sums are not its scores.
    """
    encoded = _encoded(model, frame)
    is_booster = _is_booster(encoded)
    ensembles = (
        [take_booster_apart(encoded)]
        if is_booster
        else [take_forest_apart(encoded, at) for at in range(len(classes))]
        if classes
        else [take_forest_apart(encoded, None)]
    )
    first = ensembles[0]
    n_outputs = len(ensembles) if first.is_probability else len(first.start)
    trees = [tree for tree, _ in first.trees]
    values = []
    for at, (tree, output) in enumerate(first.trees):
        added = np.zeros((n_outputs, len(tree.left)))
        if first.is_probability:
            added[:] = [ensemble.trees[at][0].value for ensemble in ensembles]
        else:
            added[output] = tree.value
        values.append(added)
    start = np.zeros(n_outputs) if first.is_probability else first.start
    error = 0.0
    sums = _sums(trees, values, first.columns) + start
    if is_booster:
        # What a booster adds beside its trees is the same for every row.
        beside = own_sums(encoded)
        if beside.shape != sums.shape:
            raise DoesNotFit("its sums are of another shape than its trees")
        start = np.median(beside - sums, axis=0)
        sums = sums + start
        _hold(sums, beside)
        error = float(np.abs(sums - beside).max(initial=0.0))
    if classes:
        sums, values, start = _by_class(model, frame, sums, values, start, first, classes)
    else:
        told = np.asarray(model.predict(frame), dtype=np.float64)[:, None]
        _hold(sums, told)
    scale = float(np.abs(sums).max(initial=1.0))
    tolerance = 1e-9 + max(_ROUNDING * scale, _TIMES_SEEN * error)
    return OpenTrees(model, trees, values, start, encoded.owners, tolerance)


def goes_left(tree: Tree, columns: Floats) -> Flags:
    """Say for every node and row who goes left, `(n_nodes, n_rows)`; False at leaves."""
    left = np.zeros((len(tree.left), len(columns)), dtype=bool)
    for node in np.flatnonzero(tree.left >= 0):
        left[node] = tree.goes_left(int(node), columns)
    return left


def _by_class(
    model: Model,
    frame: pd.DataFrame,
    sums: Floats,
    values: list[Floats],
    start: Floats,
    first: Any,  # noqa: ANN401  an Ensemble
    classes: tuple[str, ...],
) -> tuple[Floats, list[Floats], Floats]:
    """Put the outputs in the order of the subject's classes, told by the scores themselves."""
    from scipy.special import expit, softmax

    told = model.predict_proba(frame)
    if sums.shape[1] == 1 and len(classes) == 2:
        # One sum for the second class stands against zero for the first.
        sums = np.c_[np.zeros(len(sums)), sums]
        values = [np.concatenate([np.zeros_like(each), each]) for each in values]
        start = np.r_[0.0, start]
        made = np.c_[expit(-sums[:, 1]), expit(sums[:, 1])]
    else:
        made = sums if first.is_probability else softmax(sums, axis=1)
    if made.shape != told.shape:
        raise DoesNotFit("its sums do not match the classes")
    apart = np.abs(made[:, :, None] - told[:, None, :]).max(axis=0)
    order = apart.argmin(axis=0)
    if len(set(order.tolist())) < len(classes) or apart.min(axis=0).max() > _CLOSE:
        raise DoesNotFit("the sums of its trees do not lead to its scores")
    answers = np.asarray(model.predict(frame))
    sums = sums[:, order]
    if (answers != sums.argmax(axis=1))[_is_clear(sums)].any():
        raise DoesNotFit("its answer is not the class with the highest score")
    return sums, [each[order] for each in values], start[order]


def _is_clear(sums: Floats) -> Flags:
    best = np.sort(sums, axis=1)
    return np.asarray(best[:, -1] - best[:, -2] > _CLOSE)


def _hold(made: Floats, told: Floats) -> None:
    scale = max(1.0, float(np.abs(told).max(initial=0.0)))
    if made.shape != told.shape or np.abs(made - told).max(initial=0.0) > _CLOSE * scale:
        raise DoesNotFit("the sums of its trees do not lead to its answers")


def _sums(trees: list[Tree], values: list[Floats], columns: Floats) -> Floats:
    sums = np.zeros((len(columns), len(values[0])))
    rows = np.arange(len(columns))
    for tree, value in zip(trees, values, strict=True):
        left = goes_left(tree, columns)
        at = np.zeros(len(columns), dtype=np.int64)
        while (tree.left[at] >= 0).any():
            down = np.where(left[at, rows], tree.left[at], tree.right[at])
            at = np.where(tree.left[at] >= 0, down, at)
        sums += value[:, at].T
    return sums


def _encoded(model: Model, frame: pd.DataFrame) -> Encoded:
    prepare = getattr(model, "native_inputs", None)
    try:
        return encode(model.native, frame if prepare is None else prepare(frame))
    except AttributeError as error:
        raise DoesNotFit("its inside cannot be reached") from error


def _columns(encoded: Encoded) -> Floats:
    return booster_columns(encoded) if _is_booster(encoded) else forest_columns(encoded)


def _is_booster(encoded: Encoded) -> bool:
    return library_of(encoded.estimator) in BOOSTER_LIBRARIES
