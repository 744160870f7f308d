"""scikit-learn's own perceptrons, alone or at the end of a pipeline, trained all together.

First weights, order of the rows, update and rule for stopping are those of `MLPClassifier` with
the same seed, so that a stack of copies is what fitting them one after another gives, up to
rounding.
"""

import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.workbench import Tracker
from analyzers.privacy.fanning import Tick, over_cores
from analyzers.privacy.perceptrons import Perceptron, probabilities, targets_of
from analyzers.privacy.refitting import (
    Answered,
    Pool,
    answered,
    fit_anew,
    own_labels,
    refusal_of,
    settings_of,
    take,
)
from analyzers.privacy.stacks import Start, Training, train_stack

# Enough to drown the waiting in arithmetic, few enough that two cores have work for 32 models.
GROUP = 16
MOST_CELLS = 24_000_000


class PerceptronRecipe(NamedTuple):
    """A perceptron, with what comes before it in a pipeline.

    Attributes:
        estimator: the whole, fitted or not.
        before: the pipeline up to the network, or None.
        network: the `MLPClassifier`.
        precision: "float32", or "float64" to be scikit-learn's own to the last digits but few.
    """

    estimator: Any
    before: Any
    network: Any
    precision: str = "float32"

    @property
    def name(self) -> str:
        """How the training is repeated."""
        return "perceptrons trained all together"

    @property
    def group(self) -> int:
        """Models that are trained together."""
        return GROUP

    def fit(
        self,
        pool: Pool,
        inside: NDArray[np.bool_],
        seeds: NDArray[np.int64],
        track: Tracker,
        *,
        cores: int | None = None,
    ) -> list[Answered]:
        """Fit one network for each row of `inside`; see `refitting.Recipe`."""
        import torch  # noqa: F401  once, before there are threads

        def task(first: int) -> Callable[[Tick], list[Answered]]:
            places = slice(first, first + GROUP)
            return lambda tick: self._fit_group(pool, inside[places], seeds[places], tick)

        tasks = [task(first) for first in range(0, len(inside), GROUP)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            groups = over_cores(
                tasks, track, f"Training {len(inside)} shadow networks together",
                total=len(inside), cores=cores,
            )  # fmt: skip
        return [item for group in groups for item in group]

    def _fit_group(
        self, pool: Pool, inside: NDArray[np.bool_], seeds: NDArray[np.int64], tick: Tick
    ) -> list[Answered]:
        labels = own_labels(self.estimator, pool.codes, pool.classes)
        prepared = [
            self._prepare(pool, labels, np.flatnonzero(part), int(seed))
            for part, seed in zip(inside, seeds, strict=True)
        ]
        alike: dict[tuple[int, ...], list[int]] = {}
        for place, item in enumerate(prepared):
            if item is not None:
                alike.setdefault(item.key, []).append(place)
        found: dict[int, Answered] = {}
        for places in alike.values():
            chosen = [item for item in (prepared[place] for place in places) if item is not None]
            found |= dict(zip(places, self._train(pool, chosen, tick), strict=True))
        for place, item in enumerate(prepared):
            if item is None:
                scores = fit_anew(
                    self.estimator, pool.rows, pool.codes, np.flatnonzero(inside[place]),
                    pool.classes, int(seeds[place]),
                )  # fmt: skip
                found[place] = answered(scores, pool.codes)
                tick()
        return [found[place] for place in range(len(inside))]

    def _prepare(
        self, pool: Pool, labels: NDArray[Any], chosen: NDArray[np.int64], seed: int
    ) -> "_Prepared | None":
        """Rows as the network sees them; None where a stack cannot hold them."""
        from sklearn.base import clone

        try:
            if self.before is None:
                everything = _dense(pool.rows, MOST_CELLS)
                fitted = None if everything is None else everything[chosen]
            else:
                before = clone(self.before)
                before.set_params(**settings_of(before, seed))
                fitted = _dense(
                    before.fit_transform(take(pool.rows, chosen), labels[chosen]),
                    MOST_CELLS // GROUP,
                )
                everything = _dense(before.transform(pool.rows), MOST_CELLS // GROUP)
        # An estimator is someone else's program: whatever it raises is its refusal.
        except Exception as error:
            raise refusal_of(error, len(chosen)) from error
        known, places = np.unique(labels[chosen], return_inverse=True)
        if fitted is None or everything is None or len(known) < 2:
            return None
        code_of = dict(zip(labels.tolist(), pool.codes.tolist(), strict=True))
        codes = np.array([code_of[label] for label in known.tolist()])
        if not (np.isfinite(fitted).all() and np.isfinite(everything).all()):
            # It says so itself, in its own words.
            return None
        return _Prepared(fitted, everything, places.astype(np.int64), codes, seed)

    def _train(self, pool: Pool, alike: "list[_Prepared]", tick: Tick) -> list[Answered]:
        import torch

        n_fitted, n_features = alike[0].fitted.shape
        n_classes = len(alike[0].codes)
        training, shape = training_of(self.network, n_features, n_classes, n_fitted)
        dtype = getattr(torch, self.precision)
        features = torch.from_numpy(np.concatenate([item.fitted for item in alike])).to(dtype)
        places = np.concatenate([item.places for item in alike])
        targets = torch.from_numpy(targets_of(places, shape.sizes[-1])).to(dtype)
        starts = [
            _start(shape, item.seed, np.arange(n_fitted) + at * n_fitted)
            for at, item in enumerate(alike)
        ]
        stops = [_Patience(self.network.tol, self.network.n_iter_no_change) for _ in alike]
        weights = train_stack(training, shape.slope, features, targets, starts, stops, tick)
        if not np.isfinite(weights).all():
            raise UnsuitableSubject(
                f"Expected the network to be fitted anew on {n_fitted:,} rows, got weights without "
                "bound.",
                remedy="Lower the learning rate, or scale the columns.",
            )
        found = []
        for item, own in zip(alike, weights, strict=True):
            scores = np.zeros((len(pool.codes), len(pool.classes)))
            scores[:, item.codes] = probabilities(shape.answer(own, item.everything))
            found.append(answered(scores, pool.codes))
        return found


class _Prepared(NamedTuple):
    """One model's rows: those it is fitted on, all, the classes' places, their codes, its seed."""

    fitted: NDArray[np.float64]
    everything: NDArray[np.float64]
    places: NDArray[np.int64]
    codes: NDArray[np.int64]
    seed: int

    @property
    def key(self) -> tuple[int, ...]:
        """Networks of one key fit in one stack."""
        return (*self.fitted.shape, len(self.codes))


class _Patience:
    """Stops where the loss has not fallen by `tolerance` for more than `most` passes."""

    def __init__(self, tolerance: float, most: int) -> None:
        self._tolerance, self._most = tolerance, most
        self._best, self._n_worse = np.inf, 0

    def __call__(self, epoch: int, loss: float) -> bool:
        del epoch
        self._n_worse = self._n_worse + 1 if loss > self._best - self._tolerance else 0
        self._best = min(self._best, loss)
        return self._n_worse > self._most


def perceptron_recipe(estimator: Any) -> PerceptronRecipe | None:  # noqa: ANN401
    """Return how to train many of an estimator together, or None where it is no such network."""
    import importlib.util

    is_pipeline = _is_of_sklearn(estimator, "Pipeline")
    network = estimator.steps[-1][1] if is_pipeline else estimator
    has_torch = importlib.util.find_spec("torch") is not None
    if not _is_of_sklearn(network, "MLPClassifier") or not has_torch:
        return None
    is_plain = (
        network.solver in ("adam", "sgd")
        and (network.solver == "adam" or network.learning_rate == "constant")
        and not network.early_stopping
        and not network.warm_start
        and getattr(network, "loss", "log_loss") == "log_loss"
    )
    if not is_plain:
        return None
    before = estimator[:-1] if is_pipeline and len(estimator.steps) > 1 else None
    return PerceptronRecipe(estimator, before, network)


def _is_of_sklearn(estimator: Any, name: str) -> bool:  # noqa: ANN401
    kind = type(estimator)
    return kind.__name__ == name and kind.__module__.split(".")[0] == "sklearn"


def training_of(
    network: Any,  # noqa: ANN401  scikit-learn ships no types
    n_features: int,
    n_classes: int,
    n_fitted: int,
) -> tuple[Training, Perceptron]:
    """Translate the settings of an `MLPClassifier`."""
    hidden = np.atleast_1d(np.asarray(network.hidden_layer_sizes, dtype=np.int64)).tolist()
    batch = min(200, n_fitted) if network.batch_size == "auto" else network.batch_size
    training = Training(
        optimiser=network.solver,
        rate=network.learning_rate_init,
        batch=int(np.clip(batch, 1, n_fitted)),
        epochs=int(network.max_iter),
        is_shuffled=bool(network.shuffle),
        betas=(network.beta_1, network.beta_2),
        epsilon=network.epsilon,
        is_early_epsilon=True,
        momentum=network.momentum,
        is_nesterov=bool(network.nesterovs_momentum),
    )
    sizes = (n_features, *hidden, 1 if n_classes == 2 else n_classes)
    return training, Perceptron(sizes, network.activation, network.alpha)


def _start(shape: Perceptron, seed: int, positions: NDArray[np.int64]) -> Start:
    """First weights (Glorot and Bengio 2010) and the order of rows, from one seed."""
    # scikit-learn draws from the older generator; the same seed is to give the same network.
    drawn = np.random.RandomState(seed)
    factor = 2.0 if shape.activation == "logistic" else 6.0
    weights = []
    for n_in, n_out in pairwise(shape.sizes):
        bound = np.sqrt(factor / (n_in + n_out))
        weights.append(drawn.uniform(-bound, bound, (n_in, n_out)).reshape(-1))
        weights.append(drawn.uniform(-bound, bound, n_out))
    return Start(np.concatenate(weights), drawn.shuffle, positions)


def _dense(rows: Any, most_cells: int) -> NDArray[np.float64] | None:  # noqa: ANN401
    """Rows as numbers; None where they are too many to be held whole."""
    if int(np.prod(np.shape(rows))) > most_cells:
        return None
    if hasattr(rows, "toarray"):
        rows = rows.toarray()
    return np.ascontiguousarray(rows, dtype=np.float64)
