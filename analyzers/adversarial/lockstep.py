"""Many searches in step: each asks its model questions, and all questions of a round go together.

A search such as TextAttack's asks for the scores of a few texts, waits, and asks again. Here every
search runs in a thread of its own, but only one runs at a time: it works until it asks, then
hands over. When all of them wait, their questions are put to the model in one call. Nothing runs in
parallel, so the results are those of one search after another.
"""

import random
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Item = TypeVar("Item")
Made = TypeVar("Made")
Ask = Callable[[list[str]], NDArray[np.float64]]

STACK_BYTES = 1 << 20


class Finished(NamedTuple, Generic[Made]):
    """One search that has come to its end.

    Attributes:
        place: which item it was for.
        made: what it returned.
    """

    place: int
    made: Made


class _State(NamedTuple):
    """Where the process's two generators are."""

    plain: Any
    arrays: np.random.BitGenerator


class _Stopped(BaseException):
    """Thrown inside a search that nobody waits for any more."""


class _Search:
    """One search in its thread, which runs only between `resume` and its next question."""

    def __init__(self, place: int, work: Callable[[Ask], Any], state: _State) -> None:
        self.place, self._work, self._state = place, work, state
        self.asked: list[str] | None = None
        self.made: Any = None
        self.error: BaseException | None = None
        self._answer: NDArray[np.float64] | None = None
        # Held by the side that waits; the other one releases it.
        self._go, self._paused = threading.Lock(), threading.Lock()
        self._go.acquire()
        self._paused.acquire()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def resume(self, answer: NDArray[np.float64] | None = None) -> None:
        """Let it work until it asks or ends; afterwards `asked` is None where it has ended."""
        self._answer = answer
        # The searches draw from the process's generators; each finds them as it left them.
        _restore(self._state)
        self._go.release()
        self._paused.acquire()
        self._state = _state()
        if self.error is not None:
            raise self.error

    def stop(self) -> None:
        """End the search and its thread."""
        self._is_stopped = True
        self._go.release()
        self._thread.join()

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_stopped:
                self.made = self._work(self._ask)
        except _Stopped:
            pass
        except BaseException as error:
            self.error = error
        finally:
            self.asked = None
            self._paused.release()

    def _ask(self, texts: list[str]) -> NDArray[np.float64]:
        self.asked = texts
        self._paused.release()
        self._go.acquire()
        if self._is_stopped or self._answer is None:
            raise _Stopped
        return self._answer


def run_in_step(
    items: Sequence[Item],
    search: Callable[[Item, Ask], Made],
    scores_of: Ask,
    *,
    seed_of: Callable[[Item], int],
    width: int,
) -> Generator[Finished[Made], None, None]:
    """Run one search for every item, up to `width` at a time; yield each as it ends.

    Args:
        items: what to search for.
        search: takes an item and a function from texts to scores.
        scores_of: from a list of texts to `(n_texts, n_classes)`; called with the questions of all
            waiting searches.
        seed_of: seeds the process's generators for a search.
        width: how many searches wait together.
    """
    before = threading.stack_size(STACK_BYTES)
    waiting: list[_Search] = []
    outside = _state()
    left = iter(enumerate(items))
    try:
        while True:
            outside = _state()
            while len(waiting) < width and (drawn := next(left, None)) is not None:
                place, item = drawn
                started = _Search(
                    place,
                    lambda ask, item=item: search(item, ask),  # type: ignore[misc]
                    _state_of(seed_of(item)),
                )
                waiting.append(started)
                started.resume()
            _restore(outside)
            still = []
            for each in waiting:
                if each.asked is None:
                    yield Finished(each.place, each.made)
                else:
                    still.append(each)
            waiting = still
            if not waiting:
                if drawn is None:
                    return
                continue
            asked = [each.asked or [] for each in waiting]
            scores = scores_of([text for texts in asked for text in texts])
            ends = np.cumsum([len(texts) for texts in asked])
            outside = _state()
            for each, part in zip(waiting, np.split(scores, ends[:-1]), strict=True):
                each.resume(part)
            _restore(outside)
    except Exception:
        _restore(outside)
        raise
    finally:
        for each in waiting:
            each.stop()
        threading.stack_size(before)


@contextmanager
def seeded_generators(seed: int) -> Iterator[None]:
    """Seed the process's two generators while the block runs, and put them back afterwards."""
    outside = _state()
    _restore(_state_of(seed))
    try:
        yield
    finally:
        _restore(outside)


def _state_of(seed: int) -> _State:
    legacy = np.random.RandomState(seed % 2**32)
    return _State(random.Random(seed).getstate(), legacy._bit_generator)


def _state() -> _State:
    return _State(random.getstate(), np.random.mtrand.get_bit_generator())


def _restore(state: _State) -> None:
    random.setstate(state.plain)
    # The generator itself is put in place: copying its words out and in takes ten times as long.
    np.random.mtrand.set_bit_generator(state.arrays)
