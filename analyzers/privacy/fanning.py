"""Work spread over cores, by threads: a locked-down worker may start no process.

Trees, boosters and matrix products leave Python while they compute, so threads are as good. What
is computed depends on the tasks alone, never on how many threads there are.
"""

import os
import queue
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol, TypeVar

from analyzers.core.errors import Cancelled
from analyzers.core.workbench import Tracker

Result = TypeVar("Result")


class Tick(Protocol):
    """To be called between steps, with how many were done since; it ends stopped work."""

    def __call__(self, n_done: int = 1, /) -> None:
        """Count the steps; raise `Cancelled` once the work is stopped."""


def count_cores() -> int:
    """Return how many threads this process may use: its limit, or its processors."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(own, int(limit)) if limit.isdigit() and int(limit) else own)


def over_cores(
    tasks: Sequence[Callable[[Tick], Result]],
    track: Tracker,
    what: str,
    *,
    total: int,
    cores: int | None = None,
) -> list[Result]:
    """Do every task, several at once, and return the results in order.

    Args:
        tasks: each is given a function to call after every step, or between them with the number
            done; it raises `Cancelled` once the work is stopped.
        track: told of every step.
        what: is being done, for the eye.
        total: steps of all tasks together, at most.
        cores: threads to use; None for all there are.

    Raises:
        Cancelled: the user stopped it.
        Exception: what the first failing task raised; the others are stopped.
    """
    from threadpoolctl import threadpool_limits

    steps: queue.SimpleQueue[bool] = queue.SimpleQueue()
    is_stopped = threading.Event()

    def tick(n_done: int = 1) -> None:
        if is_stopped.is_set():
            raise Cancelled
        for _ in range(n_done):
            steps.put(True)

    def run(task: Callable[[Tick], Result]) -> Result:
        # Several threads that each use all cores would wait for one another.
        _keep_torch_to_itself()
        return task(tick)

    n_threads = min(cores or count_cores(), max(len(tasks), 1))
    with _torch_as_it_was(), threadpool_limits(1), ThreadPoolExecutor(n_threads) as pool:
        futures = [pool.submit(run, task) for task in tasks]
        for future in futures:
            future.add_done_callback(lambda _: steps.put(False))
        try:
            for _ in track(_steps(steps, futures), what, total=total):
                pass
            failed = [future for future in futures if future.done() and future.exception()]
            return [future.result() for future in failed or futures]
        finally:
            is_stopped.set()
            pool.shutdown(cancel_futures=True)


def _steps(steps: "queue.SimpleQueue[bool]", futures: "list[Future[Result]]") -> Iterator[None]:
    """Yield at every step, until all tasks have ended or one has failed."""
    n_ended = 0
    while n_ended < len(futures):
        if steps.get():
            yield None
            continue
        n_ended += 1
        if any(future.done() and future.exception() is not None for future in futures):
            return


def _keep_torch_to_itself() -> None:
    # A library that another thread is importing has no such function yet.
    hold = getattr(sys.modules.get("torch"), "set_num_threads", None)
    if hold is not None:
        hold(1)


@contextmanager
def _torch_as_it_was() -> Iterator[None]:
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_num_threads()
    yield
    if torch is not None:
        torch.set_num_threads(before)
