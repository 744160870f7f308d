"""What `measure` gets to work with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Model
from analyzers.core.subject import Subject

Item = TypeVar("Item")


class Tracker(Protocol):
    """Progress and cancelling as a wrapper around iteration; in tests it is the identity."""

    def __call__(
        self, iterable: Iterable[Item], what: str, *, total: int | None = None
    ) -> Iterator[Item]:
        """Yield every item, reporting progress; raise `Cancelled` when the user stopped it."""
        ...


def untracked(iterable: Iterable[Item], what: str, *, total: int | None = None) -> Iterator[Item]:
    """Yield every item and report nothing."""
    del what, total
    yield from iterable


@dataclass(frozen=True, kw_only=True)
class Workbench:
    """The subject, opened, as far as the analyzer's `needs` say.

    Attributes:
        data: the rows under examination.
        training_data: the rows the model was fitted on, where the user gave them.
        predictions: the model's answers on `data`, where the analyzer needs them.
        training_predictions: the same on `training_data`.
        model: the live model, where the analyzer needs it.
        rng: the only source of randomness; split it (`rng.spawn`) before fan-out.
        track: wraps every long loop.
    """

    subject: Subject
    data: Dataset
    training_data: Dataset | None = None
    predictions: Predictions | None = None
    training_predictions: Predictions | None = None
    model: Model | None = None
    rng: np.random.Generator
    track: Tracker = untracked

    def need_model(self) -> Model:
        """Return the model; raise `UnsuitableSubject` where there is none."""
        return _need(self.model, "a model", "Upload the model file beside the data.")

    def need_predictions(self) -> Predictions:
        """Return the predictions; raise `UnsuitableSubject` where there are none."""
        return _need(self.predictions, "predictions", "Upload a model or a score column.")

    def need_training_data(self) -> Dataset:
        """Return the training data; raise `UnsuitableSubject` where there is none."""
        return _need(
            self.training_data,
            "the training data",
            "Upload the table the model was trained on as the second table.",
        )


def _need(value: Item | None, what: str, remedy: str) -> Item:
    if value is None:
        raise UnsuitableSubject(f"This analysis needs {what}, and none was given.", remedy=remedy)
    return value
