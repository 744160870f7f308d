"""Objects out of a pickle or skops file: estimators, or boosters saved bare."""

from typing import Any

from analyzers.core.subject import Trust
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.sklearn_model import estimator_model


def describe_object(native: Any, *, trust: Trust, notes: tuple[str, ...]) -> LoadedModel:  # noqa: ANN401
    """Describe what a file held: a bare booster, or anything that looks like an estimator.

    Raises:
        RefusedFile: it cannot predict, or was never fitted.
    """
    kind = (type(native).__module__.split(".")[0], type(native).__name__)
    if kind == ("xgboost", "Booster"):
        from analyzers.loaders.xgboost_model import describe_booster

        return describe_booster(native, trust=trust)
    if kind == ("lightgbm", "Booster"):
        from analyzers.loaders.lightgbm_model import describe_booster as describe_lightgbm

        return describe_lightgbm(native, trust=trust)
    return estimator_model(native, trust=trust, notes=notes)
