"""Ways out of a sandbox. Each returns on success and raises, or is killed, where it is contained.

They do no harm where they succeed: the control runs of the conformance suite let them.
"""

import ctypes
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an escape may try to reach.

    Attributes:
        secret: a file outside the cell, readable by every user.
        outside: a folder outside the cell, writable by every user.
        scratch: the cell's own folder.
        port: of a server that listens on this machine.
        parent: process id of the process that made the cell.
        descriptor: an open file of the parent's that the cell was not given.
        megabytes: memory and disk that the cell may use.
    """

    secret: Path
    outside: Path
    scratch: Path
    port: int
    parent: int
    descriptor: int
    megabytes: int


def read_a_secret(around: Surroundings) -> None:
    assert around.secret.read_text() == "secret"


def list_a_folder_outside(around: Surroundings) -> None:
    assert os.listdir(around.outside) is not None  # noqa: PTH208


def write_outside(around: Surroundings) -> None:
    (around.outside / "written").write_text("out")


def replace_a_file_outside(around: Surroundings) -> None:
    victim = around.outside / "victim"
    (around.scratch / "mine").write_text("forged")
    (around.scratch / "mine").rename(victim)


def truncate_a_file_outside(around: Surroundings) -> None:
    os.truncate(around.outside / "result.json", 0)


def forge_the_result_of_another_job(around: Surroundings) -> None:
    (around.outside / "result.json").write_text('{"schema_version": 1}')


def connect_by_tcp(around: Surroundings) -> None:
    socket.create_connection(("127.0.0.1", around.port), timeout=5).close()


def send_by_udp(around: Surroundings) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", around.port))


def listen_on_a_port(around: Surroundings) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()


def make_a_unix_socket(around: Surroundings) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(b"\0assay-escape-%d" % os.getpid())


def start_a_program(around: Surroundings) -> None:
    assert subprocess.run(["/bin/true"]).returncode == 0


def become_a_program(around: Surroundings) -> None:
    os.execv("/bin/true", ["true"])


def fork_without_end(around: Surroundings) -> None:
    for _ in range(20):
        if os.fork() == 0:
            os._exit(0)


def start_threads_without_end(around: Surroundings) -> None:
    import threading

    stop = threading.Event()
    threads = [threading.Thread(target=stop.wait, daemon=True) for _ in range(2000)]
    try:
        for thread in threads:
            thread.start()
    finally:
        stop.set()


def signal_the_parent(around: Surroundings) -> None:
    os.kill(around.parent, 0)


def signal_everyone(around: Surroundings) -> None:
    os.kill(0, 0)


def read_the_parents_environment(around: Surroundings) -> None:
    Path(f"/proc/{around.parent}/environ").read_bytes()


def read_the_parents_memory(around: Surroundings) -> None:
    Path(f"/proc/{around.parent}/maps").read_text()


def use_an_inherited_descriptor(around: Surroundings) -> None:
    os.fstat(around.descriptor)


def read_an_inherited_variable(around: Surroundings) -> None:
    assert os.environ["ASSAY_TEST_SECRET"]


def exhaust_memory(around: Surroundings) -> None:
    kept = [bytearray(2**20) for _ in range(4 * around.megabytes)]
    assert len(kept) == 4 * around.megabytes


def fill_the_disk(around: Surroundings) -> None:
    with (around.scratch / "big").open("wb") as stream:
        for _ in range(4 * around.megabytes):
            stream.write(b"x" * 2**20)


def write_a_gigabyte(around: Surroundings) -> None:
    with (around.scratch / "huge").open("wb") as stream:
        stream.truncate(2**30)


def link_to_a_secret(around: Surroundings) -> None:
    (around.scratch / "link").symlink_to(around.secret)


def link_hard_to_a_secret(around: Surroundings) -> None:
    os.link(around.outside / "result.json", around.scratch / "hard")


def make_a_pipe_file(around: Surroundings) -> None:
    os.mkfifo(around.scratch / "pipe")


def change_permissions(around: Surroundings) -> None:
    around.scratch.chmod(0o777)


def raise_own_limits(around: Surroundings) -> None:
    now = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (now[1], now[1]))
    assert now[1] != 0


def write_after_being_cancelled(around: Surroundings) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if os.fork() == 0:
        os.setsid()
        time.sleep(0.5)
        (around.outside / "late").write_text("late")
        os._exit(0)


def _system_call(number: int, *arguments: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def make_a_namespace(around: Surroundings) -> None:
    _system_call(272, 0x10000000)


def make_a_memory_file(around: Surroundings) -> None:
    os.close(os.memfd_create("x"))


def open_a_handle_on_the_parent(around: Surroundings) -> None:
    os.close(os.pidfd_open(around.parent))


ESCAPES: tuple[Callable[[Surroundings], None], ...] = (
    read_a_secret, list_a_folder_outside, write_outside, replace_a_file_outside,
    truncate_a_file_outside, forge_the_result_of_another_job, connect_by_tcp, send_by_udp,
    listen_on_a_port, make_a_unix_socket, start_a_program, become_a_program, fork_without_end,
    start_threads_without_end, signal_the_parent, signal_everyone, read_the_parents_environment,
    read_the_parents_memory, use_an_inherited_descriptor, read_an_inherited_variable,
    exhaust_memory, fill_the_disk, write_a_gigabyte, link_to_a_secret, link_hard_to_a_secret,
    make_a_pipe_file, change_permissions, raise_own_limits, write_after_being_cancelled,
    make_a_namespace, make_a_memory_file, open_a_handle_on_the_parent,
)  # fmt: skip

# System calls that no worker needs, by their numbers on x86-64, with harmless arguments: refused
# means "not permitted" or "not there", not "bad argument".
FORBIDDEN_CALLS: dict[str, int] = {
    "ptrace": 101, "setuid": 105, "chroot": 161, "mount": 165, "add_key": 248, "keyctl": 250,
    "perf_event_open": 298, "setns": 308, "process_vm_readv": 310, "seccomp": 317, "bpf": 321,
    "execveat": 322, "userfaultfd": 323, "io_uring_setup": 425, "clone3": 435, "mknod": 133,
    "personality": 135, "kexec_load": 246, "init_module": 175, "open_by_handle_at": 304,
    "modify_ldt": 154, "swapon": 167, "reboot": 169, "quotactl": 179, "fanotify_init": 300,
}  # fmt: skip


def forbidden_calls_allowed() -> list[str]:
    """Return the forbidden calls that do not end in EPERM or ENOSYS."""
    allowed = []
    for name, number in FORBIDDEN_CALLS.items():
        try:
            _system_call(number, 0, 0, 0, 0)
            allowed.append(name)
        except OSError as error:
            if error.errno not in (1, 38):
                allowed.append(f"{name}: {error.strerror}")
    return allowed
