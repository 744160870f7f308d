"""A torch network's architecture trained anew from first weights of its own.

The file says what the network is and not how it was trained: the optimiser, its rate and the batch
are the user's to give. Where no number of passes is given, training goes on until the network fits
its own rows as well as the model under examination fits its members.
"""

import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Model
from analyzers.core.workbench import Tracker
from analyzers.privacy.evidence import Side
from analyzers.privacy.fanning import Tick, over_cores
from analyzers.privacy.params import RefitParams
from analyzers.privacy.perceptrons import Perceptron, probabilities, targets_of
from analyzers.privacy.refitting import OFF, Answered, Pool, answered, refusal_of
from analyzers.privacy.stacks import Start, StopsAt, Training, train_stack
from analyzers.privacy.torch_program import Chain, Program, chain_of, read_program

# Perceptrons gain from company; other networks are computed one after another inside anyway.
GROUP_OF_PERCEPTRONS, GROUP = 16, 4
MOST_EPOCHS = 200
_LEAST = 1e-7
_BATCH_OF_ANSWERS = 1024


class NetworkRecipe(NamedTuple):
    """An architecture and how to train it.

    Attributes:
        program: the network with its weights as arguments.
        chain: its layers, where it is a plain perceptron.
        outputs: "logits", "probabilities" or "log-probabilities".
        training: optimiser, rate, batch and most passes.
        enough: mean loss at which training ends; None for a fixed number of passes.
    """

    program: Program
    chain: Chain | None
    outputs: str
    training: Training
    enough: float | None

    @property
    def name(self) -> str:
        """How the training is repeated."""
        until = (
            f"{self.training.epochs} passes"
            if self.enough is None
            else f"until its loss is {self.enough:.3g}, {MOST_EPOCHS} passes at most"
        )
        return (
            f"networks of the file's architecture, trained by {self.training.optimiser.title()} "
            f"(rate {self.training.rate:g}, batches of {self.training.batch}, {until})"
        )

    @property
    def group(self) -> int:
        """Models that are trained together."""
        return GROUP if self.chain is None else GROUP_OF_PERCEPTRONS

    def fit(
        self,
        pool: Pool,
        inside: NDArray[np.bool_],
        seeds: NDArray[np.int64],
        track: Tracker,
        *,
        cores: int | None = None,
    ) -> list[Answered]:
        """Train one network for each row of `inside`; see `refitting.Recipe`."""
        import torch  # noqa: F401  once, before there are threads

        rows = np.asarray(pool.rows, dtype=np.float32)
        if not np.isfinite(rows).all():
            raise UnsuitableSubject(
                "Expected rows without missing values to train the network on, got some.",
                remedy=OFF,
            )
        pool = pool._replace(rows=rows)

        def task(first: int) -> Callable[[Tick], list[Answered]]:
            places = slice(first, first + self.group)
            return lambda tick: self._fit_group(pool, inside[places], seeds[places], tick)

        tasks = [task(first) for first in range(0, len(inside), self.group)]
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
        sizes = inside.sum(axis=1)
        found: dict[int, Answered] = {}
        for size in np.unique(sizes):
            places = np.flatnonzero(sizes == size)
            try:
                trained = self._train(pool, inside[places], seeds[places], tick)
            except (RuntimeError, TypeError, ValueError, KeyError, NotImplementedError) as error:
                raise refusal_of(error, int(size)) from error
            found |= dict(zip(places.tolist(), trained, strict=True))
        return [found[place] for place in range(len(inside))]

    def _train(
        self, pool: Pool, inside: NDArray[np.bool_], seeds: NDArray[np.int64], tick: Tick
    ) -> list[Answered]:
        import torch

        features = torch.from_numpy(pool.rows)
        order, slope = list(self.program.shapes), self._slope
        targets, shape = torch.from_numpy(pool.codes), None
        if self.chain is not None:
            shape = self._shape(self.chain)
            features = features.reshape(len(features), -1)
            targets = torch.from_numpy(targets_of(pool.codes, shape.sizes[-1])).float()
            order, slope = [name for layer in self.chain.layers for name in layer], shape.slope
        starts = []
        for seed, part in zip(seeds, inside, strict=True):
            rng = np.random.default_rng(int(seed))
            first = _first_weights(self.program.shapes, order, rng, is_turned=shape is not None)
            starts.append(Start(first, rng.shuffle, np.flatnonzero(part)))
        stops = [self._stop() for _ in seeds]
        weights = train_stack(self.training, slope, features, targets, starts, stops, tick)
        if not np.isfinite(weights).all():
            raise UnsuitableSubject(
                "Expected the network to be trained anew, got weights without bound.",
                remedy="Lower the learning rate.",
            )
        if shape is not None:
            rows = features.numpy()
            return [answered(probabilities(shape.answer(own, rows)), pool.codes) for own in weights]
        return [answered(self._ask(own, features), pool.codes) for own in weights]

    def _stop(self) -> StopsAt:
        enough = self.enough
        return lambda _, loss: enough is not None and loss <= enough

    def _shape(self, chain: Chain) -> Perceptron:
        shapes = [self.program.shapes[weight] for weight, _ in chain.layers]
        return Perceptron((shapes[0][1], *(shape[0] for shape in shapes)), chain.activation)

    def _slope(self, weights: Any, gradient: Any, rows: Any, truth: Any) -> Any:  # noqa: ANN401
        """Loss and slopes of any network, by torch's own differentiation; see `stacks.Slope`."""
        from torch.func import grad_and_value, vmap

        def loss(own: Any, mine: Any, codes: Any) -> Any:  # noqa: ANN401  torch.Tensors
            raw = self.program.call(_named(self.program.shapes, own), mine)
            return _cross_entropy(raw.reshape(len(codes), -1), codes, self.outputs)

        slopes, losses = vmap(grad_and_value(loss), randomness="error")(weights, rows, truth)
        gradient.copy_(slopes)
        return losses

    def _ask(self, weights: NDArray[np.float64], features: Any) -> NDArray[np.float64]:  # noqa: ANN401
        import torch

        named = _named(self.program.shapes, torch.from_numpy(weights).float())
        with torch.no_grad():
            parts = [
                self.program.call(named, part).reshape(len(part), -1).double().numpy()
                for part in features.split(_BATCH_OF_ANSWERS)
            ]
        raw = np.concatenate(parts)
        if self.outputs == "logits":
            return probabilities(raw)
        scores = np.exp(raw) if self.outputs == "log-probabilities" else raw
        return np.hstack([1 - scores, scores]) if scores.shape[1] == 1 else scores


