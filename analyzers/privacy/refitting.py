"""Fit an estimator anew on other rows, as an attacker who knows its recipe would."""

import warnings
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import DifferentiableModel, Inputs, Model
from analyzers.core.workbench import Tracker
from analyzers.privacy.fanning import Tick, over_cores
from analyzers.privacy.signals import log_odds

OFF = "Leave shadow models off; the attacks on the model's answers alone still run."


MOST_LOG_ODDS = 27.0
# An estimator that starts threads of its own would make every core wait for the others.
_THREAD_SETTINGS = ("n_jobs", "nthread", "num_threads", "thread_count")


class Pool(NamedTuple):
    """All rows that a model may be fitted on or asked about.

    Attributes:
        rows: `(n_rows, ...)` as the estimator takes them.
        codes: `(n_rows,)` class codes.
        classes: names of the classes, by code.
    """

    rows: Any
    codes: NDArray[np.int64]
    classes: tuple[str, ...]


class Answered(NamedTuple):
    """What one fitted model says of every row of the pool.

    Attributes:
        log_odds: `(n_rows,)` of the true class, bounded.
        is_right: `(n_rows,)` whether the likeliest class is the true one.
    """

    log_odds: NDArray[np.float64]
    is_right: NDArray[np.bool_]


class Recipe(Protocol):
    """A way of training that can be repeated.

    Parts of a plan are cut between groups, so that each model comes out the same wherever it is
    trained.
    """

    @property
    def name(self) -> str:
        """How it is repeated, for the eye."""
        ...

    @property
    def group(self) -> int:
        """Models that are trained together."""
        ...

    def fit(
        self,
        pool: Pool,
        inside: NDArray[np.bool_],
        seeds: NDArray[np.int64],
        track: Tracker,
        *,
        cores: int | None = None,
    ) -> list[Answered]:
        """Fit one model for each row of `inside` and ask each about every row of the pool.

        Args:
            pool: what to fit on.
            inside: `(n_models, n_rows)` whether the model is fitted on the row.
            seeds: `(n_models,)`.
            track: reports the work.
            cores: threads to use; None for all. They change nothing but the time.

        Raises:
            UnsuitableSubject: the model refuses to be fitted anew.
        """
        ...


@runtime_checkable
class PreparesInputs(Protocol):
    """A model whose `native` takes rows in another form than the data's."""

    def native_inputs(self, inputs: Inputs) -> Any:  # noqa: ANN401  what a library takes
        """Return the rows as `native` takes them."""
        ...


class EstimatorRecipe(NamedTuple):
    """An estimator whose unfitted copies are fitted one by one, several at once."""

    estimator: Any
    name: str
    group: int = 1

    def fit(
        self,
        pool: Pool,
        inside: NDArray[np.bool_],
        seeds: NDArray[np.int64],
        track: Tracker,
        *,
        cores: int | None = None,
    ) -> list[Answered]:
        """Fit one model for each row of `inside`; see `Recipe`."""

        def task(place: int) -> Any:  # noqa: ANN401  a function
            def run(tick: Tick) -> Answered:
                chosen = np.flatnonzero(inside[place])
                scores = fit_anew(
                    self.estimator, pool.rows, pool.codes, chosen, pool.classes, int(seeds[place])
                )
                tick()
                return answered(scores, pool.codes)

            return run

        tasks = [task(place) for place in range(len(inside))]
        with warnings.catch_warnings():
            # An overfitted model stops late and says so; its copies would repeat it K times. Set
            # here, once for all threads, which share these settings.
            warnings.simplefilter("ignore")
            return over_cores(tasks, track, "Fitting shadow models", total=len(tasks), cores=cores)


def answered(scores: NDArray[np.float64], codes: NDArray[np.int64]) -> Answered:
    """Keep what an attack needs of `(n_rows, n_classes)` probabilities."""
    return Answered(bounded_log_odds(scores, codes), scores.argmax(axis=1) == codes)


def bounded_log_odds(scores: NDArray[np.float64], codes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Log-odds of the true class, bounded so that one answer of 0 or 1 does not drown a mean."""
    return np.clip(log_odds(scores, codes), -MOST_LOG_ODDS, MOST_LOG_ODDS)


def native_rows(model: Model, inputs: Inputs) -> Any:  # noqa: ANN401  what a library takes
    """Return rows in the form the model's own object was fitted on."""
    if isinstance(model, DifferentiableModel):
        return model.tensor_of(inputs).numpy()
    return model.native_inputs(inputs) if isinstance(model, PreparesInputs) else inputs


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

    labels = own_labels(estimator, codes, classes)
    try:
        copy = clone(estimator)
        copy.set_params(**settings_of(copy, seed))
        copy.fit(take(rows, chosen), labels[chosen])
        given = np.asarray(copy.predict_proba(rows), dtype=np.float64)
    # An estimator is someone else's program: whatever it raises is its refusal.
    except Exception as error:
        raise refusal_of(error, len(chosen)) from error
    code_of = {label: code for code, label in zip(codes.tolist(), labels.tolist(), strict=True)}
    scores = np.zeros((len(codes), len(classes)))
    for place, label in enumerate(np.asarray(copy.classes_).tolist()):
        scores[:, code_of[label]] = given[:, place]
    return scores


def refusal_of(error: Exception, n_rows: int) -> UnsuitableSubject:
    """Put a library's own words into a sentence."""
    return UnsuitableSubject(
        f"Expected the model to be fitted anew on {n_rows:,} rows, got "
        f"{type(error).__name__}: {' '.join(str(error).split())[:200]}",
        remedy=OFF,
    )


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


def own_labels(
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


def settings_of(estimator: Any, seed: int) -> dict[str, int]:  # noqa: ANN401
    """A seed for every setting that takes one, and one thread for every setting of threads."""
    found = {}
    for name, value in estimator.get_params(deep=True).items():
        last = name.rsplit("__", 1)[-1]
        if last in ("random_state", "random_seed"):
            found[name] = seed
        elif last in _THREAD_SETTINGS and value is not None:
            found[name] = 1
    return found
