"""Confine the current process before it reads an untrusted file.

The layers are independent, since hosts differ: resource limits (rlimit), a network without devices (user and network
namespace), no access to other files (Landlock), and no sockets or other system calls that decoders do not need (seccomp).
`SandboxLayers` tells which of them are active.
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

# Both load a system library, so they are imported before file access is restricted. Where the library is missing, the
# import fails with various exceptions.
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

# Never needed by a decoder: the network, other processes, named kernel objects, mounts, new privileges. io_uring could open
# sockets without passing this filter.
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
# Where shared libraries and Python's own modules are.
_SYSTEM = ("/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib", "/lib64", "/sys/devices/system/cpu")
SYSTEM_FOLDERS = (*map(Path, _SYSTEM), Path(sys.prefix), Path(sys.base_prefix))
_NEW_PROCESS_CALLS = ("fork", "vfork", "execve", "execveat")


@dataclass(frozen=True, slots=True)
class SandboxLayers:
    """The layers that are active. Linux since 5.13 has all four, unless the host forbids them."""

    namespace: bool = False
    landlock: bool = False
    seccomp: bool = False
    memory: bool = False

    @property
    def is_network_blocked(self) -> bool:
        return self.namespace or self.seccomp


@dataclass(frozen=True, slots=True)
class ProcessLimits:
    """Limits of one process: its address space, each file it writes, its CPU time and its elapsed time."""

    memory_bytes: int
    file_bytes: int
    cpu_seconds: int
    elapsed_seconds: int


def confine_before_imports(limits: ProcessLimits) -> tuple[bool, bool]:
    """Set resource limits and leave the network. Call it before decoders are imported, while there is one thread.

    Returns whether the memory limit and the namespace are active.
    """
    if _LINUX:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        _libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    _set_limit(resource.RLIMIT_CORE, 0)
    _set_limit(resource.RLIMIT_FSIZE, limits.file_bytes)
    _set_limit(resource.RLIMIT_NOFILE, 64)
    _set_limit(resource.RLIMIT_CPU, limits.cpu_seconds)
    # macOS accepts the limit and does not enforce it.
    memory = _set_limit(resource.RLIMIT_AS, limits.memory_bytes) and _LINUX
    namespace = _LINUX and _isolate_network()
    if namespace:
        # Counted within the namespace alone; without one the count would include the worker's own processes.
        _set_limit(resource.RLIMIT_NPROC, 256)
    return memory, namespace


def confine_before_reading(
    output_folder: Path | None, readable: Iterable[Path], program: Path | None
) -> tuple[bool, bool]:
    """Restrict files and system calls. Call it after the imports, before the untrusted file is read.

    Files may be written in `output_folder` alone, if any; `readable` are paths that may be read, `program` the one file that may
    be executed, if any. Returns whether Landlock and seccomp are active.
    """
    if not _LINUX:
        return False, False
    landlock = _restrict_files(output_folder, readable, program)
    _drop_capabilities()
    return landlock, _restrict_system_calls(may_start_programs=program is not None)


def _set_limit(kind: int, value: int) -> bool:
    """Set a resource limit. CPU time has a hard limit above the soft one: SIGXCPU, which explains the end, comes first."""
    hard = value + 5 if kind == resource.RLIMIT_CPU else value
    try:
        resource.setrlimit(kind, (value, hard))
    except (ValueError, OSError):
        return False
    return True


def _isolate_network() -> bool:
    """Enter a network namespace without devices, within a new user namespace so that no privilege is needed."""
    user, group = os.geteuid(), os.getegid()
    namespaces = CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS
    if _libc.unshare(CLONE_NEWUSER | namespaces) == 0:
        with contextlib.suppress(OSError):
            for name, content in (
                ("setgroups", "deny"),
                ("uid_map", f"{user} {user} 1"),
                ("gid_map", f"{group} {group} 1"),
            ):
                Path(f"/proc/self/{name}").write_text(content, encoding="ascii")
        return True
    return bool(_libc.unshare(namespaces) == 0)  # root on hosts that forbid user namespaces


def _restrict_files(output_folder: Path | None, readable: Iterable[Path], program: Path | None) -> bool:
    if landlockpy is None:
        return False
    access = landlockpy.AccessFS
    read = access.READ_FILE | access.READ_DIR
    write = read | access.WRITE_FILE | access.TRUNCATE | access.MAKE_REG | access.REMOVE_FILE
    try:
        with landlockpy.Ruleset(scoped=landlockpy.Scope.ABSTRACT_UNIX_SOCKET | landlockpy.Scope.SIGNAL) as rules:
            if output_folder is not None:
                rules.allow_path(output_folder, write)
            for path in readable:
                if path.exists():
                    rules.allow_path(path, read if path.is_dir() else access.READ_FILE)
            for device in ("/dev/null", "/dev/urandom"):
                rules.allow_path(device, access.READ_FILE | access.WRITE_FILE)
            for file in (program, _find_loader(program)) if program else ():
                rules.allow_path(file, access.READ_FILE | access.EXECUTE)
            rules.restrict()
    except (landlockpy.LandlockError, OSError):
        return False
    return True


def _find_loader(program: Path) -> Path:
    """Return the dynamic loader that a program names in its first page, or the program itself if it needs none."""
    with program.open("rb") as stream:
        match = re.search(rb"/lib[\w/.-]*/ld-[\w.-]+(?=\0)", stream.read(4096))
    return Path(os.fsdecode(match[0])) if match else program


def _drop_capabilities() -> None:
    """Drop all capabilities: root has them, and so has any process in a user namespace of its own."""
    for number in range(64):
        if _libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    _libc.capset((ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0), (ctypes.c_uint32 * 6)())


def _restrict_system_calls(*, may_start_programs: bool) -> bool:
    if pyseccomp is None:
        return False
    refused = pyseccomp.ERRNO(errno.EPERM)
    try:
        rules = pyseccomp.SyscallFilter(pyseccomp.ALLOW)
        # A filter cannot read the flags of clone3, which lie in memory. The C library falls back to clone.
        _add_rule(rules, pyseccomp.ERRNO(errno.ENOSYS), "clone3")
        for name in _REFUSED_CALLS.split():
            _add_rule(rules, refused, name)
        _add_rule(rules, refused, "tgkill", pyseccomp.Arg(0, pyseccomp.NE, os.getpid()))
        if not may_start_programs:
            _add_rule(rules, refused, "clone", pyseccomp.Arg(0, pyseccomp.MASKED_EQ, CLONE_THREAD, 0))
            for name in _NEW_PROCESS_CALLS:
                _add_rule(rules, refused, name)
        rules.load()
    except (OSError, RuntimeError, ValueError):
        return False
    return True


def _add_rule(rules: Any, action: int, name: str, *arguments: Any) -> None:
    """Add a rule; skip calls that this libseccomp or processor does not know, except three that every machine has."""
    try:
        rules.add_rule(action, name, *arguments)
    except (OSError, RuntimeError, ValueError):
        if name in ("socket", "ptrace", "process_vm_readv"):
            raise
