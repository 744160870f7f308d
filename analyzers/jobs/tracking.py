"""Progress of a worker, written where its supervisor looks, and stopping when asked."""

import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from pathlib import Path
from types import FrameType
from typing import TypeVar

from analyzers.core.errors import Cancelled
from analyzers.core.job import Progress
from analyzers.core.workbench import SoFar
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.plain_files import write_whole

Item = TypeVar("Item")
SECONDS_BETWEEN_REPORTS = 0.2
END_EARLY = signal.SIGUSR1


class FileTracker:
    """Writes `progress.json` a few times a second and hears two signals, which say nothing more.

    SIGTERM stops the work: `Cancelled` is raised. SIGUSR1 ends it early: loops that said what they
    have so far stop before their next item, all others go on to their end.
    """

    def __init__(self, path: Path) -> None:
        """Start the clock, and listen for the request to stop."""
        self._path = path
        self._started = time.monotonic()
        self._reported = 0.0
        self._is_cancelled = False
        self._is_ending = False
        self._was_ended = False
        self._search_started: float | None = None
        signal.signal(signal.SIGTERM, self._cancel)
        signal.signal(END_EARLY, self._end)

    def __call__(
        self,
        iterable: Iterable[Item],
        what: str,
        *,
        total: int | None = None,
        so_far: Callable[[], SoFar] | None = None,
    ) -> Iterator[Item]:
        """Yield every item, reporting progress; raise `Cancelled` when the user stopped it."""
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        started = time.monotonic()
        self._report(what, 0, total or 0, started, so_far)
        for done, item in enumerate(iterable, start=1):
            if self._is_cancelled:
                raise Cancelled
            yield item
            if time.monotonic() - self._reported > SECONDS_BETWEEN_REPORTS:
                self._report(what, done, total or 0, started, so_far)
            # The first item is always done: without one step there would be nothing to keep.
            if self._is_ending and so_far is not None and done != total:
                self._was_ended = True
                return

    def say(self, what: str) -> None:
        """Report a step that has no count."""
        self._report(what, 0, 0, time.monotonic(), None)

    def was_ended(self) -> bool:
        """Whether a loop stopped with items left because it was told to end early."""
        return self._was_ended

    def _report(
        self, what: str, done: int, total: int, started: float, so_far: Callable[[], SoFar] | None
    ) -> None:
        if self._is_cancelled:
            raise Cancelled
        self._reported = time.monotonic()
        words = None
        if so_far is not None:
            found = so_far()
            words = tame(found.words, most=200)
            if found.total:
                # One clock and one count over all loops of a search.
                if self._search_started is None:
                    self._search_started = started
                done, total, started = found.done, found.total, self._search_started
        progress = Progress(
            what=tame(what, most=150),
            done=done,
            total=total,
            elapsed_seconds=self._reported - started,
            running_seconds=self._reported - self._started,
            so_far=words,
        )
        write_whole(self._path, progress.model_dump_json().encode(), durable=False)

    def _cancel(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._is_cancelled = True

    def _end(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._is_ending = True
