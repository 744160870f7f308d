"""The network of digits that every attack on pictures is timed on."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.model import Capability, Inputs


class Digits(NamedTuple):
    """A fitted network and its pictures.

    Attributes:
        network: a torch module that takes `(n, 1, 8, 8)`.
        pictures: `(n_rows, 8, 8, 1)` in [0, 1], all answered rightly.
        codes: `(n_rows,)` what they show.
    """

    network: Any
    pictures: NDArray[np.float32]
    codes: NDArray[np.int64]


class DigitsModel:
    """The network as the Model protocol wants it, with gradients."""

    kind = "torch"
    capabilities = frozenset({Capability.PREDICT_PROBA, Capability.GRADIENT})

    def __init__(self, native: Any) -> None:  # noqa: ANN401  a torch module
        self.native = native

    def tensor_of(self, inputs: Inputs) -> Any:  # noqa: ANN401  a torch tensor
        """Return the tensor the network takes."""
        import torch

        return torch.from_numpy(np.ascontiguousarray(np.asarray(inputs).transpose(0, 3, 1, 2)))

    def logits(self, tensor: Any) -> Any:  # noqa: ANN401  torch tensors
        """Return logits with their graph."""
        return self.native(tensor)

    def gradient(self, inputs: Inputs, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Refuse: the attacks go through `logits`."""
        raise NotImplementedError

    def predict(self, inputs: Inputs) -> NDArray[np.int64]:
        """Return class codes."""
        return self.predict_proba(inputs).argmax(axis=1)

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return probabilities."""
        import torch

        with torch.no_grad():
            logits = self.native(self.tensor_of(inputs)).double()
        return np.asarray(torch.softmax(logits, dim=1).numpy())


def fit_digits(n_rows: int) -> Digits:
    """Fit the network on all digits and keep the first pictures it answers rightly."""
    import torch
    from sklearn.datasets import load_digits

    published = load_digits()
    pictures = (published.images[..., None] / 16).astype(np.float32)
    codes = published.target.astype(np.int64)
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.Conv2d(1, 16, 3, padding=1), torch.nn.ReLU(),
        torch.nn.Conv2d(16, 32, 3, padding=1), torch.nn.ReLU(),
        torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(512, 10),
    )  # fmt: skip
    tensor = torch.from_numpy(pictures.transpose(0, 3, 1, 2).copy())
    truth = torch.from_numpy(codes)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(tensor), truth).backward()
        optimiser.step()
    network.eval()
    with torch.no_grad():
        right = np.flatnonzero(network(tensor).argmax(dim=1).numpy() == codes)[:n_rows]
    return Digits(network, pictures[right], codes[right])
