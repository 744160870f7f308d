"""Fitted scikit-learn estimators, and the wrappers of boosters that look like them."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.errors import RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Trust
from analyzers.loaders.formats import SAVE_ANY, SAVE_SKLEARN
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel

_TEXT_STEPS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")
_TREES = (
    "DecisionTree", "ExtraTree", "RandomForest", "GradientBoosting", "XGB", "LGBM", "CatBoost",
    "IsolationForest",
)  # fmt: skip
_LINEAR = (
    "LogisticRegression", "LinearRegression", "Ridge", "Lasso", "ElasticNet", "SGDClassifier",
    "SGDRegressor", "LinearSVC", "LinearSVR", "Perceptron", "LinearDiscriminantAnalysis",
)  # fmt: skip
_LARGEST_LEVELS = 5_000


def estimator_model(native: Any, *, trust: Trust, notes: tuple[str, ...]) -> LoadedModel:  # noqa: ANN401
    """Describe a fitted estimator and how to ask it.

    Raises:
        RefusedFile: the object cannot predict, or was never fitted.
    """
    if not hasattr(native, "predict"):
        raise RefusedFile(
            f"Expected a fitted estimator that predicts, got {type(native).__name__!r}.",
            remedy=f"Save the fitted model or pipeline itself. {SAVE_ANY}",
        )
    _require_fitted(native)
    steps = list(_steps(native))
    final = steps[-1]
    classes = _classes(native)
    kind = f"scikit-learn {type(final).__name__}"
    if len(steps) > 1:
        kind += " in a Pipeline"
    is_text = type(steps[0]).__name__ in _TEXT_STEPS
    capabilities = {Capability.REFIT}
    has_scores = classes is not None and hasattr(native, "predict_proba")
    if has_scores:
        capabilities.add(Capability.PREDICT_PROBA)
    if type(final).__name__.startswith(_TREES):
        capabilities.add(Capability.TREES)
    if type(final).__name__.startswith(_LINEAR):
        capabilities.add(Capability.LINEAR)
    names = getattr(native, "feature_names_in_", None)
    feature_names = tuple(str(name) for name in names) if names is not None else None
    n_features = getattr(native, "n_features_in_", None)
    extra: tuple[str, ...] = ()
    if classes is not None and not has_scores:
        extra = ("The model gives labels without probabilities; charts of scores are left out.",)
    return LoadedModel(
        kind=kind,
        native=native,
        trust=trust,
        answer=_Ask(native, feature_names, has_scores, classes is not None),
        capabilities=frozenset(capabilities),
        feature_names=None if is_text else feature_names,
        n_features=None if is_text or n_features is None else int(n_features),
        classes=classes,
        is_classifier=classes is not None,
        modality="text" if is_text else "tabular",
        levels={} if feature_names is None else known_levels(native, feature_names),
        notes=(*notes, *extra),
    )


class _Ask:
    """Gives rows to an estimator in the form it was fitted on."""

    def __init__(
        self,
        native: Any,  # noqa: ANN401  untyped library
        feature_names: tuple[str, ...] | None,
        has_scores: bool,
        is_class: bool,
    ) -> None:
        self._native = native
        self._feature_names = feature_names
        self._has_scores = has_scores
        self._is_class = is_class

    def prepare(self, inputs: Inputs) -> Any:  # noqa: ANN401  a frame or an array
        """Return rows in the form the estimator was fitted on."""
        rows: Any = inputs
        if isinstance(inputs, pd.DataFrame):
            rows = as_objects(inputs)
            if self._feature_names is not None:
                rows = rows[list(self._feature_names)]
            else:
                rows = rows.to_numpy()
                rows = rows.astype(np.float64) if _is_numeric(inputs) else rows
        elif isinstance(inputs, np.ndarray):
            rows = inputs.reshape(len(inputs), -1)
        return rows

    def __call__(self, inputs: Inputs) -> Answer:
        """Return scores where there are any, else labels or values."""
        rows = self.prepare(inputs)
        if self._has_scores:
            return Answer(scores=np.asarray(self._native.predict_proba(rows)))
        given = np.asarray(self._native.predict(rows))
        if self._is_class:
            return Answer(labels=given)
        return Answer(values=given)


def as_objects(frame: pd.DataFrame) -> pd.DataFrame:
    """Turn string columns into columns of Python strings, with NaN where missing.

    Models were fitted on either kind; plain objects are what every library and version takes.
    """
    words = [name for name, dtype in frame.dtypes.items() if isinstance(dtype, pd.StringDtype)]
    if not words:
        return frame
    return frame.astype(dict.fromkeys(words, object))


def known_levels(
    native: Any,  # noqa: ANN401  untyped library
    feature_names: tuple[str, ...],
) -> dict[str, tuple[Level, ...]]:
    """Find the values that encoders in a pipeline know for each named column."""
    found: dict[str, tuple[Level, ...]] = {}
    for encoder, columns in _encoders(native, feature_names):
        categories = getattr(encoder, "categories_", None)
        if categories is None or len(categories) != len(columns):
            continue
        for name, values in zip(columns, categories, strict=True):
            if len(values) <= _LARGEST_LEVELS:
                found[name] = tuple(_plain(value) for value in values if not _is_missing(value))
    return found


def _encoders(
    step: Any,  # noqa: ANN401  untyped library
    columns: tuple[str, ...],
) -> Iterator[tuple[Any, tuple[str, ...]]]:
    kind = type(step).__name__
    if kind in ("OneHotEncoder", "OrdinalEncoder", "TargetEncoder"):
        yield step, columns
    elif kind == "Pipeline":
        # Only the first steps see the columns themselves: imputers and scalers keep their order.
        for _, inner in step.steps:
            if inner is None or inner == "passthrough" or type(inner).__name__ == "SimpleImputer":
                continue
            yield from _encoders(inner, columns)
            break
    elif kind == "ColumnTransformer":
        for _, inner, chosen in getattr(step, "transformers_", ()):
            names = _chosen(chosen, columns)
            if names and not isinstance(inner, str):
                yield from _encoders(inner, names)
    elif kind == "VotingClassifier":
        for inner in step.estimators_[:1]:
            yield from _encoders(inner, columns)
    elif kind in ("CalibratedClassifierCV", "GridSearchCV", "RandomizedSearchCV"):
        inner = getattr(step, "best_estimator_", None) or getattr(step, "estimator", None)
        if inner is not None:
            yield from _encoders(inner, columns)


def _chosen(chosen: Any, columns: tuple[str, ...]) -> tuple[str, ...]:  # noqa: ANN401
    if isinstance(chosen, str):
        return (chosen,)
    if isinstance(chosen, slice):
        return ()
    names: list[str] = []
    items = list(chosen) if np.ndim(chosen) == 1 else []
    if items and all(isinstance(item, bool | np.bool_) for item in items):
        return tuple(name for name, is_in in zip(columns, items, strict=False) if is_in)
    for item in items:
        if isinstance(item, str) and item in columns:
            names.append(item)
        elif isinstance(item, int | np.integer) and 0 <= item < len(columns):
            names.append(columns[item])
        else:
            return ()
    return tuple(names)


def _steps(native: Any) -> Iterator[Any]:  # noqa: ANN401
    while True:
        best = getattr(native, "best_estimator_", None)
        if best is None:
            break
        native = best
    if type(native).__name__ == "Pipeline":
        for _, step in native.steps[:-1]:
            if step is not None and not isinstance(step, str):
                yield step
        yield from _steps(native.steps[-1][1])
    else:
        yield native


def _classes(native: Any) -> tuple[Level, ...] | None:  # noqa: ANN401
    try:
        classes = native.classes_
    # A property that fails means there are none: regressors, unfitted final steps.
    except Exception:
        return None
    if classes is None or np.ndim(classes) != 1 or len(classes) == 0:
        return None
    if type(native).__name__ in ("CatBoostRegressor", "XGBRegressor", "LGBMRegressor"):
        return None
    if len(classes) == 1:
        raise RefusedFile(
            "Expected a model that tells at least two classes apart, got one fitted on "
            f"{str(classes[0])[:40]!r} alone.",
            remedy="Fit it on rows of every class, then upload it again.",
        )
    return tuple(_plain(value) for value in classes)


def _require_fitted(native: Any) -> None:  # noqa: ANN401
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    try:
        check_is_fitted(native)
    except NotFittedError as error:
        raise RefusedFile(
            f"Expected a fitted model, got a {type(native).__name__} that was never fitted.",
            remedy=f"Call fit before saving. {SAVE_SKLEARN}",
        ) from error
    # Wrappers of other libraries do not always follow the protocol; the first answer will tell.
    except Exception:  # noqa: S110
        pass


def _is_numeric(frame: pd.DataFrame) -> bool:
    return all(pd.api.types.is_numeric_dtype(dtype) for dtype in frame.dtypes)


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and np.isnan(value)) or value is pd.NA


def _plain(value: Any) -> Level:  # noqa: ANN401
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, str | int | float | bool) else str(value)
