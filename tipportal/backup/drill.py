"""A drill: restore a backup into a scratch database that no role can open, read all its files, and leave nothing behind.

It does what a restore does, except that files are read and not written. Nothing runs on the scratch database: it mails nobody
and opens no tip.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection
from psycopg2 import sql

from tipportal.backup import records, restoration
from tipportal.backup.errors import BackupError
from tipportal.backup.packs import read_files
from tipportal.backup.restoration import OpenBackup, RestoredDatabase

SUFFIX = "_drill"


@dataclass(frozen=True, slots=True)
class Proof:
    """The result of a drill. `unread_packs`: of earlier backups, whose keys only the safe has; their checksums are right."""

    database: RestoredDatabase
    read_files: int
    unread_packs: int


def prove(backup: OpenBackup, *, with_key: bool) -> Proof:
    """Restore a backup for proof and record that it worked. `with_key`: with the key from the safe. Raises BackupError."""
    backup.check_parts()
    with _scratch_database():
        database = restoration.fill_database(backup)
    places = backup.read_places()
    for file, pieces in read_files(backup.parts, backup.open_packs, backup.keys, places):
        if sum(map(len, pieces)) != places[file].stop - places[file].start:
            raise BackupError(f"The file {file} of this backup is cut short.")
    unread = len(backup.manifest.packs) - len(backup.open_packs)
    if not unread and (lost := database.files - places.keys()):
        raise BackupError(f"{len(lost)} rows of this backup name a file that isn't in it.")
    records.note_proof(with_key=with_key)
    return Proof(database, len(places), unread)


@contextlib.contextmanager
def _scratch_database() -> Iterator[None]:
    """Connect to the scratch database instead of the portal's, and leave nothing in it."""
    name = connection.settings_dict["NAME"]
    scratch = f"{name}{SUFFIX}"
    is_ours = _create_database(scratch)
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(sql.Identifier(scratch)))
    connection.close()
    connection.settings_dict["NAME"] = scratch
    try:
        restoration.empty_schema()
        yield
    finally:
        with contextlib.suppress(DatabaseError):
            restoration.empty_schema()
        connection.close()
        connection.settings_dict["NAME"] = name
        ContentType.objects.clear_cache()
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(scratch)))


def _create_database(name: str) -> bool:
    """Create the scratch database if it isn't there, and return whether that was needed. Raises BackupError."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_database WHERE datname = %s)", [name])
        if cursor.fetchone()[0]:
            return False
        try:
            # A copy of template0 has the portal's encoding whatever was done to template1.
            cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
        except DatabaseError as error:
            raise BackupError(
                f"A drill needs a scratch database. Create it once as PostgreSQL's superuser: CREATE DATABASE {name} OWNER portal_owner;"
            ) from error
    return True
