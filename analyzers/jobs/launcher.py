"""The host's end of the zygote: start it, ask it for workers, hear when they end.

One zygote serves every runner of a host process. It is started on first use and again if it dies.
"""

import contextlib
import logging
import os
import secrets
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

from pydantic import ValidationError

import analyzers
from analyzers.core.errors import AssayError, SandboxUnavailable
from analyzers.core.job import Limits
from analyzers.jobs.sandbox import Protection
from analyzers.jobs.settings import settings
from analyzers.jobs.strict_json import parse_strict
from analyzers.jobs.transport import Message, StartOrder, receive_message, send_message

_log = logging.getLogger(__name__)

START_SECONDS = 120.0
EXIT_REPORT_SECONDS = 10.0
GONE_SECONDS = 5.0
_MOST_REPORT_BYTES = 64 * 1024
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Warmth(NamedTuple):
    """How the zygote came up."""

    seconds: float
    n_threads: int
    missing: tuple[str, ...]


class Worker:
    """One forked worker, seen from outside."""

    def __init__(self, name: str) -> None:
        """Wait to be told that it has started."""
        self.name = name
        self.process = 0
        self.exit_code: int | None = None
        self.protection = Protection()
        self._resident_at_start = 0
        self._handle = -1
        self._report = -1
        self._started = threading.Event()
        self._ended = threading.Event()

    def mark_started(self, process: int, report: int, handle: int) -> None:
        """Take over the descriptors that came with the news."""
        self.process, self._report, self._handle = process, report, handle
        self._started.set()

    def mark_ended(self, exit_code: int | None) -> None:
        """Note how it ended; None where its parent died and nobody knows."""
        self.exit_code = exit_code
        self._ended.set()
        self._started.set()

    def mark_lost(self) -> None:
        """End it where its parent died; it is gone before its job is said to have failed."""
        self.send_signal(signal.SIGKILL)
        if self._handle >= 0 and hasattr(os, "pidfd_open"):
            # Its number is free only once the system is through with its memory.
            with contextlib.suppress(OSError, ValueError):
                select.select([self._handle], [], [], GONE_SECONDS)
        self.mark_ended(None)

    def wait_locked(self, is_cancelled: threading.Event) -> bool:
        """Wait until it has locked itself down; False where it ended or was cancelled first.

        Raises:
            SandboxUnavailable: it could not lock itself down.
        """
        deadline = time.monotonic() + START_SECONDS
        while not self._started.wait(0.02):
            if is_cancelled.is_set() or time.monotonic() > deadline:
                return False
        content = b""
        try:
            while self._report >= 0 and len(content) <= _MOST_REPORT_BYTES:
                if is_cancelled.is_set() or time.monotonic() > deadline:
                    return False
                if not select.select([self._report], [], [], 0.05)[0]:
                    continue
                piece = os.read(self._report, _MOST_REPORT_BYTES)
                if not piece:
                    break
                content += piece
        finally:
            self._report = _closed(self._report)
        return self._understand(content)

    def _understand(self, content: bytes) -> bool:
        if not content:
            return False
        body = parse_strict(content, what="the worker's first report")
        if "error" in body:
            raise SandboxUnavailable(str(body["error"])[:500], remedy=str(body["remedy"])[:500])
        try:
            self.protection = Protection(
                layers=tuple(body["protection"]["layers"]),
                missing=tuple(body["protection"]["missing"]),
            )
        except (KeyError, TypeError, ValidationError) as error:
            raise SandboxUnavailable(
                "Expected the worker to say how it is locked down, got something else.",
                remedy="Restart Assay.",
            ) from error
        self._resident_at_start = self.resident_bytes()
        return True

    def wait(self, seconds: float) -> bool:
        """Wait at most so long for its end; return whether it has ended."""
        if self._ended.is_set():
            return True
        if self._handle >= 0 and hasattr(os, "pidfd_open"):
            if not select.select([self._handle], [], [], seconds)[0]:
                return False
            # It is gone; its parent is about to say how.
            if not self._ended.wait(EXIT_REPORT_SECONDS):
                self.mark_ended(None)
            return True
        return self._ended.wait(seconds)

    def send_signal(self, number: signal.Signals) -> None:
        """Signal it and everything in its process group; nothing where it has ended."""
        self.tell(number)
        if self.process == 0 or self._ended.is_set():
            return
        if "seccomp" not in self.protection.layers:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process, number)

    def tell(self, number: signal.Signals) -> None:
        """Signal it alone; nothing where it has ended."""
        if self.process == 0 or self._ended.is_set():
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if hasattr(signal, "pidfd_send_signal") and self._handle >= 0:
                # By handle, so that a process number used again cannot be hit.
                signal.pidfd_send_signal(self._handle, number)
            else:
                os.kill(self.process, number)

    def resident_bytes(self) -> int:
        """Return its memory in use, in bytes; 0 where the system does not tell."""
        try:
            return int(Path(f"/proc/{self.process}/statm").read_text().split()[1]) * _PAGE
        except (OSError, IndexError, ValueError):
            return 0

    def memory_bytes(self) -> int:
        """Return its memory in use above what it was born with, in bytes."""
        return max(0, self.resident_bytes() - self._resident_at_start)

    def n_threads(self) -> int:
        """Return how many threads it runs; 0 where the system does not tell."""
        try:
            status = Path(f"/proc/{self.process}/status").read_text()
        except OSError:
            return 0
        return next(
            (int(line.split()[1]) for line in status.splitlines() if line.startswith("Threads:")), 0
        )

    def close(self) -> None:
        """Let go of its descriptors."""
        self._report, self._handle = _closed(self._report), _closed(self._handle)


