"""XGBoost, LightGBM and CatBoost taken apart into trees, from their own documented JSON."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.anatomy.encoding import Encoded, dense
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.anatomy.tree import Ensemble, Tree

Floats = NDArray[np.float64]
Numbered = tuple[Tree, int]
BOOSTER_LIBRARIES = frozenset({"xgboost", "lightgbm", "catboost"})
_LIGHTGBM_ZERO = 1e-35


def library_of(estimator: Any) -> str:  # noqa: ANN401  a library's object
    """Name the package that an estimator's class comes from."""
    return type(estimator).__module__.partition(".")[0]


def take_booster_apart(encoded: Encoded) -> Ensemble:
    """Return the trees of a booster, and the sums they start from as 0.

    What a booster adds beside its trees is left out; whoever uses the trees holds them to the
    booster's own sums (`own_sums`), which also proves that the file was understood.

    Raises:
        DoesNotFit: it is no booster of these libraries, or of a kind whose trees are not read.
    """
    library = library_of(encoded.estimator)
    reader = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}.get(library)
    if reader is None:
        raise DoesNotFit(f"{type(encoded.estimator).__name__} is no booster")
    try:
        trees, columns = reader(encoded)
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise DoesNotFit(f"this release of {library} writes its trees otherwise") from error
    n_outputs = 1 + max(output for _, output in trees)
    return Ensemble(trees, np.zeros(n_outputs), columns, is_probability=False)


def own_sums(encoded: Encoded) -> Floats:
    """Ask the booster for its raw sums, `(n_rows, n_outputs)`."""
    model = encoded.estimator
    library = library_of(model)
    if library == "xgboost":
        booster = xgboost_booster(model)
        span = xgboost_trees_used(booster)
        raw = booster.predict(xgboost_rows(encoded), output_margin=True, iteration_range=span)
    elif library == "lightgbm":
        raw = lightgbm_booster(model).predict(encoded.matrix, raw_score=True)
    else:
        raw = model.predict(catboost_rows(encoded), prediction_type="RawFormulaVal")
    return np.asarray(raw, dtype=np.float64).reshape(len(raw), -1)


def booster_columns(encoded: Encoded) -> Floats:
    """Return rows as the trees of a booster compare them, `(n_rows, n_encoded)`.

    Raises:
        DoesNotFit: the columns are not all numbers.
    """
    if library_of(encoded.estimator) == "lightgbm":
        return _numbers(encoded, _lightgbm_categories(encoded))
    # The other two compare in single precision.
    return _numbers(encoded).astype(np.float32).astype(np.float64)


def xgboost_booster(model: Any) -> Any:  # noqa: ANN401  an estimator or a booster
    """Return the booster itself."""
    return model.get_booster() if hasattr(model, "get_booster") else model


def lightgbm_booster(model: Any) -> Any:  # noqa: ANN401  an estimator or a booster
    """Return the booster itself."""
    return getattr(model, "booster_", model)


def catboost_rows(encoded: Encoded) -> Any:  # noqa: ANN401  catboost.Pool
    """Return the rows as CatBoost's own, with the categories it was fitted with."""
    import catboost

    categories = list(encoded.estimator.get_cat_feature_indices())
    return catboost.Pool(encoded.matrix, cat_features=categories)


def xgboost_rows(encoded: Encoded) -> Any:  # noqa: ANN401  xgboost.DMatrix
    """Return the rows as XGBoost's own matrix, under the booster's column names."""
    import xgboost

    booster = xgboost_booster(encoded.estimator)
    matrix = encoded.matrix
    if isinstance(matrix, pd.DataFrame):
        if booster.feature_names is None:
            matrix = matrix.to_numpy(np.float64)
        elif list(matrix.columns) != booster.feature_names:
            matrix = matrix.set_axis(booster.feature_names, axis=1)
        return xgboost.DMatrix(matrix, enable_categorical=True)
    return xgboost.DMatrix(matrix, feature_names=booster.feature_names)


def xgboost_trees_used(booster: Any) -> tuple[int, int]:  # noqa: ANN401  xgboost.Booster
    """Return the rounds its predictions use, (0, 0) for all: fewer where it stopped early."""
    if booster.attr("best_iteration") is None:
        return (0, 0)
    return (0, int(booster.best_iteration) + 1)


