"""The journal of an upgrade on the disk: how far it is, and all that is needed to undo it.

    upgrade/state        the newest step, both releases, and what the database had; written whole or not at all
    upgrade/code         a link to the newer release, whose code undoes or completes an upgrade that was interrupted
    upgrade/files/       copies of configuration and units as they were, below folders of the same names
    upgrade/old.env, new-ROLE.env              variables of the owner role before, and of each role after
    upgrade/migrations                         the migrations that were applied

The folder appears and disappears in one act.
"""

from __future__ import annotations

import contextlib
import enum
import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from core.atomic_files import PARTIAL_PREFIX, flush_folder, write_atomically
from core.roles import Role
from tipportal.deploy.setup import layout, scripts
from tipportal.deploy.setup.machine import Machine, Rights, StepFailedError
from tipportal.deploy.upgrade.schema_additions import SchemaObject

FOLDER = layout.DATA / "upgrade"
UNITS = Path("/etc/systemd/system")
OLD_VARIABLES = FOLDER / "old.env"
_LOCK = layout.DATA / "upgrade.lock"


class LockedError(StepFailedError):
    """Another process changes the installation."""


class Stage(enum.IntEnum):
    """Steps of an upgrade in their order. Each is noted before it begins."""

    PREPARED = 1
    CLOSING = 2
    MIGRATING = 3
    SWITCHING = 4
    STARTING = 5
    OPENING = 6  # from here on there is no way back
    COMPLETING = 7


@dataclass
class State:
    """`objects` and `migrations` are those of the database before; `closed_at` is in seconds of the clock.

    `server_acts`: what systemd must still do with store and proxy, once the files that tell it have been put back.
    """

    stage: int
    old: str
    new: str
    objects: list[SchemaObject]
    migrations: list[str]
    closed_at: float = 0.0
    server_acts: list[tuple[str, str]] = field(default_factory=list)


def new_variables_of(role: Role) -> Path:
    """Return the path of a role's variables in the newer release."""
    return FOLDER / f"new-{role}.env"


class Journal:
    """The journal of the upgrade that goes on or was interrupted. `state` is None if there is none."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self.folder = machine.path(FOLDER)
        file = self.folder / "state"
        self.state: State | None = State(**json.loads(file.read_text())) if file.exists() else None

    def begin(self, state: State, new_variables: Mapping[Role, str]) -> None:
        """Copy what an upgrade replaces, and make the folder. `new_variables` has the texts of the roles' files."""
        partial = self.folder.with_name(f"{PARTIAL_PREFIX}upgrade")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o755)
        (partial / "files").mkdir(mode=0o700)
        for path in self._list_files():
            copy = partial / "files" / path.relative_to("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            _copy(self._machine.path(path), copy)
        (partial / "code").symlink_to(self._machine.path(Path(state.new)))
        old_variables = self._machine.path(layout.environment_file(Role.OWNER)).read_text()
        migrations = "".join(f"{migration}\n" for migration in state.migrations)
        texts = [(Role.OWNER, OLD_VARIABLES.name, old_variables), (Role.OWNER, "migrations", migrations)]
        texts += [(role, new_variables_of(role).name, text) for role, text in new_variables.items()]
        for role, name, text in texts:
            rights = Rights("root", role.unix_user, 0o640)
            self._machine.write(FOLDER.with_name(partial.name) / name, text.encode(), rights)
        write_atomically(partial / "state", json.dumps(asdict(state)).encode(), mode=0o600)
        partial.rename(self.folder)
        flush_folder(self.folder.parent)
        self.state = state

    def note(self, stage: int, **changes: object) -> None:
        """Write that this stage begins."""
        assert self.state is not None
        self.state = State(**{**asdict(self.state), **changes, "stage": int(stage)})
        write_atomically(self.folder / "state", json.dumps(asdict(self.state)).encode(), mode=0o600)

    def end(self) -> None:
        """Remove the folder: there is no upgrade any longer."""
        done = self.folder.with_name(f"{PARTIAL_PREFIX}upgrade")
        shutil.rmtree(done, ignore_errors=True)
        self.folder.rename(done)
        flush_folder(done.parent)
        self.state = None
        shutil.rmtree(done)

    def has_changed(self, path: Path) -> bool:
        """Return whether a file has another content than before the upgrade."""
        copy, there = self.folder / "files" / path.relative_to("/"), self._machine.path(path)
        contents = [each.read_bytes() if each.exists() else None for each in (copy, there)]
        return contents[0] != contents[1]

    def list_added(self) -> list[Path]:
        """Return the files of configuration and units that weren't there before."""
        return [path for path in self._list_files() if not (self.folder / "files" / path.relative_to("/")).exists()]

    def put_back(self) -> None:
        """Make configuration and units what they were."""
        for path in self.list_added():
            self._machine.path(path).unlink()
        copies = self.folder / "files"
        for copy in sorted(copies.rglob("*")):
            if copy.is_file():
                _copy(copy, self._machine.path(Path("/") / copy.relative_to(copies)))

    def _list_files(self) -> list[Path]:
        folders = [(layout.CONFIGURATION, "*"), (UNITS, "portal*")]
        found = [
            folder / path.name
            for folder, pattern in folders
            for path in sorted(self._machine.path(folder).glob(pattern))
            if path.is_file() and not path.name.startswith(PARTIAL_PREFIX)
        ]
        return [*found, *(path for path in (scripts.COMMAND, scripts.JOURNAL) if self._machine.path(path).exists())]


def _copy(source: Path, target: Path) -> None:
    """Copy a file with owner and mode, whole or not at all."""
    status = source.stat()
    write_atomically(target, source.read_bytes(), mode=0o600)
    if os.geteuid() == 0:
        os.chown(target, status.st_uid, status.st_gid)
    target.chmod(status.st_mode & 0o7777)


@contextlib.contextmanager
def lock(machine: Machine) -> Iterator[None]:
    """Let no other process change the installation. Raises LockedError if one does."""
    machine.path(_LOCK).parent.mkdir(parents=True, exist_ok=True)
    with machine.path(_LOCK).open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError("Another run of the installer is at work. Wait until it has ended.") from None
        yield
