"""Restore a backup into an empty database and an empty store, while no role runs.

Until the last step no role has any right: first everything erased since is erased again. A restore that was interrupted
left a table named `restore_unfinished`, and starts from the beginning.
"""

from __future__ import annotations

import datetime as dt
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from core.atomic_files import PARTIAL_PREFIX
from tipportal.backup import backup_folder, database_dump, ledger, manifests, sealed_parts
from tipportal.backup.backup_keys import load_safe_key
from tipportal.backup.backup_writer import read_index
from tipportal.backup.errors import BackupError, explain
from tipportal.backup.ledger import Ledger
from tipportal.backup.manifests import Manifest
from tipportal.backup.packs import Places, read_files
from tipportal.backup.replay import Restriction, replay
from tipportal.backup.sealed_parts import Part, PartReader
from tipportal.deploy import database_rights
from tipportal.version import VERSION
from tips.files import sealed_store
from tips.models import Attachment, Message, Tip

_MARKER = "restore_unfinished"
_PER_FILE_BYTES = 4096
_ONE_DAY = dt.timedelta(days=1)  # days of time zones differ


@dataclass(frozen=True, slots=True)
class OpenBackup:
    """A backup with the keys of its parts, by their ids. A drill right after a backup has those of new parts alone."""

    folder: Path
    manifest: Manifest
    keys: dict[str, bytes]
    ledger: Ledger | None

    @property
    def parts(self) -> Path:
        return backup_folder.parts_folder(self.folder)

    @property
    def open_packs(self) -> list[Part]:
        return [pack for pack in self.manifest.packs if pack.id in self.keys]

    def check_parts(self) -> None:
        """Compare every part with the manifest. Raises BackupError."""
        for part in self.manifest.parts:
            sealed_parts.check_part(self.parts, part)

    def read_places(self) -> Places:
        """Return where the files are, of those packs that are open."""
        places = read_index(self.parts, self.manifest.index, self.keys[self.manifest.index.id])
        ids = {pack.id for pack in self.open_packs}
        return {file: place for file, place in places.items() if place.pack in ids}


@dataclass(frozen=True, slots=True)
class RestoredDatabase:
    """Counts of a restored database: rows that residents and officers would miss, and what was erased or restricted again."""

    tips: int
    messages: int
    files: frozenset[str]
    restrictions: list[Restriction]


def open_backup(
    folder: Path, safe_folder: Path, name: str | None = None, *, without_ledger: bool = False
) -> OpenBackup:
    """Return a backup with its keys, by default the newest. Raises BackupError."""
    sets = backup_folder.sets_folder(folder)
    names = manifests.list_names(sets) if sets.is_dir() else []
    if not names:
        raise BackupError(f"There is no backup in {folder}.")
    path = sets / Path(name or names[-1]).name
    key = load_safe_key(safe_folder, manifests.find_key_id(path))
    manifest = manifests.read_manifest(path, key.verify)
    safe_keys = {part.key_id: load_safe_key(safe_folder, part.key_id) for part in manifest.parts}
    keys = {part.id: safe_keys[part.key_id].open(part.sealed_key) for part in manifest.parts}
    return OpenBackup(folder, manifest, keys, None if without_ledger else _open_ledger(folder, safe_folder, manifest))


def _open_ledger(folder: Path, safe_folder: Path, manifest: Manifest) -> Ledger:
    found = ledger.read_ledger(folder, load_safe_key(safe_folder, ledger.find_key_id(folder)).verify)
    if found.day < manifest.made_at.date() - _ONE_DAY:
        raise BackupError(
            f"The ledger in {folder} is of {found.day} and older than the backup. Copy the newest file named ledger there, or"
            " restore with --without-ledger."
        )
    return found


def restore(backup: OpenBackup, report: Callable[[str], object]) -> RestoredDatabase:
    """Restore the database and the store, and give the roles their rights. Raises BackupError."""
    if settings.MEDIA_STORE is None or not settings.MEDIA_STORE.is_dir():
        raise BackupError("MEDIA_STORE must name an empty folder for sources' files. Set it for the owner role.")
    _check_versions(backup.manifest)
    report("Comparing all parts with the manifest …")
    backup.check_parts()
    report("Restoring the database …")
    database = fill_database(backup)
    places = {file: place for file, place in backup.read_places().items() if file in database.files}
    report("Restoring sources' files …")
    try:
        write_files(backup, places)
    except OSError as error:
        raise explain(error, settings.MEDIA_STORE) from error
    _open_to_roles()
    return database


def fill_database(backup: OpenBackup) -> RestoredDatabase:
    """Fill the empty database that is connected, and leave it closed to all roles but the owner. Raises BackupError."""
    _check_versions(backup.manifest)
    _prepare_schema()
    manifest = backup.manifest
    with PartReader(backup.parts, manifest.database, backup.keys[manifest.database.id]) as reader:
        database_dump.restore_database(reader.read())
    ContentType.objects.clear_cache()
    call_command("migrate", without_rights=True, verbosity=0, interactive=False)
    restrictions = replay(backup.ledger)
    files = Attachment.objects.filter(file__isnull=False).values_list("file", flat=True)
    return RestoredDatabase(Tip.objects.count(), Message.objects.count(), frozenset(map(str, files)), restrictions)


def write_files(backup: OpenBackup, places: Places) -> None:
    """Write files to the store, over those with the same names. Raises BackupError and OSError."""
    store = sealed_store.store_folder()
    needed = sum(place.stop - place.start + _PER_FILE_BYTES for place in places.values())
    if shutil.disk_usage(store).free < needed:
        raise BackupError(f"{store} has too little free space: sources' files need {needed // 1024**2 + 1} MiB.")
    mode = sealed_store.file_mode()
    for file, pieces in read_files(backup.parts, backup.open_packs, backup.keys, places):
        path, partial = store / str(UUID(file)), store / f"{PARTIAL_PREFIX}{file}"
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
            stream.writelines(pieces)
            os.fchmod(stream.fileno(), mode)
        os.utime(partial, (0, 0))
        partial.rename(path)
    os.sync()


def _check_versions(manifest: Manifest) -> None:
    unknown = set(manifest.migrations) - {f"{app}.{name}" for app, name in MigrationLoader(None).disk_migrations or ()}
    if unknown:
        raise BackupError(
            f"The backup {manifest.name} was made by version {manifest.version} of the portal, and this is {VERSION}. Install that"
            " version first."
        )
    if (version := database_dump.find_server_version()) < manifest.postgres:
        raise BackupError(
            f"The backup is of PostgreSQL {manifest.postgres}, and this server is PostgreSQL {version}. Use the same version or"
            " a newer one."
        )


def _prepare_schema() -> None:
    """Empty what an interrupted restore left, close the schema to all roles, and mark it. Raises BackupError."""
    with connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        if tables and _MARKER not in tables:
            raise BackupError(
                f"The database {connection.settings_dict['NAME']} isn't empty. Restore into a new one: stop all processes, rename"
                " the old database, and create an empty one for portal_owner."
            )
        if tables:
            empty_schema()
        cursor.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        cursor.execute(f"CREATE TABLE {_MARKER} ()")


def empty_schema() -> None:
    """Remove everything from the connected database."""
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE")
        cursor.execute("CREATE SCHEMA public")


def _open_to_roles() -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE {_MARKER}")
        database_rights.grant(cursor)
