"""Resource limits of the current process: the part of the sandbox that every Unix has."""

import os
import resource
from pathlib import Path

from analyzers.core.job import Limits


def limit_resources(limits: Limits, *, counts_own_processes: bool) -> None:
    """Lower this process's limits; they cannot be raised again.

    Memory is limited by data size above what is there already, not by address space: torch and
    Arrow reserve far more addresses than they use. Resident memory is watched from outside.

    Args:
        limits: what it may use.
        counts_own_processes: processes are counted for this process alone (in a user namespace of
            its own), so that the number can be limited without counting the user's other work.
    """
    _lower(resource.RLIMIT_CORE, 0)
    # Two steps, so that the signal tells processor time from other reasons to be killed.
    _lower(resource.RLIMIT_CPU, limits.cpu_seconds, hardest=limits.cpu_seconds + 2)
    _lower(resource.RLIMIT_FSIZE, max(limits.output_bytes, limits.scratch_bytes))
    _lower(resource.RLIMIT_NOFILE, limits.open_files)
    _lower(resource.RLIMIT_DATA, data_bytes() + limits.memory_bytes)
    if counts_own_processes:
        _lower(resource.RLIMIT_NPROC, limits.processes)
    os.nice(5)


def data_bytes() -> int:
    """Return the data size the kernel counts against the limit, in bytes; 0 where it tells none."""
    try:
        status = Path("/proc/self/status").read_text()
    except OSError:
        return 0
    kibibytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmData:")]
    return int(kibibytes[0]) * 1024 if kibibytes else 0


def _lower(which: int, value: int, *, hardest: int | None = None) -> None:
    _, hard = resource.getrlimit(which)
    wanted = value if hardest is None else hardest
    if hard != resource.RLIM_INFINITY:
        value, wanted = min(value, hard), min(wanted, hard)
    resource.setrlimit(which, (value, wanted))
