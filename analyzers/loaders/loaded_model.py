"""A model as its file gave it, before it is matched to data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from analyzers.core.model import Capability, Inputs
from analyzers.core.subject import Modality, Trust

Level = str | int | float | bool


class Answer(NamedTuple):
    """What a model says of some rows; exactly one of the three is there, or scores and labels.

    Attributes:
        scores: `(n_rows, n_outputs)` float64, one column per class or one for the second class.
        labels: `(n_rows,)` class names or numbers as the model gives them.
        values: `(n_rows,)` float64, regression only.
    """

    scores: NDArray[np.float64] | None = None
    labels: NDArray[Any] | None = None
    values: NDArray[np.float64] | None = None


@dataclass(frozen=True, kw_only=True)
class LoadedModel:
    """What could be learned from the file itself.

    Attributes:
        kind: the model in words.
        native: the library's own object.
        trust: what the file's format can carry.
        answer: runs the model on rows already prepared by `prepare`.
        feature_names: in the model's order; None where the model does not know.
        n_features: None where the model does not know.
        n_outputs: numbers per row; None where that is not known before data are.
        classes: in the order of the score columns; None where the model does not know.
        is_classifier: None where the model does not know.
        modality: None where the model does not know.
        levels: values each categorical feature may take, as the model spells them.
        image_shape: `(channels, height, width)`, where the model knows it.
        is_differentiable: `native` is a torch module.
        has_raw_outputs: scores may be logits; which they are is told from the first answers.
        notes: sentences for the user: what is missing, what an older version may mean.
    """

    kind: str
    native: Any
    trust: Trust
    answer: Callable[[Inputs], Answer]
    capabilities: frozenset[Capability]
    feature_names: tuple[str, ...] | None = None
    n_features: int | None = None
    n_outputs: int | None = None
    classes: tuple[Level, ...] | None = None
    is_classifier: bool | None = None
    modality: Modality | None = None
    levels: Mapping[str, tuple[Level, ...]] = field(default_factory=dict)
    image_shape: tuple[int, int, int] | None = None
    is_differentiable: bool = False
    has_raw_outputs: bool = False
    notes: tuple[str, ...] = ()
