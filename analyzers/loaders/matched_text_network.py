"""A network of texts matched to a subject, with a way back from its scores to its tokens."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analyzers.core.model import Inputs, Tokens
from analyzers.core.subject import Subject
from analyzers.loaders.loaded_model import LoadedModel
from analyzers.loaders.matched_model import MatchedModel
from analyzers.loaders.text_network import TextAnswer


class MatchedTextNetwork(MatchedModel):
    """Implements `core.model.TokenNetwork`."""

    def __init__(self, loaded: LoadedModel, subject: Subject, probe: Inputs) -> None:
        if not isinstance(loaded.answer, TextAnswer):
            raise TypeError("expected a network of texts")
        self._network = loaded.answer
        super().__init__(loaded, subject, probe)

    def tokens_of(self, text: str) -> Tokens:
        """Cut a text as the network reads it; what it does not read is left out."""
        return self._network.tokens_of(text)

    def vectors_of(self, ids: NDArray[np.int64]) -> Any:  # noqa: ANN401  a torch.Tensor
        """Return the vectors of tokens, `(n_tokens, n_dimensions)`."""
        return self._network.vectors_of(ids)

    def scores_of(self, vectors: Any) -> Any:  # noqa: ANN401  torch.Tensors
        """Return probabilities `(n, n_classes)`, columns as the subject's classes.

        Args:
            vectors: `(n, n_tokens, n_dimensions)`, of texts of one length.
        """
        import torch

        order = torch.from_numpy(np.asarray(self._order, dtype=np.int64))
        return self._network.scores_of(vectors)[:, order]
