"""A bounded number of workers at once, first come first served."""

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from analyzers.jobs.settings import settings

_TURN_SECONDS = 0.05


class Slots:
    """Turns for workers; one line for all workspaces of a process."""

    def __init__(self, size: int) -> None:
        """Hand out at most `size` at a time."""
        self._free = size
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    @contextmanager
    def turn(self, is_cancelled: threading.Event) -> Iterator[bool]:
        """Wait for a turn and hold it; yields False where cancelled while waiting."""
        place = object()
        with self._changed:
            self._line.append(place)
            while not is_cancelled.is_set() and not (self._free and self._line[0] is place):
                self._changed.wait(_TURN_SECONDS)
            self._line.remove(place)
            has_turn = not is_cancelled.is_set()
            self._free -= has_turn
            self._changed.notify_all()
        try:
            yield has_turn
        finally:
            with self._changed:
                self._free += has_turn
                self._changed.notify_all()


_slots: Slots | None = None
_slots_lock = threading.Lock()


def slots() -> Slots:
    """Return the one line of this process."""
    global _slots
    with _slots_lock:
        if _slots is None:
            _slots = Slots(settings().workers)
        return _slots
