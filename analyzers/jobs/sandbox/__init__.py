"""Locking a process down before it opens an upload: the protocol, and this system's way."""

import platform

from analyzers.jobs.sandbox.cell import LAYERS, Cell, Protection, Sandbox

__all__ = ["LAYERS", "Cell", "Protection", "Sandbox", "this_system"]


def this_system() -> Sandbox:
    """Return the strongest sandbox there is here."""
    if platform.system() == "Linux":
        from analyzers.jobs.sandbox.linux import LinuxSandbox

        return LinuxSandbox()
    from analyzers.jobs.sandbox.elsewhere import LimitsOnly

    return LimitsOnly()
