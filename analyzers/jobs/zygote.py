"""The warm parent of all workers: a program of its own that imports once and forks per job.

Started by name with an emptied environment (`python -m analyzers.jobs.zygote DESCRIPTOR`); it holds
no secret, opens no upload and stays single-threaded, so that a fork is a whole copy. A worker asked
for while it is still warming up is forked between two imports and loads the rest itself. It ends
when the host's side of the socket closes, and the kernel then ends its workers.
"""

import gc
import importlib
import json
import os
import random
import resource
import select
import signal
import socket
import sys
import tempfile
import warnings
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from analyzers.core.errors import AssayError
from analyzers.jobs import worker
from analyzers.jobs.sandbox import Cell, this_system
from analyzers.jobs.transport import StartOrder, receive_message, send_message

# In the order in which most jobs need them. onnxruntime is left out: it starts a thread when
# imported, and takes 0.2 s in the worker that needs it.
WARM_IMPORTS = (
    "numpy", "pyarrow", "pyarrow.compute", "pandas", "analyzers.jobs.declared", "scipy.stats",
    "sklearn.ensemble", "sklearn.linear_model", "sklearn.neural_network", "sklearn.pipeline",
    "sklearn.compose", "sklearn.svm", "sklearn.neighbors", "sklearn.naive_bayes",
    "sklearn.calibration", "sklearn.feature_extraction.text", "skops.io", "joblib",
    "analyzers.loaders.opening", "torch", "shap", "xgboost", "lightgbm", "catboost", "onnx", "lime",
    "lime.lime_tabular", "lime.lime_text", "openpyxl", "PIL.Image",
    "analyzers.adversarial.text", "analyzers.explanation.owen",
)  # fmt: skip


class Zygote:
    """The parent process: its socket to the host and its workers by process id."""

    def __init__(self, connection: socket.socket) -> None:
        """Take over the socket to the host."""
        self._connection = connection
        self._workers: dict[int, str] = {}

    def run(self) -> None:
        """Warm up, serving orders between two imports, then serve until the host goes away."""
        signal.signal(signal.SIGCHLD, self._reap)
        failed = []
        for name in WARM_IMPORTS:
            try:
                _import_quietly(name)
            except Exception as error:
                failed.append(f"{name}: {type(error).__name__}")
            while select.select([self._connection], [], [], 0)[0]:
                self._serve_one()
        gc.collect()
        gc.freeze()
        self._tell({"event": "warm", "failed": failed, "threads": _n_threads()})
        while True:
            self._serve_one()

    def _serve_one(self) -> None:
        message = receive_message(self._connection)
        if message is None:
            self._end()
        order = _order(message.body)
        self._fork(order, message.descriptors)
        for descriptor in message.descriptors:
            os.close(descriptor)

    def _fork(self, order: StartOrder, descriptors: tuple[int, ...]) -> None:
        read_end, write_end = os.pipe()
        parent = os.getpid()
        # No exit may be reported before its start.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            process = os.fork()
            if process == 0:
                _become_worker(order, parent, write_end, descriptors)
            self._workers[process] = order.worker
            handle = os.pidfd_open(process) if hasattr(os, "pidfd_open") else os.dup(read_end)
            send_message(
                self._connection,
                {"event": "started", "worker": order.worker, "process": process},
                (read_end, handle),
            )
            os.close(handle)
        except OSError:
            self._end()
        finally:
            os.close(read_end)
            os.close(write_end)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})

    def _reap(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        while self._workers:
            try:
                process, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            self._tell(
                {
                    "event": "ended",
                    "worker": self._workers.pop(process, ""),
                    "code": os.waitstatus_to_exitcode(status),
                    "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 3),
                }
            )

    def _tell(self, body: dict[str, Any]) -> None:
        try:
            send_message(self._connection, body)
        except OSError:
            self._end()

    def _end(self) -> NoReturn:
        for process in self._workers:
            os.kill(process, signal.SIGKILL)
        os._exit(0)


def _order(body: dict[str, Any]) -> StartOrder:
    return StartOrder.model_validate_json(json.dumps(body))


def _import_quietly(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = importlib.import_module(name)
        # A module of ours may put its own libraries in order, which a bare import would not.
        getattr(module, "warm_up", lambda: None)()


def _n_threads() -> int:
    tasks = Path("/proc/self/task")
    return len(list(tasks.iterdir())) if tasks.exists() else 1


def _become_worker(
    order: StartOrder, parent: int, report: int, descriptors: tuple[int, ...]
) -> NoReturn:
    """Lock this fresh process down, report how far, and do the work; never return."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.setsid()
        scratch = Path(order.folder) / "scratch"
        _redirect_output(scratch / "output.log")
        os.chdir(scratch)
        cell = Cell(
            readable=(Path(order.folder) / "inputs", *map(Path, order.readable)),
            scratch=scratch,
            limits=order.limits,
            keep=(report, *descriptors),
            parent=parent,
        )
        try:
            protection = this_system().lock(cell)
        except AssayError as error:
            os.write(report, _json({"error": error.message, "remedy": error.remedy}))
            os._exit(1)
        random.seed(0)
        # The parent has looked up its own temporary folder, which is closed to a worker.
        tempfile.tempdir = None
        resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        os.write(
            report, _json({"protection": protection.model_dump(mode="json"), "resident": resident})
        )
        os.close(report)
        code = worker.work(
            order.task,
            folder=Path(order.folder),
            limits=order.limits,
            admits_programs=protection.contains_programs or order.accepts_risk,
            connection=descriptors[0] if descriptors else None,
        )
    except BaseException:  # noqa: S110  nothing may return into the parent's code
        pass
    finally:
        os._exit(code)


def _redirect_output(path: Path) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def main() -> None:
    """Serve on the socket whose descriptor is the first argument."""
    Zygote(socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
