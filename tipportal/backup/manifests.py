"""Manifests: which parts are a backup, signed by the server. A file under `sets/`, written last and whole.

    Ed25519 signature (64) | JSON

The name begins with the time, so names sort by age. A manifest tells its readers the sizes of parts, which are rounded up
coarsely, and when the backup was made: by the clock of the timer.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from core.atomic_files import write_atomically
from tipportal.backup.errors import BackupError
from tipportal.backup.sealed_parts import Part
from tips import vault

FORMAT = 1
_LABEL = b"manifest of a backup"
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Manifest:
    """A backup. `migrations` are those of its database, as app.name; `postgres` is the major version of its server."""

    name: str
    version: str
    made_at: dt.datetime
    expires_on: dt.date
    key_id: str
    postgres: int
    migrations: tuple[str, ...]
    database: Part
    index: Part
    index_key_for_server: str
    packs: tuple[Part, ...]

    @property
    def parts(self) -> tuple[Part, ...]:
        return (self.database, self.index, *self.packs)


def write_manifest(folder: Path, manifest: Manifest, seed: bytes) -> None:
    values = asdict(manifest) | {"made_at": manifest.made_at.isoformat(), "expires_on": manifest.expires_on.isoformat()}
    content = json.dumps({"format": FORMAT} | values).encode()
    write_atomically(folder / manifest.name, vault.sign(seed, content, _LABEL), mode=0o600, overwrite=False)


def list_names(folder: Path) -> list[str]:
    """Return the names of the backups, oldest first."""
    return sorted(path.name for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def find_key_id(path: Path) -> str:
    """Return the id of the key that a manifest says it is sealed to. Not proven: for finding the key. Raises BackupError."""
    try:
        return str(json.loads(path.read_bytes()[_SIGNATURE_BYTES:])["key_id"])
    except FileNotFoundError as error:
        raise BackupError(f"There is no backup {path.name} in {path.parent}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path) from error


def read_manifest(path: Path, verify: bytes) -> Manifest:
    """Return a manifest whose signature is of the server with this key. Raises BackupError."""
    try:
        values = json.loads(vault.open_signed(verify, path.read_bytes(), _LABEL))
    except (vault.SealError, ValueError) as error:
        raise _damaged(path) from error
    except OSError as error:
        raise BackupError(f"{path} can't be read: {error.strerror}.") from error
    if values.pop("format") != FORMAT:
        raise BackupError(
            f"The backup {path.name} was made by a newer version of the portal. Install that version first."
        )
    if values["name"] != path.name:
        raise BackupError(f"The backup {values['name']} is under another name, {path.name}. Give it back its name.")
    return _build_manifest(values)


def _build_manifest(values: Mapping) -> Manifest:
    return Manifest(
        **dict(values)
        | {
            "made_at": dt.datetime.fromisoformat(values["made_at"]),
            "expires_on": dt.date.fromisoformat(values["expires_on"]),
            "migrations": tuple(values["migrations"]),
            "database": Part(**values["database"]),
            "index": Part(**values["index"]),
            "packs": tuple(Part(**part) for part in values["packs"]),
        }
    )


def _damaged(path: Path) -> BackupError:
    return BackupError(
        f"The manifest of the backup {path.name} was changed or cut short, or isn't signed by your server. Don't restore it: use"
        " another backup or another copy."
    )
