"""XGBoost boosters in JSON or UBJSON; their trees are checked before anything is predicted.

XGBoost's C++ trusts the node numbers in a file: one that points outside its tree, or back to its
parent, crashes the process or never returns.
"""

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.errors import RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import SAVE_ANY, SAVE_XGBOOST
from analyzers.loaders.levels import level_name
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel
from analyzers.loaders.sklearn_model import as_objects
from analyzers.loaders.trees import check_tree

_CLASSIFIERS = ("binary:logistic", "binary:logitraw", "binary:hinge", "multi:softprob",
                "multi:softmax", "reg:logistic")  # fmt: skip


def load_xgboost(path: Path, *, extension: str) -> LoadedModel:
    """Open a booster file.

    Args:
        path: the file.
        extension: ".json" or ".ubj", which tells XGBoost how to read bytes.

    Raises:
        RefusedFile: damaged, or with trees that contradict themselves.
    """
    import xgboost

    if path.stat().st_size > bounds.MODEL_BYTES:
        raise _refuse("a file larger than is taken")
    content = path.read_bytes()
    if extension == ".json":
        _check(_parsed(content))
    booster = xgboost.Booster({"nthread": 1})
    try:
        # From memory: how a path is read depends on its name, and ours has none.
        booster.load_model(bytearray(content))
    except xgboost.core.XGBoostError as error:
        raise _refuse("a damaged or cut-off file") from error
    return describe_booster(booster, trust=Trust.DATA)


def describe_booster(booster: Any, *, trust: Trust) -> LoadedModel:  # noqa: ANN401
    """Describe a bare booster and how to ask it.

    Raises:
        RefusedFile: its trees contradict themselves, or its task is none of ours.
    """
    model = _parsed(bytes(booster.save_raw("json")))
    _check(model)
    learner = model["learner"]
    objective = str(learner["objective"]["name"])
    if objective.startswith(("rank:", "survival:")):
        raise RefusedFile(
            f"Expected a classifier or a regression, got an XGBoost model of {objective[:40]!r}.",
            remedy="Rankings and survival times are not examined here.",
        )
    n_classes = int(learner["learner_model_param"]["num_class"])
    is_classifier = objective in _CLASSIFIERS
    names = tuple(booster.feature_names) if booster.feature_names else None
    capabilities = {Capability.LINEAR if learner["gradient_booster"]["name"] == "gblinear"
                    else Capability.TREES}  # fmt: skip
    if is_classifier:
        capabilities.add(Capability.PREDICT_PROBA)
    classes: tuple[Level, ...] | None = None
    if is_classifier:
        classes = tuple(range(max(2, n_classes)))
    types = booster.feature_types or []
    levels = _levels(learner, names or ())
    return LoadedModel(
        kind=f"XGBoost booster ({objective})",
        native=booster,
        trust=trust,
        answer=_Ask(booster, objective, tuple(types), names, levels),
        capabilities=frozenset(capabilities),
        feature_names=names,
        n_features=int(booster.num_features()),
        classes=classes,
        is_classifier=is_classifier,
        modality="tabular",
        levels=levels,
    )


class _Ask:
    """Gives rows to a booster, categories in the codes it was fitted on."""

    def __init__(
        self,
        booster: Any,  # noqa: ANN401  untyped library
        objective: str,
        types: tuple[str, ...],
        names: tuple[str, ...] | None,
        levels: Mapping[str, tuple[Level, ...]],
    ) -> None:
        self._booster = booster
        self._objective = objective
        self._types = types
        self._names = names
        self._levels = levels

    def prepare(self, inputs: Inputs) -> Any:  # noqa: ANN401  a frame or an array
        """Return rows as the booster takes them, categories in the codes it was fitted on."""
        frame = inputs if isinstance(inputs, pd.DataFrame) else pd.DataFrame(np.asarray(inputs))
        rows = as_objects(frame).copy()
        for at, name in enumerate(rows.columns):
            known = self._levels.get(name)
            if known is not None:
                rows[name] = pd.Categorical(rows[name], categories=list(known))
            elif at < len(self._types) and self._types[at] == "c":
                codes = pd.to_numeric(rows[name], errors="coerce")
                top = int(np.nanmax(codes)) if codes.notna().any() else 0
                rows[name] = pd.Categorical(codes, categories=range(max(0, min(top, 10_000)) + 1))
            elif rows[name].dtype == object:
                rows[name] = pd.to_numeric(rows[name])
        if self._names is None:
            return rows.to_numpy()
        return rows.set_axis(list(self._names), axis=1)

    def __call__(self, inputs: Inputs) -> Answer:
        """Return probabilities for classifiers, values for regressions."""
        import xgboost

        matrix = xgboost.DMatrix(self.prepare(inputs), enable_categorical=True, nthread=1)
        if self._objective == "multi:softmax":
            margins = self._booster.predict(matrix, output_margin=True)
            shifted = np.exp(margins - margins.max(axis=1, keepdims=True))
            return Answer(scores=shifted / shifted.sum(axis=1, keepdims=True))
        if self._objective in ("binary:logitraw", "binary:hinge"):
            margins = self._booster.predict(matrix, output_margin=True).astype(np.float64)
            return Answer(scores=1 / (1 + np.exp(-margins)))
        given = np.asarray(self._booster.predict(matrix), dtype=np.float64)
        return Answer(scores=given) if self._objective in _CLASSIFIERS else Answer(values=given)


