"""The model fitted again under a fairness constraint: fairlearn's two reductions."""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.core.dataset import Dataset
from analyzers.core.model import Capability
from analyzers.core.subject import Subject
from analyzers.core.workbench import Tracker, Workbench
from analyzers.fairness.thresholding import Proposal, groups_with_both
from analyzers.toolkit.groups import Attribute, attribute_of
from analyzers.toolkit.sampling import sample_rows

GRADIENT = "fitted again (exponentiated gradient)"
VOTE = "fitted again (exponentiated gradient, weighted vote)"
GRID = "fitted again (grid search)"
MOST_TRAINING_ROWS = 5_000


@runtime_checkable
class PreparesInputs(Protocol):
    """A model whose `native` takes rows in another form than the data's."""

    def native_inputs(self, inputs: pd.DataFrame) -> Any:  # noqa: ANN401  what a library takes
        """Return the rows as `native` takes them."""
        ...


def obstacle_to_retraining(bench: Workbench) -> str:
    """Say in one sentence why the model cannot be fitted again, or nothing where it can."""
    if bench.model is None or Capability.REFIT not in bench.model.capabilities:
        return "The model was not fitted again: it needs a scikit-learn model file."
    if bench.subject.task != "binary" or bench.subject.modality != "tabular":
        return "The model was not fitted again: it needs two classes and a table of features."
    if bench.training_data is None or bench.training_data.labels is None:
        return "The model was not fitted again: it needs the training data as a second table."
    if not _weights_name(bench.model.native):
        return "The model was not fitted again: its learning method takes no weights for rows."
    return ""


def propose_retrained(
    bench: Workbench,
    attribute: Attribute,
    inputs: pd.DataFrame,
    rng: np.random.Generator,
    *,
    rounds: int,
    smallest: int,
    track: Tracker,
) -> Iterator[Proposal]:
    """Fit clones of the model on reweighted training rows and yield their decisions.

    Exponentiated gradient gives a lottery over several fits. It is measured as it is, and as what
    can be saved and repeated: the vote of the fits, each with its share of the lottery.

    Args:
        bench: where `obstacle_to_retraining` finds none.
        attribute: the column whose groups are made alike.
        inputs: rows to decide; none of them is fitted on.
        rng: draws the training rows and the randomised decisions.
        rounds: fits at most for the gradient, and models on the grid.
        smallest: rows of each outcome a group needs among the training rows.
        track: reports every fit.

    References:
        Agarwal et al. 2018 (exponentiated gradient and grid search).
    """
    training, model = bench.training_data, bench.model
    if training is None or model is None or attribute.name not in training.frame.columns:
        return
    codes = (np.asarray(training.labels) == bench.subject.positive_index).astype(np.int64)
    known = np.asarray(training.labels) >= 0
    chosen = sample_rows(training, MOST_TRAINING_ROWS, rng, strata=np.where(known, codes, -1))
    groups = _groups(training, attribute)
    able = groups_with_both(groups[chosen], np.where(known, codes, -1)[chosen], smallest)
    chosen = chosen[known[chosen] & np.isin(groups[chosen], able)]
    if len(able) < 2:
        return
    fitting, deciding = training.take(chosen).inputs, inputs
    if isinstance(model, PreparesInputs) and isinstance(fitting, pd.DataFrame):
        fitting, deciding = model.native_inputs(fitting), model.native_inputs(deciding)
    for criterion, n_rates in (("demographic parity", 1), ("equalised odds", 2)):
        # A grid over more than two multipliers is too coarse to find anything with a few models.
        kinds = (GRADIENT, GRID) if n_rates * (len(able) - 1) <= 2 else (GRADIENT,)
        for kind in kinds:
            yield from _reduce(
                model.native, (fitting, codes[chosen], groups[chosen]), deciding, kind, criterion,
                rounds, rng, track, _native_index(model.native, bench.subject),
            )  # fmt: skip


