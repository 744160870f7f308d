"""What a loaded model can do. Implementations live in `loaders`; only workers hold one."""

from enum import StrEnum
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Inputs = pd.DataFrame | NDArray[np.float32] | list[str]


class Capability(StrEnum):
    """What a model offers beyond `predict`."""

    PREDICT_PROBA = "predict_proba"
    GRADIENT = "gradient"
    TREES = "trees"
    LINEAR = "linear"
    REFIT = "refit"


@runtime_checkable
class Model(Protocol):
    """A model matched to its subject: inputs by name, score columns as `Subject.classes`.

    Attributes:
        kind: the model in words, such as "scikit-learn RandomForestClassifier in a Pipeline".
        capabilities: what it offers beyond `predict`.
        native: the library's own object (a scikit-learn estimator or pipeline, a booster, a torch
            module, an ONNX session), for explainers and gradients that need it.
    """

    kind: str
    capabilities: frozenset[Capability]
    native: Any

    def predict(self, inputs: Inputs) -> NDArray[np.float64] | NDArray[np.int64]:
        """Return class codes `(n_rows,)` int64, or values `(n_rows,)` float64 for regression.

        Raises:
            ModelMisbehaved: wrong shape, NaN or infinity.
        """
        ...

    def predict_proba(self, inputs: Inputs) -> NDArray[np.float64]:
        """Return probabilities `(n_rows, n_classes)` in [0, 1], rows summing to 1.

        Raises:
            ModelMisbehaved: wrong shape, NaN, infinity, or not probabilities.
        """
        ...


@runtime_checkable
class DifferentiableModel(Model, Protocol):
    """A model with gradients; its `native` is a torch module that takes `tensor_of(inputs)`."""

    def tensor_of(self, inputs: Inputs) -> Any:  # noqa: ANN401  a torch.Tensor; core does not import torch
        """Return the float32 tensor the module takes, `(n_rows, ...)`."""
        ...

    def gradient(self, inputs: Inputs, codes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return d cross-entropy(inputs, codes) / d inputs, shaped like the input tensor."""
        ...


@runtime_checkable
class NetworkModel(DifferentiableModel, Protocol):
    """A differentiable model whose raw outputs can be followed back to the inputs."""

    def logits(self, tensor: Any) -> Any:  # noqa: ANN401  torch.Tensors
        """Return logits `(n_rows, n_classes)`, columns as `Subject.classes`, with their graph.

        Args:
            tensor: as `tensor_of` returns it.
        """
        ...


class Tokens(NamedTuple):
    """A text as a network reads it.

    Attributes:
        ids: `(n_tokens,)` numbers of its tokens.
        hidden: `(n_tokens,)` the same with every token of the text itself behind a mark that
            stands for no word; marks that the tokenizer adds stay.
        spans: `(n_tokens, 2)` first letter and end of each in the text; equal where there is none.
        mark: the mark.
    """

    ids: NDArray[np.int64]
    hidden: NDArray[np.int64]
    spans: NDArray[np.int64]
    mark: str


@runtime_checkable
class TokenNetwork(Model, Protocol):
    """A network of texts whose scores can be followed back to the vectors of its tokens."""

    def tokens_of(self, text: str) -> Tokens:
        """Cut a text as the network reads it; what it does not read is left out."""
        ...

    def vectors_of(self, ids: NDArray[np.int64]) -> Any:  # noqa: ANN401  a torch.Tensor
        """Return the vectors of tokens, `(n_tokens, n_dimensions)`, without their graph."""
        ...

    def scores_of(self, vectors: Any) -> Any:  # noqa: ANN401  torch.Tensors
        """Return probabilities `(n, n_classes)`, columns as `Subject.classes`, with their graph.

        Args:
            vectors: `(n, n_tokens, n_dimensions)`, of texts of one length.
        """
        ...
