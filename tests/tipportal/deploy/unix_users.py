"""Unix users of the roles by number alone: those of an installation, with its groups, and none that this machine has to know.

Only root can become another user. Elsewhere everything has one user.
"""

from __future__ import annotations

import os
import shlex
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from core.roles import Role
from tests.stack import ROOT
from tipportal.deploy import role_files
from tipportal.deploy.setup import layout

IS_ROOT = os.geteuid() == 0
# Ids of nobody's. Each user's own group has its number; root's are 0.
_IDS = {"root": 0}
_IDS |= {role.unix_user: 54_001 + number for number, role in enumerate(layout.ROLES)}
_IDS |= {group: 54_101 + number for number, group in enumerate(role_files.GROUPS)}


def user_of(role: Role) -> int:
    return _IDS[role.unix_user]


def groups_of(role: Role) -> list[int]:
    return [_IDS[group] for group, roles in role_files.GROUPS.items() if role in roles]


def give(path: Path, item: role_files.SecretFile | role_files.Folder) -> None:
    """Give a file, or a folder with all that is in it, to the owner and group, and with the mode, that an installation gives it."""
    owner, group = role_files.owner_of(item)
    path.chmod(item.mode)
    if not IS_ROOT:
        return
    for each in (path, *path.rglob("*")):
        os.chown(each, _IDS[owner], _IDS[group])
    path.chmod(item.mode)  # a new group takes the setgid bit away


def share_socket(path: Path, group: str) -> None:
    """Let the members of a group reach a server by its socket. The folder is open to all, as /run is."""
    path.parent.chmod(0o755)
    if IS_ROOT:
        os.chown(path, -1, _IDS[group])
        path.chmod(0o770)


def become(role: Role) -> list[str]:
    """Return the beginning of a command that runs as the role's user, which reaches the project and its Python."""
    if not IS_ROOT:
        return []
    user, groups = str(user_of(role)), ",".join(map(str, groups_of(role)))
    switch = ["setpriv", "--reuid", user, "--regid", user, "--groups", groups, "--no-new-privs", "--pdeathsig", "TERM"]
    needed = [Path(path).resolve() for path in (sys.base_prefix, sys.prefix, ROOT)]
    closed = {folder for path in needed for folder in _list_closed(path)}
    if not closed:
        return switch
    # A Python below /root, for example. Others get a way to it, and see nothing else there, in a namespace of their own.
    script = _write_way(needed, closed)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", f'{script}\nexec "$@"', "sh", *switch]


def _list_closed(path: Path) -> Iterator[Path]:
    """Yield the outermost folder on the way to a path that others can't enter, if there is one."""
    for folder in reversed(path.parents):
        if not stat.S_IMODE(folder.stat().st_mode) & stat.S_IXOTH:
            yield folder
            return


def _write_way(needed: list[Path], closed: set[Path]) -> str:
    behind = [path for path in needed if closed & {*path.parents}]
    lines = ["set -e", "way=$(mktemp -d)", "mount -t tmpfs -o mode=700 none $way"]
    for number, path in enumerate(behind):
        lines += [f"mkdir $way/{number}", f"mount --bind {shlex.quote(str(path))} $way/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 none {shlex.quote(str(folder))}" for folder in sorted(closed)]
    for number, path in enumerate(behind):
        quoted = shlex.quote(str(path))
        lines += [f"mkdir -p {quoted}", f"mount --bind $way/{number} {quoted}"]
    return "\n".join((*lines, 'rmdir "$way" 2>/dev/null || :'))


def make_open_folder() -> Path:
    """Make a folder that every user can reach and nobody else but root can write to."""
    folder = Path(tempfile.mkdtemp(prefix="portal-users-"))
    folder.chmod(0o755)
    return folder