class _Ticker:
    """Moves a progress display once per fit; a clone of an estimator keeps the same one."""

    def __init__(self, track: Tracker, what: str) -> None:
        self._steps = track(iter(int, 1), what)

    def __deepcopy__(self, memo: object) -> "_Ticker":
        return self

    def tick(self) -> None:
        """Report a fit; raise `Cancelled` where the user stopped the work."""
        next(self._steps)


def _reduce(
    native: Any,  # noqa: ANN401  untyped library
    rows: tuple[Any, NDArray[np.int64], NDArray[np.int64]],
    deciding: Any,  # noqa: ANN401  what the library takes
    kind: str,
    criterion: str,
    rounds: int,
    rng: np.random.Generator,
    track: Tracker,
    favourable: int,
) -> Iterator[Proposal]:
    from fairlearn.reductions import (
        DemographicParity,
        EqualizedOdds,
        ExponentiatedGradient,
        GridSearch,
    )

    constraint = DemographicParity() if criterion == "demographic parity" else EqualizedOdds()
    ticker = _Ticker(track, f"Fitting the model again for {criterion}")
    clone = _counted(native, ticker, favourable, seed=int(rng.integers(2**31)))
    reduction = (
        ExponentiatedGradient(clone, constraint, max_iter=rounds)
        if kind == GRADIENT
        else GridSearch(clone, constraint, grid_size=rounds)
    )
    inputs, outcomes, groups = rows
    with warnings.catch_warnings():
        # fairlearn 0.15 fills its grid through Series.at, which pandas 3 deprecates.
        warnings.filterwarnings(
            "ignore", category=pd.errors.Pandas4Warning, module=r"fairlearn\.reductions"
        )
        reduction.fit(inputs, outcomes, sensitive_features=groups)
    if kind == GRADIENT:
        seed = int(rng.integers(2**31))
        decided = np.asarray(reduction.predict(deciding, random_state=seed), dtype=np.int64)
        yield Proposal(kind, f"{kind}: {criterion}", decided)
        shares = reduction.weights_.to_numpy(np.float64)
        drawn = np.flatnonzero(shares > 0)
        fits = [reduction.predictors_[place].fitted_ for place in drawn]
        voting = one_model(native, fits, shares[drawn])
        yield _saved(VOTE, f"{VOTE}: {criterion}", voting, deciding, favourable)
        return
    error = np.array(reduction.objectives_, dtype=np.float64)
    violation = reduction.gammas_.to_numpy(np.float64).max(axis=0)
    for place in undominated(error, violation):
        model = one_model(native, [reduction.predictors_[place].fitted_], np.ones(1))
        yield _saved(kind, f"{kind}: {criterion}, model {place + 1}", model, deciding, favourable)


def _saved(kind: str, name: str, model: Any, deciding: Any, favourable: int) -> Proposal:  # noqa: ANN401
    """A proposal that decides as the model it is saved as does."""
    decided = np.asarray(model.predict(deciding)) == model.classes_[favourable]
    codes = decided.astype(np.int64)
    return Proposal(kind, name, codes, native=model, fixed=codes)


def one_model(native: Any, fits: Sequence[Any], shares: NDArray[np.float64]) -> Any:  # noqa: ANN401
    """Put fits on class numbers together to one model that names the classes as `native` does.

    Args:
        native: the model that was fitted again.
        fits: fitted on 0 and 1, the positions in its `classes_`.
        shares: `(n_fits,)` weight of each fit's vote.

    Returns:
        The fit itself where it is the only one and the classes are 0 and 1; otherwise a
        scikit-learn `VotingClassifier`, which keeps the probabilities of a single fit.
    """
    classes = np.asarray(native.classes_)
    if len(fits) == 1 and classes.dtype.kind in "iu" and classes.tolist() == [0, 1]:
        return fits[0]
    from sklearn.base import clone
    from sklearn.ensemble import VotingClassifier
    from sklearn.preprocessing import LabelEncoder
    from sklearn.utils import Bunch

    names = [f"fit_{number}" for number in range(1, len(fits) + 1)]
    is_soft = len(fits) == 1 and hasattr(fits[0], "predict_proba")
    model = VotingClassifier(
        [(name, clone(fit)) for name, fit in zip(names, fits, strict=True)],
        voting="soft" if is_soft else "hard", weights=[float(share) for share in shares],
    )  # fmt: skip
    model.estimators_ = list(fits)
    model.named_estimators_ = Bunch(**dict(zip(names, fits, strict=True)))
    model.le_ = LabelEncoder().fit(classes)
    model.classes_ = model.le_.classes_
    if hasattr(fits[0], "feature_names_in_"):
        model.feature_names_in_ = fits[0].feature_names_in_
    return model


