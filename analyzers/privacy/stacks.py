"""Many models of one shape trained together: each has its own rows, order and first weights.

What a small model's training waits for is Python between tiny products. A stack of them waits once.
Each becomes what it would have become alone, up to rounding.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.privacy.fanning import Tick


class Training(NamedTuple):
    """How the models of a stack are trained.

    Attributes:
        optimiser: "adam", or "sgd" with momentum.
        rate: of learning.
        batch: rows in a step.
        epochs: passes over the rows, at most.
        is_shuffled: the rows come in another order in every pass.
        betas: of Adam.
        epsilon: of Adam.
        is_early_epsilon: Adam's epsilon is added before the bias is corrected (scikit-learn).
        momentum: of gradient descent.
        is_nesterov: looks ahead.
    """

    optimiser: Literal["adam", "sgd"]
    rate: float
    batch: int
    epochs: int
    is_shuffled: bool = True
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    is_early_epsilon: bool = False
    momentum: float = 0.0
    is_nesterov: bool = False


class Start(NamedTuple):
    """Where one model begins.

    Attributes:
        weights: `(n_parameters,)`.
        shuffle: puts an array of positions into another order, in place.
        positions: `(n_fitted,)` rows it is fitted on.
    """

    weights: NDArray[np.float64]
    shuffle: Callable[[NDArray[np.int64]], None]
    positions: NDArray[np.int64]


# From weights `(n_models, n_parameters)`, room for the slopes of the same shape, rows `(n_models,
# n_batch, ...)` and their targets: writes the slopes and returns the losses `(n_models,)`.
Slope = Callable[[Any, Any, Any, Any], Any]
# From the pass just ended (from 1) and the mean loss over it: whether the model is done.
StopsAt = Callable[[int, float], bool]


def train_stack(
    training: Training,
    slope: Slope,
    features: Any,  # noqa: ANN401  a torch.Tensor
    targets: Any,  # noqa: ANN401  a torch.Tensor
    starts: Sequence[Start],
    stops: Sequence[StopsAt],
    tick: Tick,
) -> NDArray[np.float64]:
    """Train models that have equally many rows.

    Args:
        training: alike for all.
        slope: loss and slopes of a stack.
        features: `(n_rows, ...)`, from which every model takes its own.
        targets: `(n_rows, ...)`.
        starts: one for each model, all with the same number of positions.
        stops: one for each model.
        tick: called after every pass with the models' worth of work done since, all models
            in the end.

    Returns:
        `(n_models, n_parameters)` the weights.
    """
    import torch

    stack = _Stack(training, slope, features, targets, starts)
    found = np.empty((len(starts), stack.weights.shape[1]))
    n_told = 0
    with torch.no_grad():
        for epoch in range(1, training.epochs + 1):
            losses = stack.run_epoch()
            done = [stops[place](epoch, float(losses[at])) or epoch == training.epochs
                    for at, place in enumerate(stack.places)]  # fmt: skip
            for at in np.flatnonzero(done):
                found[stack.places[at]] = stack.weights[at].double().numpy()
            stack.keep([at for at, is_done in enumerate(done) if not is_done])
            # Models in training count by the passes they have had, those that are done as whole.
            left = len(stack.places) * (training.epochs - epoch) / training.epochs
            n_done = len(starts) - math.ceil(left - 1e-9)
            tick(n_done - n_told)
            n_told = n_done
            if not stack.places:
                break
    return found


class _Stack:
    """The models still in training."""

    def __init__(
        self,
        training: Training,
        slope: Slope,
        features: Any,  # noqa: ANN401  a torch.Tensor
        targets: Any,  # noqa: ANN401  a torch.Tensor
        starts: Sequence[Start],
    ) -> None:
        import torch

        self._training, self._slope = training, slope
        self._features, self._targets = features, targets
        self.places = list(range(len(starts)))
        self._starts = list(starts)
        self._orders = [start.positions.copy() for start in starts]
        self.weights = torch.from_numpy(np.stack([start.weights for start in starts])).to(
            features.dtype
        )
        self._first = torch.zeros_like(self.weights)
        self._second = torch.zeros_like(self.weights)
        self._gradient = torch.zeros_like(self.weights)
        self._n_steps = 0

    def keep(self, chosen: list[int]) -> None:
        """Go on with some of the models."""
        if len(chosen) == len(self.places):
            return
        self.places = [self.places[at] for at in chosen]
        self._starts = [self._starts[at] for at in chosen]
        self._orders = [self._orders[at] for at in chosen]
        self.weights, self._first, self._second, self._gradient = (
            item[chosen].clone()
            for item in (self.weights, self._first, self._second, self._gradient)
        )

    def run_epoch(self) -> NDArray[np.float64]:
        """Pass over all rows once and return every model's mean loss."""
        import torch

        if self._training.is_shuffled:
            for start, order in zip(self._starts, self._orders, strict=True):
                start.shuffle(order)
        orders = torch.from_numpy(np.stack(self._orders))
        n_models, n_fitted = orders.shape
        total = torch.zeros(n_models, dtype=torch.float64)
        for first in range(0, n_fitted, self._training.batch):
            chosen = orders[:, first : first + self._training.batch]
            n_rows = chosen.shape[1]
            rows, truth = (
                item.index_select(0, chosen.reshape(-1)).view(n_models, n_rows, *item.shape[1:])
                for item in (self._features, self._targets)
            )
            total += self._slope(self.weights, self._gradient, rows, truth).double() * n_rows
            self._update()
        found: NDArray[np.float64] = (total / n_fitted).numpy()
        return found

    def _update(self) -> None:
        import torch

        training = self._training
        self._n_steps += 1
        if training.optimiser == "sgd":
            self._first.mul_(training.momentum).sub_(self._gradient, alpha=training.rate)
            if training.is_nesterov:
                self.weights.add_(self._first, alpha=training.momentum)
                self.weights.sub_(self._gradient, alpha=training.rate)
            else:
                self.weights.add_(self._first)
            return
        slow = training.betas[1]
        early = (1 - slow**self._n_steps) ** 0.5 if training.is_early_epsilon else 1.0
        # One pass over memory for the whole update; it counts the step itself.
        torch._fused_adam_(
            [self.weights], [self._gradient], [self._first], [self._second], [],
            [torch.tensor(float(self._n_steps))], lr=training.rate, beta1=training.betas[0],
            beta2=slow, weight_decay=0.0, eps=training.epsilon / early, amsgrad=False,
            maximize=False,
        )  # fmt: skip