def _numbers(encoded: Encoded, categories: Mapping[int, list[Any]] | None = None) -> Floats:
    """The rows as numbers; categories become their place in the model's list or their codes."""
    matrix = encoded.matrix
    if not isinstance(matrix, pd.DataFrame):
        return dense(matrix)
    columns = []
    for place in range(matrix.shape[1]):
        column = matrix.iloc[:, place]
        if isinstance(column.dtype, pd.CategoricalDtype):
            known = (categories or {}).get(place)
            codes = column.cat.codes if known is None else pd.Index(known).get_indexer(column)
            numbers = np.asarray(codes, dtype=np.float64)
            columns.append(np.where(numbers < 0, np.nan, numbers))
        else:
            columns.append(dense(column.to_frame())[:, 0])
    return np.column_stack(columns)


def _xgboost(encoded: Encoded) -> tuple[list[Numbered], Floats]:
    booster = xgboost_booster(encoded.estimator)
    grown = json.loads(booster.save_raw("json"))["learner"]["gradient_booster"]
    if grown["name"] != "gbtree":
        raise DoesNotFit(f"its trees are of the kind {grown['name']!r}")
    model = grown["model"]
    _, last = xgboost_trees_used(booster)
    ends = model["iteration_indptr"]
    used = ends[last] if last else ends[-1]
    trees = [
        (_xgboost_tree(tree), int(output))
        for tree, output in zip(model["trees"][:used], model["tree_info"], strict=False)
    ]
    return trees, booster_columns(encoded)


def _xgboost_tree(parts: dict[str, Any]) -> Tree:
    if parts["tree_param"]["size_leaf_vector"] not in ("0", "1"):
        raise DoesNotFit("its leaves hold several outputs at once")
    left = np.asarray(parts["left_children"], dtype=np.int64)
    asked = np.asarray(parts["split_indices"], dtype=np.int64)
    threshold = np.asarray(parts["split_conditions"], dtype=np.float32).astype(np.float64)
    default_left = np.asarray(parts["default_left"], dtype=bool)
    sets = {
        node: np.asarray(parts["categories"][start : start + size], dtype=np.float64)
        for node, start, size in zip(
            parts["categories_nodes"],
            parts["categories_segments"],
            parts["categories_sizes"],
            strict=True,
        )
    }

    def goes_left(node: int, columns: Floats) -> NDArray[np.bool_]:
        column = columns[:, asked[node]]
        # Categories in the set go to the right.
        passes = ~np.isin(column, sets[node]) if node in sets else column < threshold[node]
        return np.where(np.isnan(column), default_left[node], passes)

    return Tree(
        left=left,
        right=np.asarray(parts["right_children"], dtype=np.int64),
        feature=asked,
        cover=np.asarray(parts["sum_hessian"], dtype=np.float64),
        value=threshold,  # at a leaf the condition holds its value
        threshold=np.array(
            [np.nan if left[at] < 0 or at in sets else threshold[at] for at in range(len(left))]
        ),
        goes_left=goes_left,
    )


def _lightgbm(encoded: Encoded) -> tuple[list[Numbered], Floats]:
    booster = lightgbm_booster(encoded.estimator)
    model = booster.dump_model()
    each = int(model["num_tree_per_iteration"])
    share = each / len(model["tree_info"]) if model["average_output"] else 1.0
    trees = [
        (_lightgbm_tree(info["tree_structure"], share), at % each)
        for at, info in enumerate(model["tree_info"])
    ]
    return trees, booster_columns(encoded)


def _lightgbm_categories(encoded: Encoded) -> dict[int, list[Any]]:
    """The levels of each categorical column in the order the booster numbers them."""
    booster = lightgbm_booster(encoded.estimator)
    known = iter(booster.pandas_categorical or [])
    if not isinstance(encoded.matrix, pd.DataFrame):
        return {}
    return {
        place: next(known)
        for place, kind in enumerate(encoded.matrix.dtypes)
        if isinstance(kind, pd.CategoricalDtype)
    }