class Launcher:
    """Starts the zygote and asks it for workers."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._workers: dict[str, Worker] = {}
        self._warm = threading.Event()
        self.warmth: Warmth | None = None

    def warm_up(self) -> None:
        """Start the zygote where it does not run; return at once."""
        with self._lock:
            self._ensure()

    def wait_warm(self, seconds: float) -> bool:
        """Wait until every library is imported; return whether it is."""
        self.warm_up()
        return self._warm.wait(seconds)

    def launch(
        self,
        task: str,
        folder: Path,
        *,
        readable: tuple[Path, ...],
        limits: Limits,
        connection: socket.socket | None = None,
    ) -> Worker:
        """Ask for a worker; return at once.

        Args:
            task: "job" or "live".
            folder: holds `inputs/` and `scratch/`.
            readable: the uploads it may read.
            limits: what it may use.
            connection: the worker's end of a socket, for the live task.
        """
        worker = Worker(secrets.token_hex(8))
        order = StartOrder(
            worker=worker.name,
            task=task,
            folder=str(folder),
            readable=tuple(map(str, readable)),
            limits=limits,
            accepts_risk=settings().accepts_risk,
        )
        descriptors = () if connection is None else (connection.fileno(),)
        with self._lock:
            self._workers[worker.name] = worker
            try:
                send_message(self._ensure(), order, descriptors)
            except OSError:
                # It died since it was last heard of: once more, with a new one.
                self._forget()
                self._workers[worker.name] = worker
                send_message(self._ensure(), order, descriptors)
        return worker

    @property
    def process(self) -> int | None:
        """The zygote's process id, where it runs."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """End the zygote and with it every worker."""
        with self._lock:
            process = self._process
            self._forget()
        if process is not None:
            process.kill()
            process.wait()

    def _ensure(self) -> socket.socket:
        if self._connection is not None:
            return self._connection
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own module, by name
                [sys.executable, "-s", "-P", "-m", "analyzers.jobs.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                env=_environment(),
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._connection = ours
        self._warm.clear()
        threading.Thread(
            target=self._listen,
            args=(ours, self._process, time.monotonic()),
            name="assay-zygote",
            daemon=True,
        ).start()
        return ours

    def _listen(
        self, connection: socket.socket, process: "subprocess.Popen[bytes]", started: float
    ) -> None:
        while True:
            try:
                message = receive_message(connection)
            except (AssayError, OSError):
                message = None
            if message is None:
                break
            self._hear(message, started)
        process.kill()
        process.wait()
        with self._lock:
            if self._connection is connection:
                _log.warning("the workers' parent ended with code %s", process.returncode)
                self._forget()

    def _hear(self, message: Message, started: float) -> None:
        body, descriptors = message
        if body.get("event") == "warm":
            self.warmth = Warmth(
                time.monotonic() - started, int(body["threads"]), tuple(body["failed"])
            )
            self._warm.set()
            return
        worker = self._workers.get(body.get("worker", ""))
        if body.get("event") == "started" and worker is not None and len(descriptors) == 2:
            worker.mark_started(int(body["process"]), *descriptors)
            return
        for descriptor in descriptors:
            os.close(descriptor)
        if body.get("event") == "ended" and worker is not None:
            self._workers.pop(worker.name, None)
            worker.mark_ended(int(body["code"]))

    def _forget(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = self._process = None
        self._warm.clear()
        lost, self._workers = self._workers, {}
        for worker in lost.values():
            worker.mark_lost()


_launcher: Launcher | None = None
_launcher_lock = threading.Lock()


def launcher() -> Launcher:
    """Return the one launcher of this process."""
    global _launcher
    with _launcher_lock:
        if _launcher is None:
            _launcher = Launcher()
        return _launcher


def _environment() -> dict[str, str]:
    """Everything the zygote is told; one thread each until after the fork."""
    home = Path(tempfile.gettempdir()) / f"assay-{os.getuid()}"
    home.mkdir(mode=0o700, exist_ok=True)
    is_ours = home.stat().st_uid == os.getuid() and not home.is_symlink()
    return {
        "PYTHONPATH": str(Path(analyzers.__file__).parents[1]),
        "PYTHONHASHSEED": "0",
        "HOME": str(home) if is_ours else "/nonexistent",
        "LC_ALL": "C.UTF-8",
        "MPLBACKEND": "Agg",
        # Threads that wait by spinning take the core from the one they wait for: on a busy machine
        # three times as slow, on a quiet one as fast.
        "OMP_WAIT_POLICY": "passive",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_OFFLINE": "1",
        "ARROW_DEFAULT_MEMORY_POOL": "system",
        "JE_ARROW_MALLOC_CONF": "background_thread:false",
        **{
            f"{library}_NUM_THREADS": "1"
            for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "VECLIB_MAXIMUM")
        },
    }


def _closed(descriptor: int) -> int:
    if descriptor >= 0:
        os.close(descriptor)
    return -1
