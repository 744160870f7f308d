"""The right explainer for the model, tried in order, each held to the model's own answers."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd

from analyzers.anatomy.boosters import BOOSTER_LIBRARIES, library_of
from analyzers.anatomy.compiled import original_of
from analyzers.anatomy.encoding import Encoded, encode
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.dataset import Dataset
from analyzers.core.model import Capability, DifferentiableModel, Model
from analyzers.core.workbench import Tracker
from analyzers.explanation.attribution import LARGEST_ERROR, Attribution, Target
from analyzers.explanation.boosters import explain_booster
from analyzers.explanation.coalitions import LEAST_PAIRS, explain_by_coalitions
from analyzers.explanation.cross_check import difference_from_shap
from analyzers.explanation.forests import explain_forest
from analyzers.explanation.gradients import integrate_gradients
from analyzers.explanation.linear import explain_linear
from analyzers.explanation.params import MOST_ASKED_BACKGROUND, Method
from analyzers.explanation.tree_background import Opened, explain_against_background, open_trees

MOST_QUESTIONS = 6_000_000
LEAST_EXPLAINED = 5


@runtime_checkable
class PreparesInputs(Protocol):
    """A model whose `native` takes rows in another form than the data's."""

    def native_inputs(self, inputs: pd.DataFrame) -> Any:  # noqa: ANN401  what a library takes
        """Return the rows as `native` takes them, columns in the same order."""
        ...


class Explained(NamedTuple):
    """An attribution, the rows it covers and how it came about.

    Attributes:
        attribution: the values.
        n_rows: how many of the given rows it covers, from the first.
        refused: why explainers that are specific to a kind of model were not used.
    """

    attribution: Attribution
    n_rows: int
    refused: tuple[str, ...]


def explain_rows(
    model: Model,
    rows: Dataset,
    background: Dataset,
    target: Target,
    *,
    most_sampled: int,
    method: Method,
    rng: np.random.Generator,
    track: Tracker,
) -> Explained:
    """Explain tabular rows in the user's columns.

    Args:
        model: the model, or a copy of it that answers sooner.
        rows: what to explain, in the order of importance should only some be affordable.
        background: rows that stand for unknown values.
        target: the explained output.
        most_sampled: most rows where the explainer has to ask the model.
        method: "model-agnostic" leaves explainers for a kind of model out, "interventional" lets
            background rows stand for unknown values in trees too.
        rng: source of randomness.
        track: progress.
    """
    frame, others = _frame(rows), _frame(background).iloc[:MOST_ASKED_BACKGROUND]
    attribution, refused = explain_exactly(
        model, rows, background, target, method=method, track=track
    )
    if attribution is not None:
        return Explained(attribution, len(frame), refused)
    n_rows = affordable_explanations(min(most_sampled, len(frame)), frame.shape[1], len(others))
    attribution = explain_by_coalitions(
        lambda asked: target.outputs(model, asked),
        frame.iloc[:n_rows],
        others,
        scale=target.scale,
        rng=rng,
        track=track,
    )
    return Explained(attribution, n_rows, refused)