def _lightgbm_tree(root: dict[str, Any], share: float) -> Tree:
    nodes = list(_flat(root))
    place = {id(node): at for at, node in enumerate(nodes)}
    if any("leaf_coeff" in node for node in nodes):
        raise DoesNotFit("its leaves hold linear models")

    def child(node: dict[str, Any], side: str) -> int:
        return place[id(node[side])] if side in node else -1

    asked = np.array([node.get("split_feature", 0) for node in nodes])
    rules = [_lightgbm_rule(node) if "split_feature" in node else None for node in nodes]

    def goes_left(node: int, columns: Floats) -> NDArray[np.bool_]:
        rule = rules[node]
        assert rule is not None  # noqa: S101  only nodes that ask are asked
        return rule(columns[:, asked[node]])

    return Tree(
        left=np.array([child(node, "left_child") for node in nodes]),
        right=np.array([child(node, "right_child") for node in nodes]),
        feature=asked,
        cover=np.array([node.get("internal_count", node.get("leaf_count", 1)) for node in nodes])
        .astype(np.float64),
        value=np.array([node.get("leaf_value", 0.0) for node in nodes]) * share,
        threshold=np.array(
            [
                np.nan if node.get("decision_type", "==") == "==" else float(node["threshold"])
                for node in nodes
            ]
        ),
        goes_left=goes_left,
    )  # fmt: skip


def _flat(root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    waiting = [root]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += [node[side] for side in ("right_child", "left_child") if side in node]


def _lightgbm_rule(node: dict[str, Any]) -> Callable[[Floats], NDArray[np.bool_]]:
    if node["decision_type"] == "==":
        members = np.array([float(code) for code in str(node["threshold"]).split("||")])
        # Missing and unknown categories are in no set and go to the right.
        return lambda column: np.isin(column, members)
    threshold, default_left = float(node["threshold"]), bool(node["default_left"])
    missing = node["missing_type"]

    def rule(column: Floats) -> NDArray[np.bool_]:
        is_missing = np.isnan(column)
        if missing == "NaN":
            return np.where(is_missing, default_left, column <= threshold)
        filled = np.where(is_missing, 0.0, column)
        if missing == "Zero":
            return np.where(np.abs(filled) <= _LIGHTGBM_ZERO, default_left, filled <= threshold)
        return filled <= threshold

    return rule


def _catboost(encoded: Encoded) -> tuple[list[Numbered], Floats]:
    estimator = encoded.estimator
    if list(estimator.get_cat_feature_indices()):
        raise DoesNotFit("CatBoost keeps only hashes of its categories")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trees.json"
        estimator.save_model(str(path), format="json")
        model = json.loads(path.read_text())
    if "oblivious_trees" not in model:
        raise DoesNotFit("its trees are not symmetric")
    floats = model["features_info"]["float_features"]
    scale = float(model["scale_and_bias"][0])
    trees = []
    for parts in model["oblivious_trees"]:
        leaves = np.asarray(parts["leaf_values"], dtype=np.float64) * scale
        leaves = leaves.reshape(2 ** len(parts["splits"]), -1)
        cover = np.asarray(parts["leaf_weights"] or np.ones(len(leaves)), dtype=np.float64)
        trees += [
            (_symmetric_tree(parts["splits"], floats, leaves[:, output], cover), output)
            for output in range(leaves.shape[1])
        ]
    return trees, booster_columns(encoded)


def _symmetric_tree(
    splits: list[dict[str, Any]], floats: list[dict[str, Any]], leaves: Floats, cover: Floats
) -> Tree:
    """A tree that asks one question at each level; the first split is the last bit of a leaf."""
    depth, n_inner = len(splits), len(leaves) - 1
    at = np.arange(2 * len(leaves) - 1)
    level = np.floor(np.log2(at + 1)).astype(np.int64)
    inner = at < n_inner
    questions = [splits[depth - 1 - step] for step in range(depth)]
    columns_of = [floats[question["float_feature_index"]] for question in questions]
    counts = np.concatenate([np.zeros(n_inner), cover])
    for node in range(n_inner - 1, -1, -1):
        counts[node] = counts[2 * node + 1] + counts[2 * node + 2]

    def goes_left(node: int, columns: Floats) -> NDArray[np.bool_]:
        kind = columns_of[level[node]]
        column = columns[:, kind["flat_feature_index"]]
        above = column > questions[level[node]]["border"]
        if kind["nan_value_treatment"] == "AsTrue":
            above |= np.isnan(column)
        return ~above

    feature = [columns_of[step]["flat_feature_index"] if step < depth else 0 for step in level]
    return Tree(
        left=np.where(inner, 2 * at + 1, -1),
        right=np.where(inner, 2 * at + 2, -1),
        feature=np.array(feature),
        cover=counts,
        value=np.concatenate([np.zeros(n_inner), leaves]),
        threshold=np.array(
            [questions[step]["border"] if step < depth else np.nan for step in level]
        ),
        goes_left=goes_left,
    )
