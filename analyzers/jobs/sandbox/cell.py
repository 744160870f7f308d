"""What one locked-down process may still reach, and what the locking achieved."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from analyzers.core.job import Limits
from analyzers.core.subject import Trust
from analyzers.core.value import Value

Level = Literal["full", "reduced", "none"]

LAYERS: dict[str, str] = {
    "limits": "limits on memory, processor time, file size and open files",
    "no new privileges": "no program can be started with more rights",
    "landlock files": "no files outside its inputs, its scratch folder and the libraries",
    "landlock network": "no TCP connections, by Landlock",
    "landlock scopes": "no signals to, and no abstract sockets of, other processes",
    "namespaces": "a user, network and IPC namespace of its own",
    "no capabilities": "every privilege dropped",
    "seccomp": "only the system calls that computing needs",
}
NEEDED_FOR_PROGRAMS = ("limits", "no new privileges", "landlock files", "seccomp")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """The boundaries of one worker.

    Attributes:
        readable: files and folders it may read, beside the interpreter and its libraries.
        scratch: the one folder it may write.
        limits: memory, time, files and threads.
        keep: open file descriptors it keeps; all others are closed.
        parent: process id of its parent; it dies when that process does.
    """

    readable: tuple[Path, ...]
    scratch: Path
    limits: Limits
    keep: tuple[int, ...] = ()
    parent: int


class Protection(Value):
    """Which layers are in force, and why the others are not."""

    layers: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()

    @property
    def level(self) -> Level:
        """Return "full" with every layer, "reduced" where code is still contained, else "none"."""
        if all(layer in self.layers for layer in LAYERS):
            return "full"
        return "reduced" if self.contains_programs else "none"

    @property
    def contains_programs(self) -> bool:
        """Whether a file that carries a program or code may be opened behind these layers."""
        return all(layer in self.layers for layer in NEEDED_FOR_PROGRAMS)

    def admits(self, trust: Trust) -> bool:
        """Return whether a format of this trust may be opened behind these layers."""
        return trust == Trust.DATA or self.contains_programs

    @property
    def sentences(self) -> tuple[str, ...]:
        """The layers in words, for pages and provenance."""
        return tuple(LAYERS.get(layer, layer) for layer in self.layers)


class Sandbox(Protocol):
    """A way to lock the current process down for good."""

    def available(self) -> Protection:
        """Try every layer in a throw-away process and say which took effect."""
        ...

    def lock(self, cell: Cell) -> Protection:
        """Lock the calling, single-threaded process down; it cannot be undone.

        Raises:
            SandboxUnavailable: a layer that this system offers could not be put in force.
        """
        ...
