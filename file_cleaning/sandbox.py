"""What a process takes from itself before it looks at a stranger's file.

Several layers, each for itself, since hosts differ: limits of the system (rlimit), a network of its own without any device
(user and network namespace), no files but its own (Landlock), no sockets and nothing else of the kernel that decoders do
not need (seccomp). `SandboxLayers` says which of them hold here.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import resource
import signal
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

# Both load a library of the system, so they are here before it is locked; without it their import fails in several ways.
landlockpy: ModuleType | None = None
pyseccomp: ModuleType | None = None
with contextlib.suppress(Exception):
    landlockpy = import_module("landlockpy")
with contextlib.suppress(Exception):
    pyseccomp = import_module("pyseccomp")

_LINUX = sys.platform == "linux"
_libc = ctypes.CDLL(None, use_errno=True)

PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
CLONE_NEWUSER, CLONE_NEWNET, CLONE_NEWIPC, CLONE_NEWUTS = 0x10000000, 0x40000000, 0x08000000, 0x04000000
CLONE_THREAD = 0x00010000
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h

# What a decoder never needs: the network, other processes, names of kernel objects, mounts, new privileges. io_uring could
# open sockets past this filter.
_REFUSED_CALLS = """
    socket socketpair connect bind listen accept accept4 sendto sendmsg sendmmsg recvmmsg
    io_uring_setup io_uring_enter io_uring_register
    ptrace process_vm_readv process_vm_writev process_madvise kcmp pidfd_open pidfd_getfd pidfd_send_signal
    kill tkill rt_sigqueueinfo rt_tgsigqueueinfo setsid setpgid
    unshare setns mount umount2 pivot_root chroot move_mount open_tree fsopen fsmount fsconfig fspick mount_setattr
    bpf perf_event_open userfaultfd keyctl add_key request_key
    init_module finit_module delete_module kexec_load kexec_file_load reboot swapon swapoff acct quotactl
    open_by_handle_at name_to_handle_at fanotify_init inotify_init inotify_init1
    setuid setgid setreuid setregid setresuid setresgid setgroups capset personality
    mknod mknodat symlink symlinkat link linkat shmget shmat msgget semget mq_open
    sethostname setdomainname settimeofday clock_settime adjtimex clock_adjtime syslog vhangup iopl ioperm
"""
_NEW_PROCESS_CALLS = ("fork", "vfork", "execve", "execveat")


@dataclass(frozen=True, slots=True)
class SandboxLayers:
    """Which layers hold. Linux kernels from 5.13 and hosts that allow them have all four."""

    namespace: bool = False
    landlock: bool = False
    seccomp: bool = False
    memory: bool = False

    @property
    def network_closed(self) -> bool:
        return self.namespace or self.seccomp


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Of one process: bytes of address space and of each file written; seconds of CPU and in all."""

    memory: int
    file_bytes: int
    cpu_seconds: int
    seconds: int


def confine_early(limits: ProcessLimits) -> tuple[bool, bool]:
    """Before anything is imported, while there is one thread. Returns whether memory limit and namespace hold."""
    if _LINUX:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _limit(resource.RLIMIT_NOFILE, 64)
    _limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    # macOS takes the number and does not keep to it.
    memory = _limit(resource.RLIMIT_AS, limits.memory) and _LINUX
    namespace = _LINUX and _leave_network()
    if namespace:
        # Counted in the namespace alone; outside of it the number would include the worker's own processes.
        _limit(resource.RLIMIT_NPROC, 256)
    return memory, namespace


def confine(into: Path, readable: Iterable[Path], program: Path | None) -> tuple[bool, bool]:
    """After the imports, before the file is looked at. `program`: the one file that may be executed, if any.

    Returns whether Landlock and seccomp hold.
    """
    if not _LINUX:
        return False, False
    landlock = _see_only(into, readable, program)
    _drop_capabilities()
    return landlock, _refuse_calls(may_start_programs=program is not None)


def _limit(what: int, value: int) -> bool:
    """The soft limit a little below the hard one, so that the process is told before it is killed."""
    hard = value + 5 if what == resource.RLIMIT_CPU else value
    try:
        resource.setrlimit(what, (value, hard))
    except (ValueError, OSError):
        return False
    return True


def _leave_network() -> bool:
    """A user namespace of our own, so that no right is needed, and in it a network without devices."""
    user, group = os.geteuid(), os.getegid()
    others = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    if _libc.unshare(CLONE_NEWUSER | others) == 0:
        with contextlib.suppress(OSError):
            for name, content in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                Path(f"/proc/self/{name}").write_text(content, encoding="ascii")
        return True
    return bool(_libc.unshare(others) == 0)  # root on hosts that forbid user namespaces


def _see_only(into: Path, readable: Iterable[Path], program: Path | None) -> bool:
    if landlockpy is None:
        return False
    access = landlockpy.AccessFS
    read = access.READ_FILE | access.READ_DIR
    write = read | access.WRITE_FILE | access.TRUNCATE | access.MAKE_REG | access.REMOVE_FILE
    try:
        with landlockpy.Ruleset(scoped=landlockpy.Scope.ABSTRACT_UNIX_SOCKET | landlockpy.Scope.SIGNAL) as rules:
            rules.allow_path(into, write)
            for path in readable:
                if path.exists():
                    rules.allow_path(path, read if path.is_dir() else access.READ_FILE)
            for device in ("/dev/null", "/dev/urandom"):
                rules.allow_path(device, access.READ_FILE | access.WRITE_FILE)
            for file in (program, _loader_of(program)) if program else ():
                rules.allow_path(file, access.READ_FILE | access.EXECUTE)
            rules.restrict()
    except (landlockpy.LandlockError, OSError):
        return False
    return True


def _loader_of(program: Path) -> Path:
    """The dynamic loader that a program names in its first page; the program itself where it needs none."""
    with program.open("rb") as stream:
        found = re.search(rb"/lib[\w/.-]*/ld-[\w.-]+(?=\0)", stream.read(4096))
    return Path(os.fsdecode(found[0])) if found else program


def _drop_capabilities() -> None:
    """Root keeps no right beyond owning its files; a process in a user namespace has all of them there, and needs none."""
    for number in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    _libc.capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def _refuse_calls(*, may_start_programs: bool) -> bool:
    if pyseccomp is None:
        return False
    refused = pyseccomp.ERRNO(errno.EPERM)
    try:
        rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
        # Its flags lie in memory where no filter can look. The C library goes on with `clone`.
        _add(rules, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
        for name in _REFUSED_CALLS.split():
            _add(rules, refused, name)
        _add(rules, refused, "tgkill", pyseccomp.Arg(0, pyseccomp.NE, os.getpid()))
        if not may_start_programs:
            _add(rules, refused, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_THREAD, 0))
            for name in _NEW_PROCESS_CALLS:
                _add(rules, refused, name)
        rules.load()
    except (OSError, RuntimeError, ValueError):
        return False
    return True


def _add(rules: Any, action: int, name: str, *arguments: Any) -> None:
    """Calls that this machine's libseccomp or processor does not know are left out; those that matter it knows."""
    try:
        rules.add_rule(action, name, *arguments)
    except (OSError, RuntimeError, ValueError):
        if name in ("socket", "ptrace", "process_vm_readv"):
            raise
