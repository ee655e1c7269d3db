"""The ledger: marks of rows that no backup may bring back, in a file beside the backups that is newer than they are.

The database collects the marks as rows are erased or restricted (rules.sql, `ledger_note`): a mark is a keyed hash of the row's
values, and the key is in the database. Only together with a restored row does it say something: that this row is to be erased again, this role to be taken away
again. The file is signed. Each export brings a multiple of BLOCK new marks, random ones among them, so that neither its size nor a
comparison of two exports tells whether a source deleted a tip in between.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from core.atomic_files import write_atomically
from tipportal.backup import backup_folder, manifests
from tipportal.backup.backup_keys import ServerKey
from tipportal.backup.errors import BackupError
from tips import vault

BLOCK = 32
FILE_NAME = "ledger"
_LABEL = b"ledger of erasures"
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class Ledger:
    """Marks, each with its day, as they were on `day`."""

    day: dt.date
    marks: tuple[tuple[str, str], ...]


def export(folder: Path, key: ServerKey) -> None:
    """Write the marks that can concern a backup to the folder. Raises OSError."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT current_date")
        today: dt.date = cursor.fetchone()[0]
        cursor.execute("DELETE FROM core_erasuremark WHERE day < %s", [_find_oldest_day(folder, today)])
        cursor.execute(
            "INSERT INTO core_erasuremark (mark, day) SELECT gen_random_uuid(), current_date"
            " FROM generate_series(1, %s - (SELECT count(*) FROM core_erasuremark) %% %s)",
            [BLOCK, BLOCK],
        )
        cursor.execute("SELECT mark::text, day::text FROM core_erasuremark ORDER BY mark")
        marks = cursor.fetchall()
    content = json.dumps({"key_id": key.id, "day": today.isoformat(), "marks": marks}).encode()
    write_atomically(folder / FILE_NAME, vault.sign(key.seed, content, _LABEL), mode=0o600)


def _find_oldest_day(folder: Path, today: dt.date) -> dt.date:
    """Return the day from which on marks are needed: that of the oldest backup, also if it should have been deleted."""
    oldest = today - dt.timedelta(days=settings.BACKUP_DAYS)
    if names := manifests.list_names(backup_folder.sets_folder(folder)):
        oldest = min(oldest, dt.date.fromisoformat(names[0][:10]))
    return oldest - dt.timedelta(days=2)  # days of time zones differ


def find_key_id(folder: Path) -> str:
    """Return the id of the key that the ledger says it is signed with. Raises BackupError."""
    try:
        return str(json.loads((folder / FILE_NAME).read_bytes()[_SIGNATURE_BYTES:])["key_id"])
    except FileNotFoundError as error:
        raise BackupError(
            f"There is no ledger in {folder}, so tips that were erased since the backup would come back. Copy the newest"
            " file named ledger there. If it is lost, restore with --without-ledger."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _damaged(folder) from error


def read_ledger(folder: Path, verify: bytes) -> Ledger:
    """Return the ledger, if it is signed by the server with this key. Raises BackupError."""
    try:
        values = json.loads(vault.open_signed(verify, (folder / FILE_NAME).read_bytes(), _LABEL))
    except (OSError, ValueError, vault.SealError) as error:
        raise _damaged(folder) from error
    return Ledger(dt.date.fromisoformat(values["day"]), tuple((mark, day) for mark, day in values["marks"]))


def _damaged(folder: Path) -> BackupError:
    return BackupError(
        f"{folder / FILE_NAME} was changed or cut short, or isn't signed by your server. Use another copy of it."
    )
