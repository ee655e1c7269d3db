"""The operating-system account PostgreSQL runs under.

PostgreSQL refuses to run as root. Root is mapped to another number in a user namespace; where namespaces are forbidden (some
containers), PostgreSQL runs as an unprivileged account of this machine, which then owns the data.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import stat
import sys
from pathlib import Path

CLONE_NEWUSER = 0x10000000
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class PostgresAccount:
    """The account for the data in `folder` and the programs in `programs`; both must be reachable for it."""

    def __init__(self, folder: Path, programs: Path) -> None:
        self.is_root = os.geteuid() == 0
        self.uses_namespace = self.is_root and can_disguise_root()
        if self.is_root:
            account = choose_unprivileged_account()
            self.uid, self.gid = account.pw_uid, account.pw_gid
        else:
            self.uid, self.gid = os.geteuid(), os.getegid()
        if self._changes_owner:
            for path in (folder, programs):
                _make_reachable(path)
        self.give(folder)

    @property
    def _changes_owner(self) -> bool:
        return self.is_root and not self.uses_namespace

    def give(self, *paths: Path) -> None:
        """Give the account files and folders with their content. A disguised root keeps them: on disk they are root's."""
        uid, gid = (self.uid, self.gid) if self._changes_owner else (os.geteuid(), os.getegid())
        for path in paths:
            if path.stat().st_uid == uid:
                continue
            os.chown(path, uid, gid)
            for parent, folders, files in os.walk(path):
                for name in (*folders, *files):
                    os.chown(Path(parent, name), uid, gid, follow_symlinks=False)

    def become(self) -> None:
        """Switch this process to the account. Call it between fork and exec."""
        if self.uses_namespace:
            disguise_root(self.uid, self.gid)
        elif self.is_root:
            os.setgroups([])
            os.setgid(self.gid)
            os.setuid(self.uid)


def _make_reachable(path: Path) -> None:
    """Let other accounts walk through the folders above `path`, without listing them."""
    for folder in (path, *path.parents):
        mode = stat.S_IMODE(folder.stat().st_mode)
        if folder != path and not mode & stat.S_IXOTH:
            folder.chmod(mode | stat.S_IXOTH)


def choose_unprivileged_account() -> pwd.struct_passwd:
    """Return an account of this machine that is not root: PostgreSQL's own if there is one."""
    accounts = {account.pw_name: account for account in pwd.getpwall() if account.pw_uid > 0}
    return accounts.get("postgres") or accounts.get("nobody") or next(iter(accounts.values()))


def disguise_root(uid: int, gid: int) -> None:
    """Enter a user namespace where root has the number `uid`. Call it between fork and exec.

    Files keep their owner on disk, and nothing is created on the machine. Raises OSError if the host forbids namespaces.
    """
    root_uid, root_gid = os.geteuid(), os.getegid()
    if _libc is None or _libc.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "user namespaces are not available")
    for file, content in (
        ("uid_map", f"{uid} {root_uid} 1"),
        ("setgroups", "deny"),
        ("gid_map", f"{gid} {root_gid} 1"),
    ):
        descriptor = os.open(f"/proc/self/{file}", os.O_WRONLY)
        os.write(descriptor, content.encode())
        os.close(descriptor)


def can_disguise_root() -> bool:
    """Return whether this host allows the user namespace, by trying it in a child process."""
    account = choose_unprivileged_account()
    pid = os.fork()
    if pid == 0:
        try:
            disguise_root(account.pw_uid, account.pw_gid)
            os._exit(0 if os.geteuid() == account.pw_uid else 1)
        except BaseException:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0
