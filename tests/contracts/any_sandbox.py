"""What every sandbox must withstand: a suite to inherit, and the program that runs one escape.

Each escape is first shown to succeed without the sandbox, so that a test that cannot fail is
noticed, and then to be contained behind it, as the user who runs the tests and as an ordinary one.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from analyzers.core.job import MEBIBYTE, Limits
from analyzers.core.subject import Trust
from analyzers.jobs.sandbox import LAYERS, Cell, Sandbox
from tests.contracts import escapes

ROOT = Path(__file__).parents[2]
NOBODY = 65534
MEGABYTES = 48
LIMITS = Limits(
    memory_bytes=MEGABYTES * MEBIBYTE,
    output_bytes=MEGABYTES * MEBIBYTE,
    scratch_bytes=MEGABYTES * MEBIBYTE,
)
NAMES = [escape.__name__ for escape in escapes.ESCAPES]
# As root these need the sandbox to give up root's rights; as anyone they need a parent of the
# same user, which a process that has just become nobody has not.
NOT_FOR_NOBODY = {"signal_the_parent", "read_the_parents_environment", "read_the_parents_memory"}


class Attempt(NamedTuple):
    """How an escape ended: "escaped", "contained" with the error, or "killed" with the signal."""

    ending: str
    detail: str


class AnySandbox:
    """Inherit, and return the sandbox from `sandbox_name` as "module:factory"."""

    sandbox_name: str

    @pytest.fixture
    def around(self, tmp_path: Path) -> Iterator[dict[str, Any]]:
        tmp_path.chmod(0o755)
        # Another user has to get here: pytest's own folders (one more under xdist) are closed.
        for folder in tmp_path.parents:
            if "pytest-of-" in str(folder):
                folder.chmod(0o755)
        outside, scratch = tmp_path / "outside", tmp_path / "scratch"
        for folder in (outside, scratch):
            folder.mkdir()
            folder.chmod(0o777)
        secret = tmp_path / "secret"
        secret.write_text("secret")
        secret.chmod(0o644)
        for name in ("result.json", "victim"):
            (outside / name).write_text("good")
            (outside / name).chmod(0o666)
        with socket.socket() as server:
            server.bind(("127.0.0.1", 0))
            server.listen()
            yield {
                "secret": str(secret),
                "outside": str(outside),
                "scratch": str(scratch),
                "port": server.getsockname()[1],
                "megabytes": MEGABYTES,
            }

    def attempt(self, escape: str, around: dict[str, Any], *, user: int, locked: bool) -> Attempt:
        order = {
            "escape": escape,
            "around": around,
            "user": user,
            "sandbox": self.sandbox_name if locked else None,
        }
        run = subprocess.run(
            [sys.executable, "-m", "tests.contracts.any_sandbox", json.dumps(order)],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "ASSAY_TEST_SECRET": "x"},
        )
        assert run.returncode == 0, run.stderr
        return Attempt(**json.loads(run.stdout.splitlines()[-1]))

    @pytest.mark.parametrize("escape", NAMES)
    def test_an_escape_works_without_the_sandbox_and_not_within(self, escape, around):
        free = self.attempt(escape, around, user=os.getuid(), locked=False)
        assert free.ending == "escaped", free
        restore(around)

        held = self.attempt(escape, around, user=os.getuid(), locked=True)

        assert held.ending in ("contained", "killed"), held
        assert untouched(around)

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
    @pytest.mark.parametrize("escape", [name for name in NAMES if name not in NOT_FOR_NOBODY])
    def test_an_escape_does_not_work_as_an_ordinary_user_either(self, escape, around):
        held = self.attempt(escape, around, user=NOBODY, locked=True)

        assert held.ending in ("contained", "killed"), held
        assert untouched(around)

    @pytest.mark.skipif(sys.platform != "linux", reason="these are Linux's calls")
    @pytest.mark.parametrize("user", [os.getuid(), NOBODY])
    def test_no_forbidden_system_call_gets_as_far_as_looking_at_its_arguments(self, user, around):
        if user != os.getuid() and os.getuid() != 0:
            pytest.skip("only root can become another user")
        if os.uname().machine != "x86_64":
            pytest.skip("the numbers are those of x86-64")

        assert self.attempt("*calls", around, user=user, locked=True) == Attempt("contained", "")

    def test_a_cell_dies_with_its_parent(self, around):
        for locked in (False, True):
            self.attempt("*survive", around, user=os.getuid(), locked=locked)
            # Behind the sandbox it could not write there; it tells by the scratch folder.
            told = Path(around["scratch"]) / "survived"
            deadline = time.monotonic() + (1.5 if locked else 30)
            while not told.exists() and time.monotonic() < deadline:
                time.sleep(0.05)
            alive = told.exists()
            told.unlink(missing_ok=True)
            assert alive is not locked

    def test_what_computing_needs_still_works(self, around):
        for user in {os.getuid(), NOBODY if os.getuid() == 0 else os.getuid()}:
            held = self.attempt("*work", around, user=user, locked=True)

            assert held.ending == "escaped", held

    def test_the_report_names_layers_and_says_what_may_be_opened(self):
        protection = sandbox_named(self.sandbox_name).available()

        assert set(protection.layers) <= set(LAYERS)
        assert protection.admits(Trust.DATA)
        assert protection.admits(Trust.CODE) == protection.contains_programs
        assert len(protection.sentences) == len(protection.layers)


def restore(around: dict[str, Any]) -> None:
    """Undo what an escape did when it was let."""
    outside, scratch = Path(around["outside"]), Path(around["scratch"])
    for folder in (outside, scratch):
        for path in folder.iterdir():
            path.unlink()
    for name in ("result.json", "victim"):
        (outside / name).write_text("good")
        (outside / name).chmod(0o666)
    if os.path.exists(outside / "late"):  # noqa: PTH110
        (outside / "late").unlink()


def untouched(around: dict[str, Any]) -> bool:
    """Return whether everything outside the cell is as it was, also a moment later."""
    time.sleep(0.05)
    outside = Path(around["outside"])
    return {path.name: path.read_text() for path in outside.iterdir()} == {
        "result.json": "good",
        "victim": "good",
    }


def sandbox_named(name: str) -> Sandbox:
    """Import "module:factory" and call it."""
    import importlib

    module, _, factory = name.partition(":")
    made: Sandbox = getattr(importlib.import_module(module), factory)()
    return made


def main() -> None:
    """Run one escape in a child and print how it ended."""
    order = json.loads(sys.argv[1])
    secret_file = os.open(order["around"]["secret"], os.O_RDONLY)
    around = escapes.Surroundings(
        secret=Path(order["around"]["secret"]),
        outside=Path(order["around"]["outside"]),
        scratch=Path(order["around"]["scratch"]),
        port=order["around"]["port"],
        megabytes=order["around"]["megabytes"],
        parent=os.getpid(),
        descriptor=secret_file,
    )
    sandbox = sandbox_named(order["sandbox"]) if order["sandbox"] else None
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        _in_child(order, around, sandbox, write_end)
    os.close(write_end)
    if order["escape"] == "*survive":
        os.read(read_end, 1)
        print(json.dumps({"ending": "left", "detail": ""}), flush=True)  # noqa: T201
        os._exit(0)
    with os.fdopen(read_end, "rb") as reader:
        said = reader.read().decode()
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if order["escape"] == "write_after_being_cancelled":
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, 9)
        time.sleep(0.8)
    if code < 0:
        answer = {"ending": "killed", "detail": str(-code)}
    elif order["escape"] == "become_a_program" and not said:
        answer = {"ending": "escaped", "detail": ""}
    else:
        answer = json.loads(said)
    print(json.dumps(answer))  # noqa: T201


def _in_child(
    order: dict[str, Any], around: escapes.Surroundings, sandbox: Sandbox | None, report: int
) -> None:
    os.setpgid(0, 0)
    if order["user"] != os.getuid():
        os.setgroups([])
        os.setgid(order["user"])
        os.setuid(order["user"])
        if sys.platform == "linux":
            from analyzers.jobs.sandbox.syscalls import control_process

            # Changing user marks a process as not to be looked into; one that began as this user
            # is not marked.
            control_process(4, 1)
    if sandbox is not None:
        cell = Cell(
            readable=(),
            scratch=around.scratch,
            limits=LIMITS,
            keep=(report,),
            parent=around.parent,
        )
        sandbox.lock(cell)
    answer = {"ending": "escaped", "detail": ""}
    try:
        _act(order["escape"], around, report)
    except BaseException as error:
        answer = {"ending": "contained", "detail": f"{type(error).__name__}: {error}"[:200]}
    if order["escape"] == "*calls":
        allowed = escapes.forbidden_calls_allowed()
        answer = {"ending": "escaped" if allowed else "contained", "detail": ", ".join(allowed)}
    os.write(report, json.dumps(answer).encode())
    os._exit(0)


def _act(name: str, around: escapes.Surroundings, report: int) -> None:
    if name == "*survive":
        os.write(report, b"1")
        time.sleep(0.7)
        (around.scratch / "survived").write_text("alive")
    elif name == "*work":
        _work(around)
    elif name != "*calls":
        next(item for item in escapes.ESCAPES if item.__name__ == name)(around)


def _work(around: escapes.Surroundings) -> None:
    import tempfile
    import threading

    done: list[int] = []
    threads = [threading.Thread(target=done.append, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(done) == 4
    with tempfile.TemporaryDirectory() as folder:
        assert Path(folder).parent == around.scratch
        (Path(folder) / "a").write_text("text")
        (Path(folder) / "a").rename(Path(folder) / "b")
        assert (Path(folder) / "b").read_text() == "text"
    assert len(os.urandom(8)) == 8
    Path(os.devnull).write_text("x")


if __name__ == "__main__":
    main()
