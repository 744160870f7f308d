"""Landlock: the kernel's own list of paths, ports and peers that a process may still reach.

References: Linux `Documentation/userspace-api/landlock.rst`.
"""

import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from analyzers.jobs.sandbox.syscalls import call

_VERSION = 1
_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << n for n in range(6))
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = (
    1 << n for n in range(6, 13)
)
REFER, TRUNCATE, IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15

# Rights a ruleset can govern, by interface version: what is governed and not granted is refused.
_FILE_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 5: (1 << 16) - 1}
_NETWORK_RIGHTS = 0b11
_SCOPES = 0b11
_ON_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEVICE
READ = READ_FILE | READ_DIR
USE = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | TRUNCATE


class Restriction(NamedTuple):
    """What Landlock took over."""

    network: bool
    scopes: bool


def landlock_version() -> int:
    """Return the kernel's Landlock interface version; 0 where there is none."""
    try:
        return call("landlock_create_ruleset", 0, 0, _VERSION)
    except OSError:
        return 0


def restrict(version: int, *, readable: Iterable[Path], writable: Path) -> Restriction:
    """Refuse every path but those given, no_new_privs being set already.

    Args:
        version: what `landlock_version` returned, at least 1.
        readable: files and folders to read; those that do not exist are left out.
        writable: the one folder to write.

    Raises:
        OSError: the kernel refused.
    """
    rights = _FILE_RIGHTS[max(known for known in _FILE_RIGHTS if known <= version)]
    network = _NETWORK_RIGHTS if version >= 4 else 0
    scopes = _SCOPES if version >= 6 else 0
    fields = [rights, network, scopes][: 1 + (version >= 4) + (version >= 6)]
    attributes = ctypes.create_string_buffer(struct.pack(f"={len(fields)}Q", *fields))
    ruleset = call("landlock_create_ruleset", attributes, 8 * len(fields), 0)
    try:
        for path in readable:
            _grant(ruleset, path, READ & rights)
        _grant(ruleset, writable, USE & rights)
        # Libraries open it for writing to throw output away.
        _grant(ruleset, Path(os.devnull), (READ_FILE | WRITE_FILE) & rights)
        call("landlock_restrict_self", ruleset, 0)
    finally:
        os.close(ruleset)
    return Restriction(network=bool(network), scopes=bool(scopes))


def _grant(ruleset: int, path: Path, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(descriptor).st_mode):
            rights &= _ON_FILES
        rule = ctypes.create_string_buffer(struct.pack("=Qi", rights, descriptor))
        call("landlock_add_rule", ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)
