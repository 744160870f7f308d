"""Objects out of a pickle or skops file: estimators, bare boosters, boosters' own wrappers."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Trust
from analyzers.loaders.loaded_model import Answer, Level, LoadedModel
from analyzers.loaders.sklearn_model import estimator_model


def describe_object(native: Any, *, trust: Trust, notes: tuple[str, ...]) -> LoadedModel:  # noqa: ANN401
    """Describe what a file held.

    Raises:
        RefusedFile: it cannot predict, was never fitted, or holds forged trees.
    """
    library = type(native).__module__.split(".")[0]
    is_bare = type(native).__name__ == "Booster"
    if library == "xgboost":
        from analyzers.loaders.xgboost_model import describe_booster

        if is_bare:
            return describe_booster(native, trust=trust)
        booster = describe_booster(native.get_booster(), trust=trust)
        return _wrapper(native, booster, trust=trust, notes=notes)
    if library == "lightgbm":
        from analyzers.loaders.lightgbm_model import describe_booster as describe_lightgbm

        if is_bare:
            return describe_lightgbm(native, trust=trust)
        booster = describe_lightgbm(native.booster_, trust=trust)
        return _wrapper(native, booster, trust=trust, notes=notes)
    if library == "catboost":
        from analyzers.loaders.catboost_model import describe_catboost

        made = describe_catboost(native, trust=trust)
        return replace(made, notes=notes, capabilities=made.capabilities | {Capability.REFIT})
    return estimator_model(native, trust=trust, notes=notes)


def _wrapper(
    native: Any,  # noqa: ANN401  untyped library
    booster: LoadedModel,
    *,
    trust: Trust,
    notes: tuple[str, ...],
) -> LoadedModel:
    """Describe a scikit-learn style wrapper, which knows its classes, by its booster's features."""
    made = estimator_model(native, trust=trust, notes=notes)
    return replace(
        made,
        kind=made.kind.replace("scikit-learn ", ""),
        feature_names=booster.feature_names,
        n_features=booster.n_features,
        levels=booster.levels,
        answer=_Categorised(made.answer, booster.levels),
    )


class _Categorised:
    """Gives categorical columns to a wrapper as categories in the order it was fitted on."""

    def __init__(
        self, ask: Callable[[Inputs], Answer], levels: Mapping[str, tuple[Level, ...]]
    ) -> None:
        self._ask = ask
        self._levels = levels

    def prepare(self, inputs: Inputs) -> Any:  # noqa: ANN401  a frame or an array
        """Return rows in the form the wrapper was fitted on."""
        rows = self._with_categories(inputs)
        prepare = getattr(self._ask, "prepare", None)
        return rows if prepare is None else prepare(rows)

    def __call__(self, inputs: Inputs) -> Answer:
        """Return what the wrapper says."""
        return self._ask(self._with_categories(inputs))

    def _with_categories(self, inputs: Inputs) -> Inputs:
        if isinstance(inputs, pd.DataFrame) and self._levels:
            inputs = inputs.assign(
                **{
                    name: pd.Categorical(inputs[name].astype(object), categories=list(known))
                    for name, known in self._levels.items()
                    if name in inputs
                }
            )
        return inputs
