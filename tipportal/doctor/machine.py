"""Checks of this machine: swap, its clock, free space, and whether each role runs as a Unix user of its own."""

from __future__ import annotations

import ctypes
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from core.roles import Role
from tipportal import disk_space
from tipportal.doctor.findings import Finding, summarize

_TIMEX_BYTES = 512  # more than struct timex has (adjtimex(2))
_TIME_ERROR = 5
_FOLDERS = ("MEDIA_STORE", "INCIDENT_SNAPSHOTS", "INCIDENT_CACHE", "INCIDENT_UPLOADS")
_KEYS = (
    "RECEIPT_SALT",
    "AGENCY_PRIVATE_KEYS",
    "AUDIT_KEY",
    "FACTOR_KEY",
    "MEDIA_PRIVATE_KEYS",
    "ADDRESS_PRIVATE_KEYS",
    "ADDRESS_HASH_KEY",
    "ALERT_CHANNEL_PRIVATE_KEYS",
)
_KEY_NAMES = re.compile(r".*\.key|.*(salt|_key|secret.*)")


@dataclass(frozen=True, slots=True)
class RunningProcess:
    """A process of the portal on this machine: its id, role, Unix user, and whether it may write a core dump."""

    id: int
    role: Role
    user: int
    may_dump: bool


def check_swap(swaps: Path = Path("/proc/swaps"), devices: Path = Path("/sys/dev/block")) -> list[Finding]:
    """Look for swap space on a disk that is not encrypted."""
    lines = swaps.read_text().splitlines()[1:] if swaps.exists() else []
    faults = [
        f"Memory may be written unencrypted to the swap space {name}: texts of sources, and keys. Turn it off"
        " (swapoff --all, and its line in /etc/fstab), or encrypt it."
        for name in (line.split()[0] for line in lines)
        if not _is_closed(name, devices)
    ]
    return summarize(faults, "No memory is written to a disk as swap.")


def _is_closed(name: str, devices: Path) -> bool:
    """Return whether swap lies in memory (zram) or on an encrypted device (dm-crypt)."""
    try:
        status = os.stat(name)
    except OSError:
        return False
    number = status.st_rdev or status.st_dev
    device = devices / f"{os.major(number)}:{os.minor(number)}"
    uuid = device / "dm" / "uuid"
    return device.resolve().name.startswith("zram") or (uuid.exists() and uuid.read_text().startswith("CRYPT-"))


def is_clock_synchronized() -> bool:
    """Return what the kernel knows of this machine's clock; True on systems without adjtimex, which can't tell."""
    if sys.platform != "linux":
        return True
    # All zeros: nothing is set, so no right is needed.
    return bool(ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(_TIMEX_BYTES)) != _TIME_ERROR)


def check_disks() -> list[Finding]:
    """Look at the disks of this role's folders."""
    paths = {name: getattr(settings, name) for name in _FOLDERS}
    folders = {name: path for name, path in paths.items() if path is not None and path.is_dir()}
    faults = [
        f"The disk of {name} ({path}) is almost full: {filesizeformat(disk_space.count_free_bytes(path))} are left. Free"
        " some space."
        for name, path in folders.items()
        if disk_space.is_almost_full(path)
    ]
    return summarize(faults, "The disks have room." if folders else "This role writes to no folder.")


def check_other_keys() -> list[Finding]:
    """Look beside this role's keys for those of other roles that the user of this process can read.

    Root can read all of them, so this tells something only as the user of the role.
    """
    own = {path for name in _KEYS if (path := getattr(settings, name)) is not None}
    if os.geteuid() == 0 or not own:
        return []
    found = {
        path
        for folder in {path.parent for path in own}
        for path in _list_keys(folder)
        if not any(path == mine or mine in path.parents for mine in own) and os.access(path, os.R_OK)
    }
    faults = [
        f"The user of the {settings.ROLE} role can read {path}, which is a key of another role. Give it to that role's user"
        " and run chmod 600 on it."
        for path in sorted(found)
    ]
    return summarize(faults, f"The user of the {settings.ROLE} role can read no key of another role.")


def _list_keys(folder: Path) -> Iterator[Path]:
    """Yield the files of this folder, and of those in it, that are named as keys are."""
    for entry in _list_folder(folder):
        if entry.is_dir():
            yield from (path for path in _list_folder(entry) if _KEY_NAMES.fullmatch(path.name))
        elif _KEY_NAMES.fullmatch(entry.name):
            yield entry


def _list_folder(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def check_users(proc: Path = Path("/proc")) -> list[Finding]:
    """Look at the processes that run here: no two roles may share a Unix user, none may be root or write core dumps."""
    running = list(_list_processes(proc))
    roles_of: dict[int, set[Role]] = {}
    for process in running:
        roles_of.setdefault(process.user, set()).add(process.role)
    faults = [
        f"The roles {', '.join(sorted(roles))} run as the same Unix user (id {user}), so each can read the keys and the memory"
        " of the others. Give each role a user of its own."
        for user, roles in sorted(roles_of.items())
        if len(roles) > 1
    ]
    faults += [
        f"The role {', '.join(sorted(roles))} runs as root. Give it a user of its own."
        for user, roles in roles_of.items()
        if user == 0 and len(roles) == 1
    ]
    dumping = sorted({process.role for process in running if process.may_dump})
    if dumping:
        faults.append(
            f"Processes of these roles may write their memory to a core dump: {', '.join(dumping)}. Set LimitCORE=0 (ulimit -c"
            " 0) for them."
        )
    return summarize(faults, "Each role that we can see here runs as a Unix user of its own.") if running else []


def _list_processes(proc: Path) -> Iterator[RunningProcess]:
    """Yield the portal's processes whose environment this user may read: all of them for root, else its own."""
    for folder in proc.glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            environment = (folder / "environ").read_bytes()
            limits, user = (folder / "limits").read_text(), folder.stat().st_uid
        except OSError:
            continue
        role = re.search(rb"(?:^|\0)PORTAL_ROLE=(\w+)\0", environment)
        is_service = b"tipportal" in command and (b"gunicorn" in command or b"celery" in command)
        if role and is_service and role[1].decode() in list(Role):
            dump = re.search(r"Max core file size\s+(\w+)", limits)
            yield RunningProcess(int(folder.name), Role(role[1].decode()), user, bool(dump and dump[1] != "0"))