def affordable_explanations(n_wanted: int, n_columns: int, n_background: int) -> int:
    """Say how many rows are explained where the explainer has to ask the model.

    Args:
        n_wanted: at most.
        n_columns: of the model.
        n_background: rows that stand for unknown values.
    """
    questions = 2 * n_columns * max(n_background, LEAST_PAIRS)
    return max(min(LEAST_EXPLAINED, n_wanted), min(n_wanted, MOST_QUESTIONS // questions))


def explain_exactly(
    model: Model,
    rows: Dataset,
    background: Dataset,
    target: Target,
    *,
    method: Method,
    track: Tracker,
) -> tuple[Attribution | None, tuple[str, ...]]:
    """Explain rows by what is made for the kind of model, held to the model's own answers.

    Returns:
        None where nothing of the kind fits or it was not asked for; and why each was refused.
    """
    if method == "model-agnostic":
        return None, ()
    model = original_of(model)
    candidates = _candidates(
        model, rows, background, target, track,
        is_interventional=method == "interventional",
    )  # fmt: skip
    own = target.outputs(model, _frame(rows)) if candidates else np.zeros(0)
    refused = []
    for explain in candidates:
        try:
            attribution = explain()
            _hold(attribution, own)
        except DoesNotFit as reason:
            refused.append(str(reason))
        else:
            return attribution, tuple(refused)
    return None, tuple(refused)


def _candidates(
    model: Model,
    rows: Dataset,
    background: Dataset,
    target: Target,
    track: Tracker,
    *,
    is_interventional: bool,
) -> list[Callable[[], Attribution]]:
    frame, others = _frame(rows), _frame(background)
    n_features, class_index = frame.shape[1], target.class_index
    if Capability.GRADIENT in model.capabilities and isinstance(model, DifferentiableModel):
        few = others.iloc[:MOST_ASKED_BACKGROUND]
        return [lambda: _by_gradients(model, frame, few, target, track)]
    if not _is_known(model.native):
        return []

    def encoded(table: pd.DataFrame) -> Encoded:
        return _encoded(model, table)

    def by_parts() -> Attribution:
        own = encoded(frame)
        library = library_of(own.estimator)
        if hasattr(own.estimator, "coef_") and library not in BOOSTER_LIBRARIES:
            return explain_linear(own, encoded(others), n_features, class_index)
        if is_interventional:
            return explain_against_background(own, encoded(others), n_features, class_index, track)
        if library in BOOSTER_LIBRARIES:
            return explain_booster(own, n_features, class_index)
        found = explain_forest(own, n_features, class_index, track)
        return replace(found, from_shap=lambda: difference_from_shap(own, found, class_index))

    return [by_parts]


def open_model_trees(
    model: Model, rows: Dataset, background: Dataset, target: Target
) -> Opened | None:
    """Take a tree model apart, rows and background encoded; None where it is no such model."""
    if not _is_known(model.native):
        return None
    model = original_of(model)
    try:
        own = _encoded(model, _frame(rows))
        return open_trees(own, _encoded(model, _frame(background)), target.class_index)
    except DoesNotFit:
        return None


def _encoded(model: Model, table: pd.DataFrame) -> Encoded:
    rows = model.native_inputs(table) if isinstance(model, PreparesInputs) else table
    try:
        return encode(model.native, rows)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise DoesNotFit("its preprocessing could not be run apart from it") from error


def _by_gradients(
    model: DifferentiableModel,
    frame: pd.DataFrame,
    others: pd.DataFrame,
    target: Target,
    track: Tracker,
) -> Attribution:
    values, base = integrate_gradients(model, frame, others, target.class_index, track)
    if values.ndim != 2 or values.shape[1] != frame.shape[1]:
        raise DoesNotFit("the module's inputs do not match the data's columns one to one")
    return Attribution(
        values=values,
        base=base,
        rebuilt=base + values.sum(axis=1),
        scale=target.scale,
        explainer="integrated gradients from every background row (expected gradients)",
        why="The model is a differentiable network: gradients explain it without asking it about "
        "rows that mix two people.",
        n_background=len(others),
    )


def _is_known(native: object) -> bool:
    last = native.steps[-1][1] if hasattr(native, "steps") else native
    return library_of(last) in {"sklearn", *BOOSTER_LIBRARIES}


def _hold(attribution: Attribution, own: np.ndarray) -> None:
    """Refuse values that do not add up to what the model itself answers."""
    spread = max(1.0, float(np.ptp(own)) if attribution.scale == "value" else 1.0)
    error = float(np.max(np.abs(attribution.rebuilt - own), initial=0.0))
    if not np.isfinite(attribution.values).all() or not error <= LARGEST_ERROR * spread:
        raise DoesNotFit(
            f"its values did not add up to the model's own answers (off by up to {error:.2g})"
        )


def _frame(data: Dataset) -> pd.DataFrame:
    inputs = data.inputs
    assert isinstance(inputs, pd.DataFrame)  # noqa: S101  explain_rows takes tabular data only
    return inputs