def _levels(learner: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, tuple[Level, ...]]:
    """Read category names from boosters that store them (XGBoost 3.1 and later)."""
    found: dict[str, tuple[Level, ...]] = {}
    stored = learner.get("cats") or learner.get("gradient_booster", {}).get("model", {}).get("cats")
    if not isinstance(stored, dict):
        return found
    for name, encoded in zip(names, stored.get("enc") or [], strict=False):
        values = encoded.get("values") if isinstance(encoded, dict) else None
        offsets = encoded.get("offsets") if isinstance(encoded, dict) else None
        if not values:
            continue
        if offsets is None:
            found[name] = tuple(value for value in values if isinstance(value, int | float))
        else:
            text = bytes(value % 256 for value in values)
            found[name] = tuple(
                text[start:stop].decode("utf-8", "replace") for start, stop in pairwise(offsets)
            )
    return {name: known for name, known in found.items() if len({*map(level_name, known)}) > 1}


def _parsed(content: bytes) -> Any:  # noqa: ANN401  JSON
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _refuse("a damaged or cut-off file") from error


def _check(model: Any) -> None:  # noqa: ANN401  JSON
    """Refuse trees that point outside themselves or back, and counts that do not add up."""
    try:
        learner = model["learner"]
        parameters = learner["learner_model_param"]
        n_features, n_classes = int(parameters["num_feature"]), int(parameters["num_class"])
        if not (0 < n_features <= bounds.COLUMNS and 0 <= n_classes <= bounds.CLASSES):
            raise _refuse(f"{n_features:,} features and {n_classes:,} classes")
        booster = learner["gradient_booster"]
        # DART wraps the trees in one more level.
        inner = booster.get("gbtree", booster).get("model")
        if booster["name"] == "gblinear" or "trees" not in inner:
            return
        trees = inner["trees"]
        groups = inner["tree_info"]
        if len(groups) != len(trees) or any(
            not 0 <= int(group) < max(1, n_classes, int(parameters.get("num_target", 1)))
            for group in groups
        ):
            raise _refuse("trees of classes that do not exist")
        for tree in trees:
            n_nodes = len(tree["left_children"])
            if int(tree["tree_param"]["num_nodes"]) != n_nodes:
                raise _refuse("a tree with another number of nodes than it says")
            check_tree(
                np.asarray(tree["left_children"], dtype=np.int64),
                np.asarray(tree["right_children"], dtype=np.int64),
                np.asarray(tree["split_indices"], dtype=np.int64),
                n_features=n_features,
            )
            for name in ("split_conditions", "default_left", "parents", "base_weights"):
                size = int(tree["tree_param"].get("size_leaf_vector", 1))
                if name in tree and len(tree[name]) not in (n_nodes, n_nodes * max(1, size)):
                    raise _refuse(f"a tree with too few {name}")
            _check_categories(tree, n_nodes)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _refuse("parts missing or of another kind") from error


def _check_categories(tree: Mapping[str, Any], n_nodes: int) -> None:
    total = len(tree.get("categories", []))
    starts, sizes = tree.get("categories_segments", []), tree.get("categories_sizes", [])
    nodes = tree.get("categories_nodes", [])
    if len(starts) != len(sizes) or len(nodes) != len(sizes):
        raise _refuse("categories that do not add up")
    for start, size, node in zip(starts, sizes, nodes, strict=True):
        if not (0 <= start <= start + size <= total and 0 <= node < n_nodes):
            raise _refuse("categories that do not add up")
    if any(not 0 <= int(code) < 2**24 for code in tree.get("categories", [])):
        raise _refuse("categories that do not add up")


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a whole XGBoost model, got one with {found}; it was not opened.",
        remedy=f"{SAVE_XGBOOST} {SAVE_ANY}",
    )
