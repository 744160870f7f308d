"""LightGBM boosters in their text form; trees are checked before LightGBM's C++ sees them."""

import re
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.errors import RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import SAVE_ANY, SAVE_LIGHTGBM
from analyzers.loaders.levels import level_name
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel
from analyzers.loaders.sklearn_model import as_objects

_CLASSIFIERS = ("binary", "multiclass", "multiclassova", "cross_entropy")


def load_lightgbm(path: Path) -> LoadedModel:
    """Open a LightGBM text model.

    Raises:
        RefusedFile: damaged, cut off, or with trees that contradict themselves.
    """
    import lightgbm

    if path.stat().st_size > bounds.MODEL_BYTES:
        raise _refuse("a file larger than is taken")
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refuse("bytes that are no text") from error
    check_text(text)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            booster = lightgbm.Booster(model_str=text, params={"num_threads": 1, "verbose": -1})
    except (lightgbm.basic.LightGBMError, ValueError, TypeError, IndexError, KeyError) as error:
        raise _refuse("a damaged or cut-off file") from error
    return describe_booster(booster, trust=Trust.DATA)


def describe_booster(booster: Any, *, trust: Trust) -> LoadedModel:  # noqa: ANN401
    """Describe a bare booster and how to ask it.

    Raises:
        RefusedFile: its task is none of ours.
    """
    text = booster.model_to_string()
    check_text(text)
    match = re.search(r"^objective=(\w+)", text, re.M)
    objective = match[1] if match else ""
    if objective in ("lambdarank", "rank_xendcg"):
        raise RefusedFile(
            f"Expected a classifier or a regression, got a LightGBM model of {objective!r}.",
            remedy="Rankings are not examined here.",
        )
    given = [str(name) for name in booster.feature_name()]
    names = None if re.fullmatch(r"Column_\d+", given[0] if given else "") else tuple(given)
    is_classifier = objective in _CLASSIFIERS
    n_classes = max(2, int(booster.num_model_per_iteration()))
    capabilities = {Capability.TREES}
    if is_classifier:
        capabilities.add(Capability.PREDICT_PROBA)
    classes: tuple[Level, ...] | None = tuple(range(n_classes)) if is_classifier else None
    levels = _levels(booster, text, tuple(given)) if names is not None else {}
    return LoadedModel(
        kind=f"LightGBM booster ({objective or 'unknown objective'})",
        native=booster,
        trust=trust,
        answer=_Ask(booster, is_classifier, levels),
        capabilities=frozenset(capabilities),
        feature_names=names,
        n_features=int(booster.num_feature()),
        classes=classes,
        is_classifier=is_classifier,
        modality="tabular",
        levels=levels,
    )


class _Ask:
    """Gives rows to a booster, categories in the order it was fitted on."""

    def __init__(
        self,
        booster: Any,  # noqa: ANN401  untyped library
        is_classifier: bool,
        levels: dict[str, tuple[Level, ...]],
    ) -> None:
        self._booster = booster
        self._is_classifier = is_classifier
        self._levels = levels

    def prepare(self, inputs: Inputs) -> Any:  # noqa: ANN401  a frame or an array
        """Return rows as the booster takes them, categories in the order it was fitted on."""
        frame = inputs if isinstance(inputs, pd.DataFrame) else pd.DataFrame(np.asarray(inputs))
        rows = as_objects(frame).copy()
        for name in rows.columns:
            known = self._levels.get(name)
            if known is not None:
                rows[name] = pd.Categorical(rows[name], categories=list(known))
            elif rows[name].dtype == object:
                rows[name] = pd.to_numeric(rows[name])
        return rows if self._levels else rows.to_numpy(np.float64)

    def __call__(self, inputs: Inputs) -> Answer:
        """Return probabilities for classifiers, values for regressions."""
        data = self.prepare(inputs)
        given = np.asarray(self._booster.predict(data, num_threads=1), dtype=np.float64)
        return Answer(scores=given) if self._is_classifier else Answer(values=given)


