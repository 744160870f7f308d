"""Perceptrons in a stack: one batched matrix product for all of them, and the slopes by hand."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Activation = Literal["relu", "tanh", "logistic", "identity"]


class Perceptron(NamedTuple):
    """The shape of a network of full layers.

    Its weights lie in one row: layer by layer, each matrix `(inputs, outputs)` before its
    intercepts.

    Attributes:
        sizes: units of every layer, features first; one output means a sigmoid, more a softmax.
        activation: of the hidden layers.
        decay: L2 penalty on the weights, divided by the rows of the batch.
    """

    sizes: tuple[int, ...]
    activation: Activation
    decay: float = 0.0

    def slope(self, weights: Any, gradient: Any, rows: Any, truth: Any) -> Any:  # noqa: ANN401
        """Loss and slopes of a stack of such networks; see `stacks.Slope`.

        Args:
            weights: `(n_models, n_parameters)` a torch.Tensor, as all are.
            gradient: of the same shape; written.
            rows: `(n_models, n_batch, n_features)`.
            truth: `(n_models, n_batch, n_outputs)` 0 or 1.

        Returns:
            `(n_models,)` mean cross-entropy and penalty.
        """
        import torch

        n_rows = rows.shape[1]
        layers, slopes = list(self._views(weights)), list(self._views(gradient))
        values = [rows]
        for weight, intercept in layers[:-1]:
            raw = torch.baddbmm(intercept, values[-1], weight)
            values.append(_activate(self.activation, raw))
        raw = torch.baddbmm(layers[-1][1], values[-1], layers[-1][0])
        loss, blame = _loss_and_blame(raw, truth)
        blame.mul_(1 / n_rows)
        for at in range(len(layers) - 1, -1, -1):
            torch.bmm(values[at].transpose(1, 2), blame, out=slopes[at][0])
            torch.sum(blame, 1, keepdim=True, out=slopes[at][1])
            if self.decay:
                slopes[at][0].add_(layers[at][0], alpha=self.decay / n_rows)
                loss += layers[at][0].square().sum((1, 2)) * (self.decay / 2 / n_rows)
            if at:
                blame = torch.bmm(blame, layers[at][0].transpose(1, 2))
                blame = _blame_before(self.activation, values[at], blame)
        return loss

    def answer(
        self, weights: NDArray[np.float64], features: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Ask one network, in double precision.

        Args:
            weights: `(n_parameters,)`.
            features: `(n_rows, n_features)`.

        Returns:
            `(n_rows, n_outputs)` what comes before the sigmoid or softmax.
        """
        values = np.asarray(features, dtype=np.float64)
        for first, middle, last, n_in, n_out in _layers(self.sizes):
            values = values @ weights[first:middle].reshape(n_in, n_out) + weights[middle:last]
            if last != len(weights):
                values = _activate_array(self.activation, values)
        return values

    def _views(self, flat: Any) -> Iterator[tuple[Any, Any]]:  # noqa: ANN401  torch.Tensors
        for first, middle, last, n_in, n_out in _layers(self.sizes):
            yield (
                flat[:, first:middle].view(-1, n_in, n_out),
                flat[:, middle:last].view(-1, 1, n_out),
            )


def probabilities(raw: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn `(n_rows, n_outputs)` raw outputs into `(n_rows, n_classes)` probabilities."""
    from scipy.special import expit, softmax

    if raw.shape[1] == 1:
        return np.hstack([expit(-raw), expit(raw)])
    return np.asarray(softmax(raw, axis=1))


def targets_of(places: NDArray[np.int64], n_outputs: int) -> NDArray[np.float64]:
    """What the outputs should be: the place itself for one output, else one column a class."""
    if n_outputs == 1:
        return places[:, None].astype(np.float64)
    return (places[:, None] == np.arange(n_outputs)).astype(np.float64)


def _layers(sizes: tuple[int, ...]) -> Iterator[tuple[int, int, int, int, int]]:
    """Where each layer's weights begin, its intercepts begin and end, and its two sizes."""
    first = 0
    for n_in, n_out in pairwise(sizes):
        middle = first + n_in * n_out
        yield first, middle, middle + n_out, n_in, n_out
        first = middle + n_out


def _loss_and_blame(raw: Any, truth: Any) -> tuple[Any, Any]:  # noqa: ANN401  torch.Tensors
    """Mean cross-entropy of every network, and its slope by what comes before the last function."""
    import torch
    from torch.nn import functional

    if raw.shape[2] == 1:
        loss = (functional.softplus(raw) - raw * truth).mean((1, 2))
        return loss, torch.sigmoid(raw).sub_(truth)
    logs = torch.log_softmax(raw, dim=2)
    loss = -(logs * truth).sum(2).mean(1)
    return loss, logs.exp_().sub_(truth)


def _activate(activation: Activation, values: Any) -> Any:  # noqa: ANN401  torch.Tensors
    """Apply the hidden function, in place."""
    if activation == "relu":
        return values.relu_()
    if activation == "tanh":
        return values.tanh_()
    return values.sigmoid_() if activation == "logistic" else values


def _activate_array(activation: Activation, values: NDArray[np.float64]) -> NDArray[np.float64]:
    if activation == "relu":
        np.maximum(values, 0, out=values)
    elif activation == "tanh":
        np.tanh(values, out=values)
    elif activation == "logistic":
        from scipy.special import expit

        expit(values, out=values)
    return values


def _blame_before(activation: Activation, values: Any, blame: Any) -> Any:  # noqa: ANN401
    """Slope before a hidden function, from the slope after it and the function's values."""
    import torch

    if activation == "relu":
        return torch.ops.aten.threshold_backward.grad_input(blame, values, 0, grad_input=blame)
    if activation == "tanh":
        return blame.addcmul_(blame, values.square(), value=-1)
    return blame.mul_(values).mul_(1 - values) if activation == "logistic" else blame
