"""Which way of training repeats a model's: together in a stack, or one after another."""

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability, Model
from analyzers.privacy.booster_recipes import booster_recipe
from analyzers.privacy.evidence import Side
from analyzers.privacy.params import RefitParams
from analyzers.privacy.refitting import OFF, EstimatorRecipe, Recipe
from analyzers.privacy.sklearn_perceptrons import perceptron_recipe
from analyzers.privacy.torch_recipe import torch_recipe


def recipe_of(model: Model | None, params: RefitParams, members: Side) -> Recipe:
    """Find how the model's training can be repeated.

    Args:
        model: under examination.
        params: say how a torch network was trained, which its file does not.
        members: rows the model was fitted on, with its answers.

    Raises:
        UnsuitableSubject: there is no model, or its training cannot be repeated from its file.
    """
    if model is None:
        raise UnsuitableSubject(
            "Expected a model that can be fitted anew, got predictions only.", remedy=OFF
        )
    if Capability.PREDICT_PROBA in model.capabilities:
        if Capability.REFIT in model.capabilities:
            # The settings a search has found are the recipe; searching anew costs a hundred fits.
            estimator = getattr(model.native, "best_estimator_", model.native)
            together = perceptron_recipe(estimator)
            return together or EstimatorRecipe(estimator, "copies fitted one by one")
        repeated = booster_recipe(model.native)
        if repeated is not None:
            return repeated
        if Capability.GRADIENT in model.capabilities:
            return torch_recipe(model, params, members)
    raise UnsuitableSubject(
        "Expected a model with probabilities that can be fitted anew from its file (a scikit-learn "
        f"estimator or pipeline, a booster with its settings, a torch network), got {model.kind}.",
        remedy=OFF,
    )
