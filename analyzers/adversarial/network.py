"""A network as the attacks on pictures see it: tensors in, logits and slopes out."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analyzers.adversarial.losses import Loss
from analyzers.adversarial.pixels import Images
from analyzers.core.errors import ModelMisbehaved
from analyzers.core.model import NetworkModel

if TYPE_CHECKING:
    from torch import Tensor

PICTURES_A_CALL = 512
# Some forty megabytes of pixels a call; a network's own memory is a multiple of that.
PIXELS_A_CALL = 10_000_000


class Network:
    """Wraps a model so that attacks need not know its layout or whose classes come first."""

    def __init__(self, model: NetworkModel, probe: Images) -> None:
        tensor = model.tensor_of(probe[:1])
        _, height, width, channels = probe.shape
        if tensor.numel() != height * width * channels:
            raise ModelMisbehaved(
                f"Expected a model that takes {height} x {width} x {channels} pixels, got one that "
                f"takes an array of shape {tuple(tensor.shape[1:])}.",
                remedy="Upload a model that takes the pictures as they are, without resizing.",
            )
        self._model = model
        self._is_flat = tensor.dim() == 2

    def logits(self, pictures: "Tensor") -> "Tensor":
        """Return logits `(n_rows, n_classes)` of `(n_rows, channels, height, width)`."""
        made: Tensor = self._model.logits(pictures.flatten(1) if self._is_flat else pictures)
        return made

    def answers(self, pictures: "Tensor") -> "Tensor":
        """Return the class codes `(n_rows,)` without a graph."""
        import torch

        with torch.no_grad():
            return self.logits(pictures).argmax(dim=1)

    def climb(
        self, pictures: "Tensor", loss: Loss, codes: "Tensor", wanted: "Tensor | None"
    ) -> "tuple[Tensor, Tensor, Tensor]":
        """Return logits, the loss of each picture and its slope there.

        Args:
            pictures: `(n_rows, channels, height, width)`.
            loss: what is climbed.
            codes: `(n_rows,)` the present answers.
            wanted: `(n_rows,)` the wanted ones; None where any other will do.

        Returns:
            `(n_rows, n_classes)`, `(n_rows,)` and `(n_rows, channels, height, width)`.

        Raises:
            ModelMisbehaved: a slope that is no number.
        """
        import torch

        given = pictures.detach().requires_grad_(True)
        logits = self.logits(given)
        values = loss(logits, codes, wanted)
        if logits.requires_grad:
            (slope,) = torch.autograd.grad(values.sum(), given, allow_unused=True)
        else:
            slope = None
        # A model that rounds its inputs has no way back to them: the slope is flat everywhere.
        slope = torch.zeros_like(given) if slope is None else slope
        if not bool(torch.isfinite(slope).all()):
            raise ModelMisbehaved(
                "Expected finite gradients, got NaN or infinity.",
                remedy="Export the model in float32 and check that it has no division by zero.",
            )
        return logits.detach(), values.detach(), slope


def logits_of(network: Network, pictures: Images) -> NDArray[np.float64]:
    """Return logits `(n_rows, n_classes)` of pictures, in parts and without a graph."""
    import torch

    with torch.no_grad():
        made = [
            network.logits(to_tensor(pictures[rows])).double().numpy()
            for rows in parts_of(len(pictures), int(np.prod(pictures.shape[1:])))
        ]
    return np.concatenate(made)


def to_tensor(pictures: Images) -> "Tensor":
    """Turn `(n_rows, height, width, channels)` into a tensor with channels first."""
    import torch

    return torch.from_numpy(np.ascontiguousarray(pictures.transpose(0, 3, 1, 2)))


def to_pictures(tensor: "Tensor") -> Images:
    """Turn a tensor with channels first into `(n_rows, height, width, channels)`."""
    made: NDArray[Any] = tensor.detach().numpy()
    return np.ascontiguousarray(made.transpose(0, 2, 3, 1), dtype=np.float32)


def parts_of(n_rows: int, pixels: int) -> Iterator[NDArray[np.int64]]:
    """Cut rows into parts that fit one call, `pixels` being the values of one picture."""
    step = max(1, min(PICTURES_A_CALL, PIXELS_A_CALL // max(1, pixels)))
    for start in range(0, n_rows, step):
        yield np.arange(start, min(n_rows, start + step))