def torch_recipe(model: Model, params: RefitParams, members: Side) -> NetworkRecipe:
    """Read a network's architecture, and decide how long it is trained.

    Args:
        model: a torch program matched to its subject.
        params: optimiser, rate, batch and passes.
        members: rows the model was fitted on, with its answers.

    Raises:
        UnsuitableSubject: its program cannot be trained anew.
    """
    if members.data.subject.modality == "text":
        raise UnsuitableSubject(
            "Expected a network on numbers or images to train anew, got one on texts.", remedy=OFF
        )
    program = read_program(model.native)
    training = Training(
        optimiser=params.network_optimiser,
        rate=params.network_rate,
        batch=params.network_batch,
        epochs=params.network_epochs or MOST_EPOCHS,
        momentum=0.9,
    )
    enough = None if params.network_epochs else _mean_loss(members)
    return NetworkRecipe(
        program, chain_of(program), getattr(model, "outputs", "logits"), training, enough
    )


def _mean_loss(side: Side) -> float:
    if side.scores is None:
        return 0.0
    given = side.scores[np.arange(len(side)), np.asarray(side.labels, dtype=np.int64)]
    return float(-np.log(np.maximum(given, _LEAST)).mean())


def _first_weights(
    shapes: Mapping[str, tuple[int, ...]],
    order: list[str],
    rng: np.random.Generator,
    *,
    is_turned: bool,
) -> NDArray[np.float64]:
    """Draw weights as torch's layers do: uniform within one over the root of the inputs.

    Args:
        shapes: of every parameter.
        order: in which they are laid in one row.
        rng: draws them.
        is_turned: matrices are laid as `(inputs, outputs)`.
    """
    drawn = []
    for name in order:
        shape = shapes[name]
        stem = name.rpartition(".")[0]
        weight = shapes.get(f"{stem}.weight" if stem else "weight", shape)
        if len(weight) < 2:
            # A layer that scales: it starts by changing nothing.
            own = np.zeros(shape) if name.endswith("bias") else np.ones(shape)
        else:
            bound = 1 / np.sqrt(np.prod(weight[1:]))
            own = rng.uniform(-bound, bound, shape)
        drawn.append((own.T if is_turned and own.ndim == 2 else own).reshape(-1))
    return np.concatenate(drawn)


def _named(shapes: Mapping[str, tuple[int, ...]], weights: Any) -> dict[str, Any]:  # noqa: ANN401
    sizes = [int(np.prod(shape)) for shape in shapes.values()]
    pieces = weights.split(sizes)
    return {name: piece.reshape(shape)
            for (name, shape), piece in zip(shapes.items(), pieces, strict=True)}  # fmt: skip


def _cross_entropy(raw: Any, codes: Any, outputs: str) -> Any:  # noqa: ANN401  torch.Tensors
    from torch.nn import functional

    if raw.shape[1] == 1:
        truth = codes.to(raw.dtype)[:, None]
        if outputs == "logits":
            return functional.binary_cross_entropy_with_logits(raw, truth)
        chance = (raw.exp() if outputs == "log-probabilities" else raw).clamp(_LEAST, 1 - _LEAST)
        return -(truth * chance.log() + (1 - truth) * (1 - chance).log()).mean()
    if outputs == "logits":
        return functional.cross_entropy(raw, codes)
    logs = raw if outputs == "log-probabilities" else raw.clamp_min(_LEAST).log()
    return functional.nll_loss(logs, codes)
