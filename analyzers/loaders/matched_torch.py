"""A torch program matched to a subject: what its outputs mean, and its gradients."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.core.errors import ModelMisbehaved
from analyzers.core.model import Inputs
from analyzers.core.subject import Subject
from analyzers.loaders.headers import clean
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.matched_model import MatchedModel
from analyzers.loaders.torch_model import TorchAnswer, first_tensor


class MatchedTorchModel(MatchedModel):
    """Implements `core.model.NetworkModel`."""

    def __init__(self, loaded: LoadedModel, subject: Subject, probe: Inputs) -> None:
        answer = loaded.answer
        if not isinstance(answer, TorchAnswer):
            raise TypeError("expected a torch model")
        self._torch = answer
        self._settle_shape(probe)
        super().__init__(loaded, subject, probe)

    def tensor_of(self, inputs: Inputs) -> Any:  # noqa: ANN401  a torch.Tensor
        """Return the float32 tensor the module takes, `(n_rows, ...)`."""
        return self._torch.tensor_of(self._prepare(inputs))

    def gradient(self, inputs: Inputs, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return d cross-entropy(inputs, codes) / d inputs, shaped like the input tensor.

        Args:
            inputs: `(n_rows, ...)` rows.
            codes: `(n_rows,)` class codes in the subject's order.
        """
        import torch

        tensor = self.tensor_of(inputs).requires_grad_(True)
        raw = first_tensor(self.native(tensor)).reshape(len(tensor), -1)
        place = torch.from_numpy(self._order[np.asarray(codes)].astype(np.int64))
        loss = self._loss(raw, place)
        (gradient,) = torch.autograd.grad(loss, tensor)
        made: NDArray[np.float32] = gradient.numpy()
        if not np.isfinite(made).all():
            raise ModelMisbehaved("Expected finite gradients, got NaN or infinity.")
        return made

    def logits(self, tensor: Any) -> Any:  # noqa: ANN401  torch.Tensors
        """Return logits `(n_rows, n_classes)`, columns as the subject's classes, with their graph.

        Probabilities become their logarithms; a single output becomes that of the second class
        beside a zero.

        Args:
            tensor: as `tensor_of` returns it.
        """
        import torch

        raw = first_tensor(self.native(tensor)).reshape(len(tensor), -1)
        if raw.shape[1] == 1:
            if self.outputs == "probabilities":
                raw = torch.logit(raw, eps=1e-7)
            raw = torch.cat([torch.zeros_like(raw), raw], dim=1)
        elif self.outputs == "probabilities":
            raw = raw.clamp_min(1e-12).log()
        return raw[:, torch.from_numpy(self._order.astype(np.int64))]

    def _loss(self, raw: Any, place: Any) -> Any:  # noqa: ANN401  torch.Tensors
        from torch.nn import functional

        if raw.shape[1] == 1:
            target = place.to(raw.dtype)[:, None]
            if self.outputs == "probabilities":
                return functional.binary_cross_entropy(
                    raw.clamp(1e-7, 1 - 1e-7), target, reduction="sum"
                )
            return functional.binary_cross_entropy_with_logits(raw, target, reduction="sum")
        if self.outputs == "logits":
            return functional.cross_entropy(raw, place, reduction="sum")
        logs = raw if self.outputs == "log-probabilities" else raw.clamp_min(1e-12).log()
        return functional.nll_loss(logs, place, reduction="sum")

    def _settle_shape(self, probe: Inputs) -> None:
        """Pictures go in as `(n, c, h, w)`; modules that start with a matrix take them flat."""
        if not isinstance(probe, np.ndarray) or probe.ndim != 4:
            return
        failures = []
        for is_flat in (False, True):
            self._torch.is_flat = is_flat
            try:
                self._torch.raw(probe[:2])
            # The module says by failing that it takes another shape.
            except Exception as error:
                failures.append(clean(error)[:150])
            else:
                return
        raise ModelMisbehaved(
            f"Expected a model that takes pictures of {probe.shape[1]} x {probe.shape[2]} pixels "
            f"and {probe.shape[3]} channels, got one that fails on them: {failures[0]}",
            remedy="Upload pictures of the size the model was trained on.",
        )
