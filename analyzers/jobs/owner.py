"""Which process is responsible for a job: tells a state left behind from a live one."""

import os
from pathlib import Path


def own_mark() -> str:
    """Return a mark of this process that no other process, before or after, has."""
    return mark_of(os.getpid())


def mark_of(process: int) -> str:
    """Return `process:start time:boot`; empty where there is no such process."""
    try:
        # The name in parentheses may hold spaces; the start time is the 20th field after it.
        started = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        if Path("/proc/self").exists():
            return ""
        return _mark_without_proc(process)
    return f"{process}:{started}:{boot}"


def is_alive(mark: str) -> bool:
    """Return whether the process that made the mark still runs."""
    head = mark.partition(":")[0]
    return bool(mark) and head.isdigit() and mark_of(int(head)) == mark


def _mark_without_proc(process: int) -> str:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        pass
    return f"{process}:"
