"""Fit the model anew on other rows, as an attacker who knows its recipe would."""

import warnings
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Capability, Inputs, Model

_OFF = "Leave shadow models off; the attacks on the model's answers alone still run."


@runtime_checkable
class PreparesInputs(Protocol):
    """A model whose `native` takes rows in another form than the data's."""

    def native_inputs(self, inputs: Inputs) -> Any:  # noqa: ANN401  what a library takes
        """Return the rows as `native` takes them."""
        ...


class Recipe(NamedTuple):
    """A model and the estimator whose unfitted copy repeats its training."""

    model: Model
    estimator: Any


def native_rows(model: Model, inputs: Inputs) -> Any:  # noqa: ANN401  what a library takes
    """Return rows in the form the model's own object was fitted on."""
    return model.native_inputs(inputs) if isinstance(model, PreparesInputs) else inputs


def recipe_of(model: Model | None) -> Recipe:
    """Find the estimator whose unfitted copy repeats the model's training.

    Raises:
        UnsuitableSubject: there is no model, or its training cannot be repeated from its file.
    """
    if model is None:
        raise UnsuitableSubject(
            "Expected a model that can be fitted anew, got predictions only.", remedy=_OFF
        )
    if Capability.REFIT not in model.capabilities or Capability.PREDICT_PROBA not in (
        model.capabilities
    ):
        raise UnsuitableSubject(
            "Expected a model with probabilities that can be fitted anew from its file (a "
            f"scikit-learn estimator or pipeline), got {model.kind}.",
            remedy=_OFF,
        )
    # The settings a search has found are the recipe; searching anew would cost a hundred fits.
    return Recipe(model, getattr(model.native, "best_estimator_", model.native))


def fit_anew(
    estimator: Any,  # noqa: ANN401  scikit-learn ships no types
    rows: Any,  # noqa: ANN401  what the estimator takes
    codes: NDArray[np.int64],
    chosen: NDArray[np.int64],
    classes: tuple[str, ...],
    seed: int,
) -> NDArray[np.float64]:
    """Fit an unfitted copy on some rows and ask it about all.

    Args:
        estimator: fitted or not; only its settings and its labels' names are used.
        rows: `(n_rows, ...)` as the estimator takes them.
        codes: `(n_rows,)` class codes.
        chosen: positions of the rows to fit on.
        classes: names of the classes, by code.
        seed: for every setting named `random_state`.

    Returns:
        `(n_rows, n_classes)` probabilities; 0 for a class that no chosen row has.

    Raises:
        UnsuitableSubject: the estimator refuses, with its own words.
    """
    from sklearn.base import clone

    labels = _own_labels(estimator, codes, classes)
    try:
        with warnings.catch_warnings():
            # An overfitted model stops late and says so; its copies would repeat it K times.
            warnings.simplefilter("ignore")
            copy = clone(estimator)
            copy.set_params(**_seeds(copy, seed))
            copy.fit(take(rows, chosen), labels[chosen])
            given = np.asarray(copy.predict_proba(rows), dtype=np.float64)
    # An estimator is someone else's program: whatever it raises is its refusal.
    except Exception as error:
        raise UnsuitableSubject(
            f"Expected the model to be fitted anew on {len(chosen):,} rows, got "
            f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
            remedy=_OFF,
        ) from error
    code_of = {label: code for code, label in zip(codes.tolist(), labels.tolist(), strict=True)}
    scores = np.zeros((len(codes), len(classes)))
    for place, label in enumerate(np.asarray(copy.classes_).tolist()):
        scores[:, code_of[label]] = given[:, place]
    return scores


def joined_inputs(first: Dataset, second: Dataset) -> Inputs:
    """Put the inputs of two tables below each other."""
    one, other = first.inputs, second.inputs
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        return pd.concat([one, other], ignore_index=True)
    if isinstance(one, list) and isinstance(other, list):
        return [*one, *other]
    return np.concatenate([np.asarray(one), np.asarray(other)])


def take(rows: Any, positions: NDArray[np.int64]) -> Any:  # noqa: ANN401  what a library takes
    """Return the rows at `positions` of a frame, a list or an array."""
    if isinstance(rows, pd.DataFrame):
        return rows.iloc[positions]
    if isinstance(rows, list):
        return [rows[position] for position in positions]
    return rows[positions]


def _own_labels(
    estimator: Any,  # noqa: ANN401  scikit-learn ships no types
    codes: NDArray[np.int64],
    classes: tuple[str, ...],
) -> NDArray[Any]:
    """The labels the estimator knew, since settings such as class weights may name them."""
    labels = np.asarray(getattr(estimator, "classes_", [])).tolist()
    known = {str(label): label for label in labels}
    if set(known) != set(classes):
        return codes
    return np.asarray([known[name] for name in classes])[codes]


def _seeds(estimator: Any, seed: int) -> dict[str, int]:  # noqa: ANN401
    return {
        name: seed
        for name in estimator.get_params(deep=True)
        if name == "random_state" or name.endswith("__random_state")
    }
