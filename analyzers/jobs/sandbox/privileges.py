"""Giving up rights: privileges, namespaces, and outliving the parent."""

import ctypes
import os
import signal
import struct
from pathlib import Path

from analyzers.jobs.sandbox.syscalls import call, control_process

_SET_PARENT_DEATH_SIGNAL = 1
_SET_DUMPABLE = 4
_DROP_BOUNDING = 24
_SET_NO_NEW_PRIVILEGES = 38
_AMBIENT, _AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_NEW_USER, _NEW_NETWORK, _NEW_IPC = 0x10000000, 0x40000000, 0x08000000


def die_with_parent(parent: int) -> None:
    """Have the kernel end this process when its parent ends.

    The parent may have ended before the request was made; then this process ends at once. Any
    change of identity or capabilities clears the request, so it is made again after each.
    """
    control_process(_SET_PARENT_DEATH_SIGNAL, int(signal.SIGKILL))
    if os.getppid() != parent:
        os._exit(1)


def forbid_new_privileges() -> None:
    """Make set-user-id programs and file capabilities mean nothing to this process."""
    control_process(_SET_NO_NEW_PRIVILEGES, 1)


def forbid_inspection() -> None:
    """Keep other processes of the same user from reading this one's memory."""
    control_process(_SET_DUMPABLE, 0)


def enter_namespaces() -> None:
    """Move into a user, network and IPC namespace of its own, as the same user.

    Raises:
        OSError: the system does not let this user make namespaces.
    """
    user, group = os.geteuid(), os.getegid()
    call("unshare", _NEW_USER | _NEW_NETWORK | _NEW_IPC)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{group} {group} 1")


def drop_capabilities() -> None:
    """Empty every capability set, the bounding set included where allowed."""
    for capability in range(64):
        try:
            control_process(_DROP_BOUNDING, capability)
        except OSError:
            # Beyond the last capability, or not allowed to lower the bound: the sets below are
            # emptied either way and no_new_privs keeps them empty.
            break
    try:
        control_process(_AMBIENT, _AMBIENT_CLEAR_ALL)
    finally:
        header = ctypes.create_string_buffer(struct.pack("=Ii", _CAPABILITY_VERSION_3, 0))
        call("capset", header, ctypes.create_string_buffer(24))


def close_descriptors(keep: tuple[int, ...]) -> None:
    """Close every open file but standard input, output, error and those in `keep`."""
    low = 3
    for descriptor in sorted(keep):
        os.closerange(low, descriptor)
        low = max(low, descriptor + 1)
    try:
        highest = max(int(name) for name in os.listdir("/proc/self/fd")) + 1  # noqa: PTH208
    except OSError:
        highest = os.sysconf("SC_OPEN_MAX")
    os.closerange(low, max(low, highest + 1))