def _native_index(native: Any, subject: Subject) -> int:  # noqa: ANN401  untyped library
    """Position of the favourable class among the estimator's own."""
    wanted = subject.classes[subject.positive_index]
    names = [
        str(int(item) if isinstance(item, float) and item.is_integer() else item)
        for item in np.asarray(native.classes_).tolist()
    ]
    return names.index(wanted) if wanted in names else subject.positive_index


def undominated(first: NDArray[np.float64], second: NDArray[np.float64]) -> list[int]:
    """Positions for which no other is at least as low in both and lower in one."""
    return [
        place
        for place in range(len(first))
        if not (
            (first <= first[place])
            & (second <= second[place])
            & ((first < first[place]) | (second < second[place]))
        ).any()
    ]


def _counted(native: Any, ticker: _Ticker, favourable: int, *, seed: int) -> Any:  # noqa: ANN401
    """A clone that reports its fits and takes `sample_weight` under that name.

    fairlearn calls the favourable class 1; the fits know it by its position among the model's own.
    """
    from sklearn.base import BaseEstimator, ClassifierMixin, clone

    class Counted(ClassifierMixin, BaseEstimator):
        def __init__(self, estimator: Any, ticker: _Ticker) -> None:  # noqa: ANN401
            self.estimator = estimator
            self.ticker = ticker

        def fit(self, inputs: Any, outcomes: Any, sample_weight: Any = None) -> "Counted":  # noqa: ANN401
            self.ticker.tick()
            self.fitted_ = clone(self.estimator)
            weights = {} if sample_weight is None else {_weights_name(native): sample_weight}
            codes = np.asarray(outcomes).ravel().astype(np.int64)
            self.fitted_.fit(inputs, codes if favourable == 1 else 1 - codes, **weights)
            self.classes_ = np.array([0, 1])
            return self

        def predict(self, inputs: Any) -> Any:  # noqa: ANN401  untyped library
            return (np.asarray(self.fitted_.predict(inputs)) == favourable).astype(np.int64)

    again = clone(native)
    # An estimator without a seed of its own would give another answer every time.
    unset = [
        name
        for name, value in again.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    ]
    return Counted(again.set_params(**dict.fromkeys(unset, seed)), ticker)


def _weights_name(native: Any) -> str:  # noqa: ANN401  untyped library
    """What the estimator's `fit` calls the weights of rows; empty where it takes none."""
    from sklearn.utils.validation import has_fit_parameter

    steps = getattr(native, "steps", None)
    final, prefix = (steps[-1][1], f"{steps[-1][0]}__") if steps else (native, "")
    takes = hasattr(final, "fit") and has_fit_parameter(final, "sample_weight")
    return f"{prefix}sample_weight" if takes else ""


def _groups(training: Dataset, attribute: Attribute) -> NDArray[np.int64]:
    """Codes of the same groups among the training rows; those not among them are -1."""
    theirs = attribute_of(training.frame[attribute.name], edges=attribute.edges)
    place = {name: code for code, name in enumerate(attribute.levels)}
    lookup = np.array([place.get(name, -1) for name in theirs.levels], dtype=np.int64)
    return lookup[theirs.codes]
