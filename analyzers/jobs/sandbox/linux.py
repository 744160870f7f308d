"""The sandbox on Linux: no root, no system package, every layer by system call."""

import os
import sys
import sysconfig
from pathlib import Path

import analyzers
from analyzers.core.errors import SandboxUnavailable
from analyzers.jobs.sandbox import landlock, privileges, seccomp
from analyzers.jobs.sandbox.cell import LAYERS, Cell, Protection
from analyzers.jobs.sandbox.limits import limit_resources
from analyzers.jobs.sandbox.syscalls import MACHINE
from analyzers.jobs.sandbox.trial import try_out

_SYSTEM_PATHS = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/usr/share/zoneinfo",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/ssl/openssl.cnf", "/dev/urandom",
    "/dev/zero", "/proc/cpuinfo", "/proc/meminfo", "/proc/self", "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu", "/sys/devices/system/node", "/sys/fs/cgroup",
)  # fmt: skip


class LinuxSandbox:
    """Limits, namespaces, Landlock, no capabilities and seccomp, in the order that lets each work.

    A layer that the system does not have is reported as missing; a layer that it has and that
    fails is an error, because a half-locked process must not open an upload.
    """

    def available(self) -> Protection:
        """Try every layer in a throw-away process and say which took effect."""
        return try_out()

    def lock(self, cell: Cell) -> Protection:
        """Lock the calling, single-threaded process down; it cannot be undone.

        Raises:
            SandboxUnavailable: a layer that this system offers could not be put in force.
        """
        missing: list[str] = []
        privileges.die_with_parent(cell.parent)
        privileges.close_descriptors(cell.keep)
        os.environ.clear()
        os.environ.update(
            {"TMPDIR": str(cell.scratch), "HOME": str(cell.scratch), "LC_ALL": "C.UTF-8"}
        )
        os.umask(0o077)
        try:
            has_namespaces = _try_namespaces(missing)
            limit_resources(cell.limits, counts_own_processes=has_namespaces)
            privileges.forbid_new_privileges()
            layers = {"limits", "no new privileges"} | ({"namespaces"} if has_namespaces else set())
            layers |= _landlock(cell, missing)
            privileges.drop_capabilities()
            layers.add("no capabilities")
            privileges.forbid_inspection()
            # Changing capabilities cleared the first request.
            privileges.die_with_parent(cell.parent)
            if MACHINE >= 0:
                seccomp.install_filter()
                layers.add("seccomp")
            else:
                missing.append("seccomp: no filter is written for this processor")
        except OSError as error:
            raise SandboxUnavailable(
                f"Expected to lock the worker down, got {error.strerror} from {error.filename}.",
                remedy="Run Assay on Linux 5.13 or later, outside a container that filters these "
                "system calls.",
            ) from error
        return Protection(
            layers=tuple(layer for layer in LAYERS if layer in layers), missing=tuple(missing)
        )


def library_paths() -> tuple[Path, ...]:
    """Return what every worker reads: the interpreter, its libraries, this package."""
    folders = {
        Path(sys.prefix),
        Path(sys.base_prefix) / "lib",
        Path(sys.executable),
        Path(sys.executable).resolve(),
        Path(sysconfig.get_path("stdlib")),
        Path(sysconfig.get_path("purelib")),
        Path(sysconfig.get_path("platlib")),
        Path(analyzers.__file__).parent,
    }
    return (*sorted(folders), *map(Path, _SYSTEM_PATHS))


def _try_namespaces(missing: list[str]) -> bool:
    try:
        privileges.enter_namespaces()
    except OSError as error:
        missing.append(f"namespaces: {error.strerror}")
        return False
    return True


def _landlock(cell: Cell, missing: list[str]) -> set[str]:
    version = landlock.landlock_version()
    if version == 0:
        missing.append("landlock: not in this kernel, or switched off")
        return set()
    restriction = landlock.restrict(
        version, readable=(*library_paths(), *cell.readable), writable=cell.scratch
    )
    layers = {"landlock files"}
    for name, is_in_force, since in (
        ("landlock network", restriction.network, "6.7"),
        ("landlock scopes", restriction.scopes, "6.12"),
    ):
        if is_in_force:
            layers.add(name)
        else:
            missing.append(f"{name}: needs Linux {since}")
    return layers
