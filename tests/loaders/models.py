"""Fitted models of every format on one small table, written to files, with their own answers."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

from tests.benches import credit_frame

FEATURES = ["income", "age", "sex", "region"]
WORDS = ["sex", "region"]


def credit() -> pd.DataFrame:
    frame = credit_frame(240, 0)
    return frame.astype(dict.fromkeys([*WORDS, "granted"], object))


@dataclass(frozen=True, kw_only=True)
class Made:
    """A model file and the probabilities the library itself gives on `credit()`."""

    path: Path
    scores: np.ndarray


def _encoded(final: Any) -> Any:
    return make_pipeline(
        make_column_transformer(
            (OneHotEncoder(handle_unknown="ignore"), WORDS),
            (make_pipeline(FunctionTransformer(np.log1p), StandardScaler()), ["income", "age"]),
        ),
        final,
    )


ESTIMATORS: dict[str, Callable[[], Any]] = {
    "forest": lambda: _encoded(RandomForestClassifier(5, random_state=0)),
    "gradient boosting": lambda: _encoded(GradientBoostingClassifier(n_estimators=5)),
    "hist gradient boosting": lambda: make_pipeline(
        make_column_transformer((OrdinalEncoder(), WORDS), remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=5, categorical_features=[0, 1]),
    ),
    "network": lambda: _encoded(MLPClassifier((4,), max_iter=500, solver="lbfgs", random_state=0)),
    "calibrated": lambda: _encoded(CalibratedClassifierCV(LinearSVC(), cv=2)),
    "isotonic": lambda: _encoded(
        CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2)
    ),
    "linear": lambda: _encoded(LogisticRegression()),
    "sgd": lambda: _encoded(SGDClassifier(loss="log_loss", random_state=0)),
    "vector machine": lambda: _encoded(CalibratedClassifierCV(SVC(), cv=2)),
    "neighbours": lambda: _encoded(KNeighborsClassifier(algorithm="kd_tree")),
    "tree": lambda: _encoded(DecisionTreeClassifier(max_depth=4)),
    "bayes": lambda: _encoded(GaussianNB()),
}


def fitted(name: str) -> Any:
    frame = credit().assign(income=lambda made: made["income"].abs())
    return ESTIMATORS[name]().fit(frame[FEATURES], frame["granted"])


def save_estimator(name: str, path: Path) -> Made:
    model = fitted(name)
    if path.suffix == ".skops":
        skops.io.dump(model, path)
    else:
        joblib.dump(model, path, compress=3 if path.suffix == ".gz" else 0)
    return Made(path=path, scores=model.predict_proba(credit()[FEATURES]))


def save_xgboost(path: Path) -> Made:
    import xgboost

    rows = _categories()
    matrix = xgboost.DMatrix(rows, _codes(), enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "nthread": 1}, matrix, 4)
    booster.save_model(path)
    return Made(path=path, scores=_two_columns(booster.predict(matrix)))


def save_lightgbm(path: Path) -> Made:
    import lightgbm

    rows = _categories()
    booster = lightgbm.train(
        {"objective": "binary", "verbose": -1, "num_threads": 1},
        lightgbm.Dataset(rows, _codes()),
        4,
    )
    booster.save_model(path)
    return Made(path=path, scores=_two_columns(booster.predict(rows)))


def save_catboost(path: Path) -> Made:
    import catboost

    frame = credit()
    model = catboost.CatBoostClassifier(
        iterations=4, verbose=0, cat_features=WORDS, allow_writing_files=False, thread_count=1
    ).fit(frame[FEATURES], frame["granted"])
    model.save_model(str(path))
    return Made(path=path, scores=model.predict_proba(frame[FEATURES]))


def save_onnx(path: Path, *, zipmap: bool = True) -> Made:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    frame = credit()
    frame = frame.astype({"income": np.float32, "age": np.float32})
    model = make_pipeline(
        make_column_transformer((OneHotEncoder(), WORDS), (StandardScaler(), ["income", "age"])),
        LogisticRegression(),
    ).fit(frame[FEATURES], frame["granted"])
    kinds = [
        (name, StringTensorType([None, 1]) if name in WORDS else FloatTensorType([None, 1]))
        for name in FEATURES
    ]
    graph = to_onnx(model, initial_types=kinds, options={"zipmap": zipmap})
    path.write_bytes(graph.SerializeToString())
    return Made(path=path, scores=model.predict_proba(frame[FEATURES]))


def _categories() -> pd.DataFrame:
    return credit()[FEATURES].astype(dict.fromkeys(WORDS, "category"))


def _codes() -> np.ndarray:
    return (credit()["granted"] == "yes").to_numpy(int)


def _two_columns(scores: np.ndarray) -> np.ndarray:
    return np.column_stack([1 - scores, scores])


SAVERS: dict[str, tuple[str, Callable[[Path], Made]]] = {
    "xgboost json": ("model.json", save_xgboost),
    "xgboost ubj": ("model.ubj", save_xgboost),
    "lightgbm": ("model.txt", save_lightgbm),
    "catboost": ("model.cbm", save_catboost),
    "onnx": ("model.onnx", save_onnx),
    "onnx tensors": ("tensors.onnx", lambda path: save_onnx(path, zipmap=False)),
    "skops": ("model.skops", lambda path: save_estimator("linear", path)),
    "joblib": ("model.joblib", lambda path: save_estimator("linear", path)),
    "pickle gz": ("model.pkl.gz", lambda path: save_estimator("linear", path)),
}
