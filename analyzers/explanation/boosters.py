"""XGBoost, LightGBM and CatBoost: the library's own exact contributions, on all cores."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.boosters import (
    catboost_rows,
    library_of,
    lightgbm_booster,
    xgboost_booster,
    xgboost_rows,
    xgboost_trees_used,
)
from analyzers.anatomy.encoding import Encoded
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.explanation.attribution import Attribution, margin_attribution
from analyzers.explanation.encoding import sum_by_owner


def explain_booster(encoded: Encoded, n_features: int, class_index: int | None) -> Attribution:
    """Exact path-dependent SHAP values by the booster itself, in the user's columns.

    Raises:
        DoesNotFit: the model is no booster of these three libraries.
    """
    library = library_of(encoded.estimator)
    contribute = {"xgboost": _xgboost, "lightgbm": _lightgbm, "catboost": _catboost}.get(library)
    if contribute is None:
        raise DoesNotFit(f"{type(encoded.estimator).__name__} is no booster")
    try:
        # (n_rows, n_outputs, n_encoded + 1): the last column is the base value.
        raw = contribute(encoded)
    except Exception as error:
        # Three libraries, three families of errors, one meaning: it refused these rows.
        raise DoesNotFit(f"{library} refused to explain these rows: {error}") from error
    if raw.shape[2] != len(encoded.owners) + 1:
        raise DoesNotFit("its contributions do not match the data's columns one to one")
    if class_index is not None and raw.shape[1] > 1 and class_index >= raw.shape[1]:
        raise DoesNotFit("its outputs do not match the classes")
    values = np.moveaxis(raw[:, :, :-1], 1, 2)
    name = {"xgboost": "XGBoost", "lightgbm": "LightGBM", "catboost": "CatBoost"}[library]
    scale = "the log-odds scale" if class_index is not None else "the model's own scale"
    return margin_attribution(
        sum_by_owner(values, encoded.owners, n_features),
        raw[0, :, -1].astype(np.float64),
        class_index,
        explainer=f"{name}'s own exact path-dependent TreeSHAP",
        why=f"{name} computes exact values on {scale} itself, on all cores.",
    )


def _xgboost(encoded: Encoded) -> NDArray[np.float64]:
    booster, data = xgboost_booster(encoded.estimator), xgboost_rows(encoded)
    trees = xgboost_trees_used(booster)
    raw = booster.predict(data, pred_contribs=True, iteration_range=trees).astype(np.float64)
    return raw[:, None, :] if raw.ndim == 2 else raw


def _lightgbm(encoded: Encoded) -> NDArray[np.float64]:
    raw: Any = lightgbm_booster(encoded.estimator).predict(encoded.matrix, pred_contrib=True)
    raw = raw.toarray() if hasattr(raw, "toarray") else np.asarray(raw, dtype=np.float64)
    width = len(encoded.owners) + 1
    return np.asarray(raw, dtype=np.float64).reshape(len(raw), -1, width)


def _catboost(encoded: Encoded) -> NDArray[np.float64]:
    model = encoded.estimator
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        raise DoesNotFit("it reads text or embeddings")
    raw = model.get_feature_importance(catboost_rows(encoded), type="ShapValues", thread_count=-1)
    raw = np.asarray(raw, dtype=np.float64)
    return raw[:, None, :] if raw.ndim == 2 else raw
