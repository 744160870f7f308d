"""CatBoost models in their own binary form."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analyzers.core.errors import RefusedFile
from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Trust
from analyzers.loaders import bounds
from analyzers.loaders.formats import SAVE_ANY, SAVE_CATBOOST
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel
from analyzers.loaders.sklearn_model import as_objects

_CLASSIFIERS = ("Logloss", "CrossEntropy", "MultiClass", "MultiClassOneVsAll", "Focal")


def load_catboost(path: Path) -> LoadedModel:
    """Open a CatBoost model.

    Raises:
        RefusedFile: damaged or cut off, or a task that is none of ours.
    """
    import catboost

    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(8)
    # The file says its own length after the magic; CatBoost reads beyond it if it lies.
    if len(head) < 8 or not 0 < int.from_bytes(head[4:8], "little") <= size - 8:
        raise _refuse("a length that is not its own")
    if size > bounds.MODEL_BYTES:
        raise _refuse("a size beyond what is taken")
    model = catboost.CatBoost()
    try:
        model.load_model(str(path), format="cbm")
    except catboost.CatBoostError as error:
        raise _refuse("damaged or cut-off content") from error
    return describe_catboost(model, trust=Trust.DATA)


def describe_catboost(model: Any, *, trust: Trust) -> LoadedModel:  # noqa: ANN401
    """Describe a CatBoost model and how to ask it.

    Raises:
        RefusedFile: it takes texts or embeddings.
    """
    loss = str((model.get_all_params() or {}).get("loss_function", "")) or _stored_loss(model)
    is_classifier = loss.split(":")[0] in _CLASSIFIERS
    classes = model.classes_ if is_classifier else None
    known: tuple[Level, ...] | None = None
    if classes is not None and len(classes) >= 2:
        known = tuple(item.item() if isinstance(item, np.generic) else item for item in classes)
    elif is_classifier:
        known = (0, 1)
    given = [str(name) for name in model.feature_names_ or []]
    is_named = given != [str(at) for at in range(len(given))]
    if model.get_text_feature_indices() or model.get_embedding_feature_indices():
        raise RefusedFile(
            "Expected a CatBoost model on numbers and categories, got one with text or embedding "
            "features.",
            remedy=SAVE_ANY,
        )
    capabilities = {Capability.TREES}
    if is_classifier:
        capabilities.add(Capability.PREDICT_PROBA)
    return LoadedModel(
        kind=f"CatBoost ({loss or 'unknown loss'})",
        native=model,
        trust=trust,
        answer=_Ask(model, is_classifier, frozenset(model.get_cat_feature_indices())),
        capabilities=frozenset(capabilities),
        feature_names=tuple(given) if is_named else None,
        n_features=len(given),
        classes=known,
        is_classifier=is_classifier,
        modality="tabular",
    )


def _stored_loss(model: Any) -> str:  # noqa: ANN401  untyped library
    metadata = dict(model.get_metadata())
    return "Logloss" if "class_params" in metadata else ""


class _Ask:
    """Gives rows to a model, categories as strings or whole numbers."""

    def __init__(self, model: Any, is_classifier: bool, categorical: frozenset[int]) -> None:  # noqa: ANN401
        self._model = model
        self._is_classifier = is_classifier
        self._categorical = categorical

    def prepare(self, inputs: Inputs) -> Any:  # noqa: ANN401  a pandas frame
        """Return rows as the model takes them, categories spelled as it spells them."""
        frame = inputs if isinstance(inputs, pd.DataFrame) else pd.DataFrame(np.asarray(inputs))
        rows = as_objects(frame).copy()
        for at, name in enumerate(list(rows.columns)):
            if at in self._categorical:
                rows[name] = rows[name].map(_category)
            elif rows[name].dtype == object:
                rows[name] = pd.to_numeric(rows[name])
        return rows

    def __call__(self, inputs: Inputs) -> Answer:
        """Return probabilities for classifiers, values for regressions."""
        import catboost

        rows = self.prepare(inputs)
        pool = catboost.Pool(rows, cat_features=sorted(self._categorical), thread_count=1)
        if self._is_classifier:
            given = self._model.predict(pool, prediction_type="Probability", thread_count=1)
            return Answer(scores=np.asarray(given, dtype=np.float64))
        given = self._model.predict(pool, prediction_type="RawFormulaVal", thread_count=1)
        if str(self._model.get_all_params().get("loss_function", "")) in ("Poisson", "Tweedie"):
            given = np.exp(given)
        return Answer(values=np.asarray(given, dtype=np.float64))


def _category(value: object) -> str:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return "nan"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _refuse(found: str) -> RefusedFile:
    return RefusedFile(
        f"Expected a whole CatBoost model, got one with {found}; it was not opened.",
        remedy=f"{SAVE_CATBOOST} {SAVE_ANY}",
    )
