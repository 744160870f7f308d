"""Asking the system what it offers by doing it once, in a process that is thrown away."""

import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from analyzers.core.job import Limits
from analyzers.jobs.sandbox.cell import Cell, Protection

_TRIAL_SECONDS = 20


@cache
def try_out() -> Protection:
    """Lock a fresh process down and return what it reports; nothing where it fails to start."""
    try:
        run = subprocess.run(  # noqa: S603  our own module, by name
            [sys.executable, "-I", "-m", __name__],
            capture_output=True,
            timeout=_TRIAL_SECONDS,
            check=True,
            env={},
        )
        return Protection.model_validate_json(run.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return Protection(missing=("the trial process could not be locked down",))


def main() -> None:
    """Lock this process down and write the protection to standard output."""
    from analyzers.jobs.sandbox import this_system

    with tempfile.TemporaryDirectory() as folder:
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                cell = Cell(
                    readable=(),
                    scratch=Path(folder),
                    limits=Limits(),
                    keep=(write_end,),
                    parent=os.getppid(),
                )
                os.write(write_end, this_system().lock(cell).model_dump_json().encode())
                status = 0
            finally:
                os._exit(status)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as reader:
            report = json.loads(reader.read() or b"{}")
        os.waitpid(child, 0)
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main()
