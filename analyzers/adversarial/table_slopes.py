"""How the margin of a differentiable model of tables changes with each column, in the user's units.

Numbers and words become a network's inputs by an encoding that takes column by column. A column's
slope is the network's own slope, followed back through what one step of the column does to the
encoding; a category's gain is what its encoding adds along the slope.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analyzers.adversarial.aim import Aim
from analyzers.adversarial.target import Target
from analyzers.anatomy.encoding import dense, encode
from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import Capability, Model, NetworkModel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_PROBE = 0.01
_CLOSE = 1e-4
_SLOPES: dict[str, Callable[[Floats], Floats]] = {
    "identity": np.ones_like,
    "relu": lambda made: (made > 0).astype(np.float64),
    "logistic": lambda made: made * (1 - made),
    "tanh": lambda made: 1 - made**2,
}


class Climb(NamedTuple):
    """What a model's inside says at some points.

    Attributes:
        margins: `(n_points,)` logits beyond the goal; above 0 it is reached.
        slopes: `(n_points, n_features)` change of the margin per standardised unit of a number.
        gains: for each category's place `(n_points, n_levels)`: the margin's change to first order
            when the level takes the place of the row's own one.
    """

    margins: Floats
    slopes: Floats
    gains: dict[int, Floats]


class TableSlopes:
    """A differentiable model, asked for slopes in the columns of the rows under attack."""

    def __init__(
        self,
        target: Target,
        encoded: Callable[[pd.DataFrame], Floats],
        ascend: Callable[[Floats, Aim], tuple[Floats, Floats]],
        owners: Integers,
    ) -> None:
        self._target, self._encoded, self._ascend, self._owners = target, encoded, ascend, owners
        space = target.space
        self._numbers = np.flatnonzero(space.is_free & ~space.is_level)
        self._probes = np.array(
            [
                max(_PROBE * field.scale, 1.0 if field.rule == "integer" else 0.0)
                for field in space.fields
            ]
        )
        self._levels = {
            int(place): self._level_codes(int(place))
            for place in np.flatnonzero(space.is_free & space.is_level)
        }

    def at(self, points: Floats, rows: Integers) -> Climb:
        """Return margins, slopes and gains at feasible points.

        Args:
            points: `(n_points, n_features)`, repaired.
            rows: `(n_points,)` the row each belongs to.
        """
        target = self._target
        space = target.space
        seen = self._see(points, rows)
        margins, uphill = self._ascend(seen, target.aim(rows))
        slopes = np.zeros(points.shape)
        if len(self._numbers):
            moved = points.copy()
            moved[:, self._numbers] += self._probes[self._numbers]
            change = (self._see(moved, rows) - seen) * uphill
            per_column = np.zeros(points.shape)
            for encoded, owner in enumerate(self._owners):
                per_column[:, owner] += change[:, encoded]
            slopes = np.where(
                space.is_free & ~space.is_level, per_column / self._probes * space.scales, 0.0
            )
        gains = {}
        originals = target.originals[rows]
        for place, codes in self._levels.items():
            worth = uphill[:, self._owners == place] @ codes.T
            is_known = ~np.isnan(originals[:, place])
            own = np.where(is_known, originals[:, place], 0).astype(np.int64)
            gains[place] = np.where(
                is_known[:, None], worth - worth[np.arange(len(points)), own][:, None], -np.inf
            )
        return Climb(margins, np.nan_to_num(slopes), gains)

    def _see(self, points: Floats, rows: Integers) -> Floats:
        return self._encoded(self._target.space.decode(points, rows, self._target.frame))

    def _level_codes(self, place: int) -> Floats:
        """What the model sees of each level, `(n_levels, n_owned)`."""
        n_levels = len(self._target.space.fields[place].levels)
        points = np.repeat(self._target.originals[:1], n_levels, axis=0)
        points[:, place] = np.arange(n_levels)
        seen = self._see(points, np.zeros(n_levels, dtype=np.int64))
        return seen[:, self._owners == place]


def open_slopes(model: Model, target: Target) -> TableSlopes:
    """Find out how to ask the model for slopes.

    Args:
        model: with scores.
        target: the rows under attack.

    Raises:
        DoesNotFit: neither a network nor a linear model or perceptron whose inputs can be traced.
    """
    if isinstance(model, NetworkModel) and Capability.GRADIENT in model.capabilities:
        return _of_network(model, target)
    layers, activation, owners, encoded = _layers(model, target.frame)
    scores = model.predict_proba(target.frame)
    logits = _forward(layers, activation, encoded(target.frame))[-1]
    order = _order(logits, scores)

    def ascend(seen: Floats, aim: Aim) -> tuple[Floats, Floats]:
        made = _forward(layers, activation, seen)
        margins, towards = _margin_slope(made[-1][:, order], aim)
        uphill = np.zeros_like(towards)
        uphill[:, order] = towards
        for depth in range(len(layers) - 1, -1, -1):
            uphill = uphill @ layers[depth][0].T
            if depth:
                uphill = uphill * _SLOPES[activation](made[depth])
        return margins, uphill

    return TableSlopes(target, encoded, ascend, owners)


def _of_network(model: NetworkModel, target: Target) -> TableSlopes:
    import torch

    def encoded(frame: pd.DataFrame) -> Floats:
        try:
            seen = model.tensor_of(frame)
        except (TypeError, ValueError) as error:
            raise DoesNotFit("its columns are not all numbers") from error
        return np.asarray(seen.detach().numpy(), dtype=np.float64)

    seen = encoded(target.frame[:1])
    if seen.ndim != 2 or seen.shape[1] != len(target.space.fields):
        raise DoesNotFit("its inputs are not the columns themselves")

    def ascend(seen: Floats, aim: Aim) -> tuple[Floats, Floats]:
        tensor = torch.from_numpy(seen.astype(np.float32)).requires_grad_(True)
        logits = model.logits(tensor)
        margins, towards = _margin_slope(logits.detach().numpy().astype(np.float64), aim)
        (uphill,) = torch.autograd.grad(
            (logits * torch.from_numpy(towards.astype(np.float32))).sum(), tensor
        )
        return margins, np.nan_to_num(uphill.numpy().astype(np.float64))

    return TableSlopes(target, encoded, ascend, np.arange(seen.shape[1]))


def _margin_slope(logits: Floats, aim: Aim) -> tuple[Floats, Floats]:
    """Margins and what each logit weighs in them: 1 for one class, -1 for another."""
    rows = np.arange(len(logits))
    home = aim.codes if aim.wanted is None else aim.wanted
    aside = logits.copy()
    aside[rows, home] = -np.inf
    rival = aside.argmax(axis=1)
    sign = 1.0 if aim.wanted is None else -1.0
    towards = np.zeros_like(logits)
    towards[rows, rival] = sign
    towards[rows, home] = -sign
    return (logits * towards).sum(axis=1), towards


Layer = tuple[Floats, Floats]


def _layers(
    model: Model, frame: pd.DataFrame
) -> tuple[list[Layer], str, Integers, Callable[[pd.DataFrame], Floats]]:
    prepare = getattr(model, "native_inputs", None)

    def inputs(rows: pd.DataFrame) -> pd.DataFrame:
        made: pd.DataFrame = rows if prepare is None else prepare(rows)
        return made

    try:
        opened = encode(model.native, inputs(frame[:1]))
    except AttributeError as error:
        raise DoesNotFit("its inside cannot be reached") from error
    estimator = opened.estimator
    kind = type(estimator).__name__
    if kind == "MLPClassifier":
        layers = [
            (np.asarray(weights, dtype=np.float64), np.asarray(bias, dtype=np.float64))
            for weights, bias in zip(estimator.coefs_, estimator.intercepts_, strict=True)
        ]
        activation = str(estimator.activation)
    elif kind in ("LogisticRegression", "LogisticRegressionCV", "SGDClassifier"):
        weights = np.asarray(estimator.coef_, dtype=np.float64).T
        bias = np.broadcast_to(np.asarray(estimator.intercept_, dtype=np.float64), weights.shape[1])
        layers, activation = [(weights, bias)], "identity"
    else:
        raise DoesNotFit(f"{kind} is no network, perceptron or logistic regression")
    if layers[-1][0].shape[1] == 1:
        # One sum for the second class stands against zero for the first.
        weights, bias = layers[-1]
        layers[-1] = np.c_[np.zeros_like(weights), weights], np.r_[0.0, bias]
    if activation not in _SLOPES:
        raise DoesNotFit(f"its activation {activation!r} is not known")
    return (
        layers,
        activation,
        opened.owners,
        lambda rows: dense(encode(model.native, inputs(rows)).matrix),
    )


def _forward(layers: list[Layer], activation: str, seen: Floats) -> list[Floats]:
    from scipy.special import expit

    made = [seen]
    for depth, (weights, bias) in enumerate(layers):
        out = made[-1] @ weights + bias
        if depth + 1 < len(layers):
            if activation == "relu":
                out = np.maximum(out, 0.0)
            elif activation == "tanh":
                out = np.tanh(out)
            elif activation == "logistic":
                out = expit(out)
        made.append(out)
    return made


def _order(logits: Floats, scores: Floats) -> Integers:
    """Which logit belongs to each of the subject's classes, told by the scores themselves."""
    from scipy.special import softmax

    made = softmax(logits, axis=1)
    if made.shape != scores.shape:
        raise DoesNotFit("its sums do not match the classes")
    apart = np.abs(made[:, :, None] - scores[:, None, :]).max(axis=0)
    order = apart.argmin(axis=0)
    if len(set(order.tolist())) < len(order) or apart.min(axis=0).max() > _CLOSE:
        raise DoesNotFit("its sums do not lead to its scores")
    return order.astype(np.int64)
