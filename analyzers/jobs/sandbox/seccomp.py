"""Seccomp: a filter over system calls, assembled here; what is not named does not exist.

An allow-list, so that a call added to a later kernel is refused until someone has thought about
it. Calls that programs try on purpose get "not permitted"; everything else "not implemented",
which libraries take as an old kernel and fall back.

References: Linux `Documentation/userspace-api/seccomp_filter.rst`.
"""

import ctypes
import errno
import os
import struct

from analyzers.jobs.sandbox.syscalls import (
    AUDIT_ARCHITECTURE,
    MACHINE,
    NUMBERS,
    call,
    number_of,
)

_ALLOWED_WORDS = """
    read write open close stat fstat lstat poll lseek mmap mprotect munmap brk rt_sigaction
    rt_sigprocmask rt_sigreturn pread64 pwrite64 readv writev access pipe select sched_yield mremap
    msync mincore madvise dup dup2 pause nanosleep getitimer alarm setitimer getpid sendfile exit
    wait4 uname flock fsync fdatasync truncate ftruncate getdents getcwd chdir fchdir
    rename mkdir rmdir creat unlink readlink umask gettimeofday getrlimit getrusage sysinfo times
    getuid getgid geteuid getegid getppid getpgrp getgroups getresuid getresgid getpgid getsid
    rt_sigpending rt_sigtimedwait sigaltstack statfs fstatfs getpriority sched_getparam
    sched_getscheduler sched_get_priority_max sched_get_priority_min arch_prctl gettid time futex
    sched_setaffinity sched_getaffinity epoll_create getdents64 set_tid_address restart_syscall
    fadvise64 clock_gettime clock_getres clock_nanosleep exit_group epoll_wait epoll_ctl
    get_mempolicy mbind waitid openat mkdirat newfstatat unlinkat renameat readlinkat faccessat
    pselect6 ppoll set_robust_list get_robust_list utimensat epoll_pwait fallocate eventfd2
    epoll_create1 dup3 pipe2 preadv pwritev getcpu renameat2 getrandom membarrier
    copy_file_range preadv2 pwritev2 statx rseq close_range faccessat2 futex_waitv
"""
_REFUSED_WORDS = """
    socket connect accept accept4 bind listen socketpair sendto recvfrom sendmsg recvmsg shutdown
    fork vfork execve execveat ptrace tkill chmod fchmod fchmodat fchmodat2 chown fchown lchown
    fchownat link linkat symlink symlinkat mknod mknodat setuid setgid setreuid setregid setresuid
    setresgid setgroups setpgid setsid capset chroot mount umount2 unshare setns add_key
    request_key keyctl perf_event_open process_vm_readv process_vm_writev bpf userfaultfd
    pidfd_send_signal pidfd_open pidfd_getfd io_uring_setup io_uring_enter open_tree move_mount
    fsopen seccomp memfd_create splice
"""
ALLOWED = tuple(_ALLOWED_WORDS.split())
REFUSED = tuple(_REFUSED_WORDS.split())
_PRCTL_ALLOWED = (3, 15, 16, 0x53564D41)  # read dumpable; set and read the name; name a mapping
_FCNTL_REFUSED = (8, 10, 15, 1026)  # set owner, signal, extended owner, size of a lease
_THREAD = 0x00010000
_NEW_NAMESPACES = 0x7E020000 | 0x00000080

_LOAD, _JUMP_EQUAL, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x45, 0x06
_JUMP_AT_LEAST = 0x35
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _ARCHITECTURE_AT, _FIRST_ARGUMENT_AT, _SECOND_ARGUMENT_AT = 0, 4, 16, 24
_X32_BIT = 0x40000000
_SET_FILTER = 1
_ALL_THREADS = 1


def filter_program(own_process: int) -> bytes:
    """Assemble the filter for a process that may signal only itself.

    Args:
        own_process: the process id; `kill` and `tgkill` to any other are refused.

    Returns:
        `struct sock_filter` records for this processor.
    """
    refuse = _answer(_ERROR | errno.EPERM)
    allow = _answer(_ALLOW)
    program = [
        _load(_ARCHITECTURE_AT),
        _jump(_JUMP_EQUAL, AUDIT_ARCHITECTURE[MACHINE], 1, 0),
        _answer(_KILL),
        _load(_NUMBER_AT),
        # The x32 interface gives the same calls other numbers.
        _jump(_JUMP_AT_LEAST, _X32_BIT, 0, 1),
        _answer(_KILL),
    ]
    for name in ALLOWED:
        program += _when(name, [allow])
    for name in ("kill", "tgkill"):
        program += _when(name, _only_argument(_FIRST_ARGUMENT_AT, (own_process,)))
    # Another process's limits are out of reach; setting one's own can only lower them.
    program += _when("prlimit64", _only_argument(_FIRST_ARGUMENT_AT, (0, own_process)))
    program += _when("prctl", _only_argument(_FIRST_ARGUMENT_AT, _PRCTL_ALLOWED))
    program += _when(
        "fcntl",
        [
            _load(_SECOND_ARGUMENT_AT),
            *[
                step
                for command in _FCNTL_REFUSED
                for step in (_jump(_JUMP_EQUAL, command, 0, 1), refuse)
            ],
            allow,
        ],
    )
    # Terminal size and "is this a terminal"; the ways to push characters into one are left out.
    program += _when("ioctl", _only_argument(_SECOND_ARGUMENT_AT, (0x5401, 0x5413, 0x541B, 0x5451)))
    # Threads, never processes. clone3 hides its flags in memory, where a filter cannot look: it is
    # left "not implemented" and the C library falls back to clone.
    program += _when(
        "clone",
        [
            _load(_FIRST_ARGUMENT_AT),
            _jump(_JUMP_BITS, _NEW_NAMESPACES, 2, 0),
            _jump(_JUMP_BITS, _THREAD, 0, 1),
            allow,
            refuse,
        ],
    )
    for name in REFUSED:
        program += _when(name, [refuse])
    program.append(_answer(_ERROR | errno.ENOSYS))
    return b"".join(program)


def install_filter() -> None:
    """Put the filter in force for this process, for good; no_new_privs being set already.

    Raises:
        OSError: the kernel has no seccomp filters or refused this one.
    """
    program = filter_program(os.getpid())
    instructions = ctypes.create_string_buffer(program)
    header = ctypes.create_string_buffer(
        struct.pack("=H6xQ", len(program) // 8, ctypes.addressof(instructions))
    )
    call("seccomp", _SET_FILTER, _ALL_THREADS, header)


def _when(name: str, steps: list[bytes]) -> list[bytes]:
    """Steps taken where the call is `name`; each list ends in an answer."""
    number = number_of(name)
    return [] if number < 0 else [_jump(_JUMP_EQUAL, number, 0, len(steps)), *steps]


def _only_argument(offset: int, values: tuple[int, ...]) -> list[bytes]:
    steps = [_load(offset)]
    for value in values:
        steps += [_jump(_JUMP_EQUAL, value, 0, 1), _answer(_ALLOW)]
    return [*steps, _answer(_ERROR | errno.EPERM)]


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", _LOAD, 0, 0, offset)


def _jump(code: int, value: int, when_true: int, when_false: int) -> bytes:
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _answer(value: int) -> bytes:
    return struct.pack("=HBBI", _RETURN, 0, 0, value)


assert set(ALLOWED + REFUSED) <= set(NUMBERS)  # noqa: S101  a misspelt name must not pass silently
