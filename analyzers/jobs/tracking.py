"""Progress of a worker, written where its supervisor looks, and stopping when asked."""

import signal
import time
from collections.abc import Iterable, Iterator, Sized
from pathlib import Path
from types import FrameType
from typing import TypeVar

from analyzers.core.errors import Cancelled
from analyzers.core.job import Progress
from analyzers.jobs.hostile_text import tame
from analyzers.jobs.plain_files import write_whole

Item = TypeVar("Item")
SECONDS_BETWEEN_REPORTS = 0.2


class FileTracker:
    """Writes `progress.json` a few times a second and raises `Cancelled` after a SIGTERM."""

    def __init__(self, path: Path) -> None:
        """Start the clock, and listen for the request to stop."""
        self._path = path
        self._started = time.monotonic()
        self._reported = 0.0
        self._is_cancelled = False
        signal.signal(signal.SIGTERM, self._cancel)

    def __call__(
        self, iterable: Iterable[Item], what: str, *, total: int | None = None
    ) -> Iterator[Item]:
        """Yield every item, reporting progress; raise `Cancelled` when the user stopped it."""
        if total is None and isinstance(iterable, Sized):
            total = len(iterable)
        started = time.monotonic()
        self._report(what, 0, total or 0, started)
        for done, item in enumerate(iterable, start=1):
            if self._is_cancelled:
                raise Cancelled
            yield item
            if time.monotonic() - self._reported > SECONDS_BETWEEN_REPORTS:
                self._report(what, done, total or 0, started)

    def say(self, what: str) -> None:
        """Report a step that has no count."""
        self._report(what, 0, 0, time.monotonic())

    def _report(self, what: str, done: int, total: int, started: float) -> None:
        if self._is_cancelled:
            raise Cancelled
        self._reported = time.monotonic()
        progress = Progress(
            what=tame(what, most=150),
            done=done,
            total=total,
            elapsed_seconds=self._reported - started,
        )
        write_whole(self._path, progress.model_dump_json().encode(), durable=False)

    def _cancel(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self._is_cancelled = True
