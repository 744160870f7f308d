"""What `measure` gets to work with."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from analyzers.core.dataset import Dataset, Predictions
from analyzers.core.errors import UnsuitableSubject
from analyzers.core.model import Model
from analyzers.core.result import Measurements
from analyzers.core.subject import Subject

Item = TypeVar("Item")


class SoFar(NamedTuple):
    """What a search holds at this moment: an answer, if a weaker one than at its end.

    Attributes:
        words: the best found so far, for whoever waits.
        done: how much of the work is done, in a unit of the analyzer's choosing.
        total: of how much; 0 where nobody knows.
    """

    words: str
    done: int = 0
    total: int = 0


class Tracker(Protocol):
    """Progress and cancelling as a wrapper around iteration; in tests it is the identity."""

    def __call__(
        self,
        iterable: Iterable[Item],
        what: str,
        *,
        total: int | None = None,
        so_far: Callable[[], SoFar] | None = None,
    ) -> Iterator[Item]:
        """Yield every item, reporting progress; raise `Cancelled` when the user stopped it.

        Args:
            iterable: what to go through.
            what: is being done.
            total: number of items where `iterable` has no length.
            so_far: given where what was found until now is an answer: the loop then ends early
                when the user asks for it (docs/decisions/0012-end-early-and-keep.md).
        """
        ...


def untracked(
    iterable: Iterable[Item],
    what: str,
    *,
    total: int | None = None,
    so_far: Callable[[], SoFar] | None = None,
) -> Iterator[Item]:
    """Yield every item and report nothing."""
    del what, total, so_far
    yield from iterable


def searching(track: Tracker, so_far: Callable[[], SoFar]) -> Tracker:
    """Return a tracker all of whose loops may be ended early with what was found."""

    def tracked(
        iterable: Iterable[Item],
        what: str,
        *,
        total: int | None = None,
        so_far: Callable[[], SoFar] | None = so_far,
    ) -> Iterator[Item]:
        return track(iterable, what, total=total, so_far=so_far)

    return tracked


def never() -> bool:
    """Say no: nobody can end the work early."""
    return False


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
        was_ended: says whether a loop that may end early did so with items left; what is measured
            then says so in `Measurements.cut_short`.
        groundwork: answers to the questions this one builds on, by the analyzer's name.
    """

    subject: Subject
    data: Dataset
    training_data: Dataset | None = None
    predictions: Predictions | None = None
    training_predictions: Predictions | None = None
    model: Model | None = None
    rng: np.random.Generator
    track: Tracker = untracked
    was_ended: Callable[[], bool] = never
    groundwork: Mapping[str, Measurements] = field(default_factory=dict)

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
