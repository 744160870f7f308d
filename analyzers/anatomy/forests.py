"""scikit-learn's tree models taken apart into trees and what their sum starts from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.encoding import Encoded, dense
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.anatomy.tree import Ensemble, Tree

# Named once: an annotation of a function made for every tree is evaluated for every tree.
_Numbers = NDArray[np.float64]
_Answers = NDArray[np.bool_]

_FORESTS = {
    "RandomForestClassifier", "RandomForestRegressor", "ExtraTreesClassifier",
    "ExtraTreesRegressor", "DecisionTreeClassifier", "DecisionTreeRegressor",
    "ExtraTreeClassifier", "ExtraTreeRegressor",
}  # fmt: skip
_GRADIENT = {"GradientBoostingClassifier", "GradientBoostingRegressor"}
_HISTOGRAM = {"HistGradientBoostingClassifier", "HistGradientBoostingRegressor"}


def take_forest_apart(encoded: Encoded, class_index: int | None) -> Ensemble:
    """Return the trees of a scikit-learn model and what their sum starts from.

    Raises:
        DoesNotFit: the estimator is no tree model, or of a kind whose trees are not read.
    """
    kind = type(encoded.estimator).__name__
    try:
        if kind in _FORESTS:
            return _forest(encoded, class_index)
        if kind in _GRADIENT:
            return _gradient(encoded)
        if kind in _HISTOGRAM:
            return _histogram(encoded)
    except AttributeError as error:
        # Some of these are the library's private parts; another release may have moved them.
        raise DoesNotFit(f"this release of {kind} keeps its trees elsewhere") from error
    raise DoesNotFit(f"{kind} is neither a tree model nor a linear one")


def forest_columns(encoded: Encoded) -> NDArray[np.float64]:
    """Return rows as the trees of a scikit-learn model compare them, `(n_rows, n_encoded)`.

    Raises:
        DoesNotFit: the columns are not all numbers.
    """
    if type(encoded.estimator).__name__ in _HISTOGRAM:
        return _binned(encoded)
    return _single(encoded)


def _forest(encoded: Encoded, class_index: int | None) -> Ensemble:
    estimator = encoded.estimator
    members = getattr(estimator, "estimators_", None)
    trees = [estimator] if members is None else list(members)
    if getattr(estimator, "n_outputs_", 1) != 1:
        raise DoesNotFit("it has several targets at once")
    output = 0 if class_index is None else class_index
    parts = [
        (_split_tree(tree.tree_, tree.tree_.value[:, 0, output] / len(trees)), 0) for tree in trees
    ]
    return Ensemble(parts, np.zeros(1), _single(encoded), is_probability=True)


def _gradient(encoded: Encoded) -> Ensemble:
    estimator = encoded.estimator
    columns = _single(encoded)
    n_outputs = estimator.estimators_.shape[1]
    trees = [
        (_split_tree(tree.tree_, tree.tree_.value[:, 0, 0] * estimator.learning_rate), output)
        for stage in estimator.estimators_
        for output, tree in enumerate(stage)
    ]
    initial = estimator._raw_predict_init(columns[:2].astype(np.float32))
    if not np.allclose(initial, initial[0]):
        raise DoesNotFit("its first guess is another model")
    start = np.asarray(initial[0], dtype=np.float64).reshape(n_outputs)
    return Ensemble(trees, start, columns, is_probability=False)


def _histogram(encoded: Encoded) -> Ensemble:
    estimator = encoded.estimator
    columns = _binned(encoded)
    order = _histogram_order(estimator, columns.shape[1])
    trees = [
        (_histogram_tree(predictor, order), output)
        for stage in estimator._predictors
        for output, predictor in enumerate(stage)
    ]
    start = np.asarray(estimator._baseline_prediction, dtype=np.float64).reshape(-1)
    return Ensemble(trees, start, columns, is_probability=False)


def _binned(encoded: Encoded) -> NDArray[np.float64]:
    # Categories are numbered as the model numbers them; numbers stay as they are.
    rows = encoded.estimator._preprocess_X(encoded.matrix, reset=False)
    made = np.asarray(rows, dtype=np.float64)
    columns = np.empty_like(made)
    columns[:, _histogram_order(encoded.estimator, made.shape[1])] = made
    return columns


def _histogram_order(estimator: Any, n_columns: int) -> NDArray[np.int64]:  # noqa: ANN401
    """Which of its inputs the model keeps in each place: it puts categories first."""
    if getattr(estimator, "_preprocessor", None) is None:
        return np.arange(n_columns)
    is_category = np.asarray(estimator.is_categorical_, dtype=bool)
    return np.r_[np.flatnonzero(is_category), np.flatnonzero(~is_category)]


def _single(encoded: Encoded) -> NDArray[np.float64]:
    # scikit-learn's trees compare in single precision.
    return dense(encoded.matrix).astype(np.float32).astype(np.float64)


def _split_tree(parts: Any, value: NDArray[np.float64]) -> Tree:  # noqa: ANN401  sklearn's Tree
    threshold, feature = parts.threshold, parts.feature
    missing_left = np.asarray(parts.missing_go_to_left, dtype=bool)

    def goes_left(node: int, columns: _Numbers) -> _Answers:
        asked = columns[:, feature[node]]
        passes: _Answers = asked <= threshold[node]
        return passes | np.isnan(asked) if missing_left[node] else passes

    return Tree(
        left=parts.children_left,
        right=parts.children_right,
        feature=feature,
        cover=parts.weighted_n_node_samples,
        value=value,
        threshold=np.where(parts.children_left < 0, np.nan, threshold),
        goes_left=goes_left,
    )


def _histogram_tree(predictor: Any, order: NDArray[np.int64]) -> Tree:  # noqa: ANN401  sklearn's
    nodes = predictor.nodes
    feature = order[nodes["feature_idx"]]
    is_leaf = nodes["is_leaf"].astype(bool)
    sets, set_of = predictor.raw_left_cat_bitsets, nodes["bitset_idx"]
    is_category = nodes["is_categorical"].astype(bool)
    # Plain lists: every visit of a node reads one entry of each.
    asks_set, threshold = is_category.tolist(), nodes["num_threshold"].tolist()
    missing_left = nodes["missing_go_to_left"].astype(bool).tolist()

    def goes_left(node: int, columns: _Numbers) -> _Answers:
        asked = columns[:, feature[node]]
        if asks_set[node]:
            return _in_set(asked, sets[set_of[node]], missing_left=missing_left[node])
        passes: _Answers = asked <= threshold[node]
        return passes | np.isnan(asked) if missing_left[node] else passes

    return Tree(
        left=np.where(is_leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(is_leaf, -1, nodes["right"].astype(np.int64)),
        feature=feature,
        cover=nodes["count"].astype(np.float64),
        value=nodes["value"].astype(np.float64),
        threshold=np.where(is_leaf | is_category, np.nan, nodes["num_threshold"]),
        goes_left=goes_left,
    )


def _in_set(
    asked: NDArray[np.float64], bits: NDArray[np.uint32], *, missing_left: bool
) -> NDArray[np.bool_]:
    """Whether each category is in a set kept as 256 bits."""
    is_missing = np.isnan(asked) | (asked < 0)
    codes = np.where(is_missing, 0, asked).astype(np.int64)
    member = (bits[np.clip(codes // 32, 0, 7)] >> (codes % 32).astype(np.uint32)) & 1
    return np.where(is_missing, missing_left, member.astype(bool))