def check_text(text: str) -> None:
    """Check the trees of a LightGBM text model.

    Raises:
        RefusedFile: cut off, or with trees that contradict themselves.
    """
    if "end of trees" not in text:
        raise _refuse("no end; it is cut off")
    # LightGBM reads on past the end of a file that stops within its parameters, and crashes.
    if "\nparameters:" in text and "\nend of parameters" not in text:
        raise _refuse("no end; it is cut off")
    header = _fields(text[: text.find("\nTree=")])
    n_features = _whole(header, "max_feature_idx") + 1
    n_classes = _whole(header, "num_class")
    per_iteration = _whole(header, "num_tree_per_iteration")
    if not (
        0 < n_features <= bounds.COLUMNS
        and 0 < n_classes <= bounds.CLASSES
        and 0 < per_iteration <= bounds.CLASSES
    ):
        raise _refuse(f"{n_features:,} features and {n_classes:,} classes")
    if len(header.get("feature_names", "").split(" ")) != n_features:
        raise _refuse("another number of feature names than features")
    trees = text[: text.find("end of trees")].split("\nTree=")[1:]
    if len(trees) % per_iteration:
        raise _refuse("an incomplete round of trees")
    for part in trees:
        _check_tree(_fields(part), n_features)


def _check_tree(fields: dict[str, str], n_features: int) -> None:
    n_leaves = _whole(fields, "num_leaves")
    if not 1 <= n_leaves <= 10_000_000:
        raise _refuse("a tree of impossible size")
    if len(fields.get("leaf_value", "").split()) != n_leaves:
        raise _refuse("a tree with too few leaves")
    if n_leaves == 1:
        return
    n_inner = n_leaves - 1
    try:
        arrays = {
            name: np.array(fields[name].split(" "), dtype=np.int64)
            for name in ("left_child", "right_child", "split_feature", "decision_type")
        }
        n_thresholds = len(fields["threshold"].split())
        is_categorical = (arrays["decision_type"] & 1).astype(bool)
        thresholds = np.array(fields["threshold"].split(), dtype=np.float64)
    except (KeyError, ValueError, OverflowError) as error:
        raise _refuse("parts of a tree missing or of another kind") from error
    if n_thresholds != n_inner or any(len(array) != n_inner for array in arrays.values()):
        raise _refuse("a tree whose parts differ in length")
    children = np.concatenate([arrays["left_child"], arrays["right_child"]])
    inner = children[children >= 0]
    leaves = ~children[children < 0]
    # Leaves are negative numbers; every node and leaf but the root is reached exactly once.
    if (
        (len(inner) and (inner.max() >= n_inner or inner.min() < 1))
        or (len(leaves) and leaves.max() >= n_leaves)
        or len(np.unique(inner)) != len(inner)
        or len(np.unique(leaves)) != len(leaves)
    ):
        raise _refuse("a tree that points outside itself or back")
    used = arrays["split_feature"]
    if used.min() < 0 or used.max() >= n_features:
        raise _refuse("a tree with features that do not exist")
    if is_categorical.any():
        _check_categories(fields, thresholds[is_categorical])


def _check_categories(fields: dict[str, str], places: np.ndarray) -> None:
    try:
        bounds_of = np.array(fields["cat_boundaries"].split(), dtype=np.int64)
        n_words = len(fields["cat_threshold"].split())
    except (KeyError, ValueError) as error:
        raise _refuse("categories that do not add up") from error
    if (
        _whole(fields, "num_cat") != len(bounds_of) - 1
        or (np.diff(bounds_of) < 0).any()
        or bounds_of[0] != 0
        or bounds_of[-1] > n_words
        or places.min() < 0
        or places.max() >= len(bounds_of) - 1
    ):
        raise _refuse("categories that do not add up")


def _fields(text: str) -> dict[str, str]:
    lines = (line.partition("=") for line in text.splitlines())
    return {name.strip(): value.strip() for name, sign, value in lines if sign}


def _whole(fields: dict[str, str], name: str) -> int:
    value = fields.get(name, "")
    if not re.fullmatch(r"-?\d{1,9}", value):
        raise _refuse(f"no whole number for {name}")
    return int(value)


def _levels(booster: Any, text: str, names: tuple[str, ...]) -> dict[str, tuple[Level, ...]]:  # noqa: ANN401
    """Pair the stored category lists with the features that are categorical."""
    stored = booster.pandas_categorical or []
    match = re.search(r"^feature_infos=(.*)$", text, re.M)
    infos = match[1].split(" ") if match else []
    # Numbers are written "[low:high]", categories "1:2:3", unused features "none".
    categorical = [
        name
        for name, info in zip(names, infos, strict=False)
        if not info.startswith("[") and info != "none"
    ]
    if len(stored) != len(categorical):
        return {}
    return {
        name: tuple(level for level in known if isinstance(level, str | int | float | bool))
        for name, known in zip(categorical, stored, strict=True)
        if len({level_name(level) for level in known}) == len(known)
    }


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a whole LightGBM model, got one with {found}; it was not opened.",
        remedy=f"{SAVE_LIGHTGBM} {SAVE_ANY}",
    )
