"""Torch modules: integrated gradients from every background row, with its completeness error.

The gradient is integrated along the straight line from a background row to the row, times the
distance, and averaged over the background: Aumann-Shapley values, which like Shapley values add up
to the output, and which need only gradients. The integral is taken with Gauss-Legendre nodes
instead of random points, so nothing is sampled and what the sum misses is the quadrature's error.

References: Sundararajan, Taly and Yan 2017; Erion et al. 2021 (expected gradients).
"""

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.anatomy.refusal import DoesNotFit
from analyzers.core.model import DifferentiableModel, Inputs
from analyzers.core.workbench import Tracker
from analyzers.explanation.quadrature import settle

_POINTS_AT_ONCE = 4096
_NUMBERS_AT_ONCE = 8_000_000


def integrate_gradients(
    model: DifferentiableModel,
    rows: Inputs,
    background: Inputs,
    class_index: int | None,
    track: Tracker,
) -> tuple[NDArray[np.float64], float]:
    """Return attributions shaped like the input tensor, and the mean output of the background.

    Args:
        model: with gradients; its `native` takes `tensor_of(inputs)`.
        rows: what to explain.
        background: the starting points of the lines.
        class_index: the explained class; None for regression.
        track: progress.

    Raises:
        DoesNotFit: no gradient reaches the input, or the module's output is not understood.
    """
    import torch

    head = _head_of(model, background, class_index)
    inputs = model.tensor_of(rows).detach()
    starts = model.tensor_of(background).detach()
    with torch.no_grad():
        begin = head(model.native(starts)).double().numpy()
        own = head(model.native(inputs)).double().numpy()
    values = np.empty(tuple(inputs.shape))
    for place in track(range(len(inputs)), "Integrating gradients", total=len(inputs)):
        values[place] = settle(
            partial(_integrate, model.native, head, inputs[place], starts), own[place] - begin
        )
    return values, float(begin.mean())


def _integrate(
    module: Any,  # noqa: ANN401  a torch module
    head: Any,  # noqa: ANN401  turns its output into the explained number
    end: Any,  # noqa: ANN401  a torch tensor
    starts: Any,  # noqa: ANN401  a torch tensor
    lines: NDArray[np.int64],
    nodes: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Integrate along the lines from some of `starts` to `end`: one array shaped like it a line."""
    import torch

    shape = (-1, *([1] * end.ndim))
    at = torch.tensor(np.tile(nodes, len(lines)), dtype=end.dtype).reshape(shape)
    share = torch.tensor(np.tile(weights, len(lines))).reshape(shape)
    owner = torch.arange(len(lines)).repeat_interleave(len(nodes))
    origin = starts[torch.tensor(lines)].repeat_interleave(len(nodes), dim=0)
    size = max(1, min(_POINTS_AT_ONCE, _NUMBERS_AT_ONCE // max(1, end.numel())))
    total = torch.zeros((len(lines), *end.shape), dtype=torch.float64)
    for begin in range(0, len(origin), size):
        part = slice(begin, begin + size)
        towards = end - origin[part]
        points = (origin[part] + at[part] * towards).requires_grad_()
        output = head(module(points)).sum()
        if not output.requires_grad:
            raise DoesNotFit("no gradient reaches the input of this module")
        (slope,) = torch.autograd.grad(output, points)
        total.index_add_(0, owner[part], (slope * towards).double() * share[part])
    result: NDArray[np.float64] = total.numpy()
    return result


def _head_of(model: DifferentiableModel, inputs: Inputs, class_index: int | None) -> Any:  # noqa: ANN401
    """Find what turns the module's output into the explained number; it must match the model's."""
    import torch

    with torch.no_grad():
        raw = model.native(model.tensor_of(inputs))
    if not isinstance(raw, torch.Tensor):
        raise DoesNotFit("the module returns more than one thing")
    if class_index is None:
        heads = [lambda output: output.reshape(len(output), -1)[:, 0]]
        wanted = np.asarray(model.predict(inputs), dtype=np.float64)
    else:
        wanted = model.predict_proba(inputs)[:, class_index]
        if raw.ndim == 1 or raw.shape[1] == 1:
            sign = 1.0 if class_index == 1 else -1.0
            heads = [
                lambda output: torch.sigmoid(sign * output.reshape(-1)),
                lambda output: output.reshape(-1) if sign > 0 else 1 - output.reshape(-1),
            ]
        else:
            heads = [
                lambda output: torch.softmax(output, dim=1)[:, class_index],
                lambda output: output[:, class_index],
                lambda output: torch.exp(output[:, class_index]),
            ]
    for head in heads:
        found = head(raw).double().numpy()
        if np.allclose(found, wanted, atol=1e-4):
            return head
    raise DoesNotFit("the module's output could not be matched to the model's answers")
