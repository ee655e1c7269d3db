"""Write a backup while the portal works: no row without its file.

A file is whole before a row names it, never changes after, and is removed after the row that names it has changed. So first
all files that rows name now are copied, then those of an exported snapshot that have come since. If one of these was removed in
that moment, the next snapshot names it no longer, and is taken instead; the dump is of the first snapshot whose files are all here.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from tipportal.backup import backup_folder, database_dump, ledger, manifests, records
from tipportal.backup.backup_keys import ServerKey, load_server_keys
from tipportal.backup.errors import BackupError, explain
from tipportal.backup.manifests import Manifest
from tipportal.backup.packs import PackWriter, Place, Places, choose_packs
from tipportal.backup.sealed_parts import Part, PartReader, PartWriter
from tipportal.version import VERSION
from tips import vault
from tips.models import AgencyKey, Attachment

_INDEX_LABEL = b"key of a backup's index"
_STEP_BYTES = 1024**2
_MOST_SNAPSHOTS = 50


@dataclass(frozen=True, slots=True)
class NewBackup:
    """A backup that was just written. `keys` of its new parts by their ids, for a drill at once; they are stored nowhere."""

    manifest: Manifest
    keys: dict[str, bytes]
    file_count: int
    new_bytes: int
    missing_count: int
    expired_count: int


def write_backup(folder: Path) -> NewBackup:
    """Write a backup to `folder`, delete expired ones, and bring the ledger up to date. Raises BackupError."""
    key = list(load_server_keys(settings.BACKUP_KEYS).values())[-1]
    if settings.MEDIA_STORE is None:
        raise BackupError("MEDIA_STORE isn't set: a backup needs sources' files. Set it for the owner role.")
    with backup_folder.lock_folder(folder):
        try:
            backup_folder.delete_expired(folder, timezone.localdate())
            ledger.export(folder, key)
            new = _write_parts(folder, key)
            manifests.write_manifest(backup_folder.sets_folder(folder), new.manifest, key.seed)
            expired = backup_folder.delete_expired(folder, timezone.localdate())
        except OSError as error:
            raise explain(error, folder) from error
    records.note_backup()
    return dataclasses.replace(new, expired_count=expired)


def _write_parts(folder: Path, key: ServerKey) -> NewBackup:
    parts = backup_folder.parts_folder(folder)
    packer = PackWriter(parts, key.public)
    try:
        kept, places, missing, database, database_key = _copy_files_and_rows(folder, key, packer)
        packer.finish()
    finally:
        packer.abandon()
    index, index_key = _write_index(parts, key, places)
    made_at = timezone.now().astimezone(dt.UTC)
    manifest = Manifest(
        name=f"{made_at:%Y-%m-%d-%H%M%S-%f}",
        version=VERSION,
        made_at=made_at,
        expires_on=timezone.localdate() + dt.timedelta(days=settings.BACKUP_DAYS),
        key_id=key.id,
        postgres=database_dump.find_server_version(),
        migrations=tuple(f"{app}.{name}" for app, name in sorted(MigrationRecorder(connection).applied_migrations())),
        database=database,
        index=index,
        index_key_for_server=vault.seal_box(key.index_key, index_key, _INDEX_LABEL).hex(),
        packs=(*kept, *packer.parts),
    )
    new_bytes = sum(part.bytes for part in (database, index, *packer.parts))
    keys = packer.keys | {database.id: database_key, index.id: index_key}
    return NewBackup(manifest, keys, len(places), new_bytes, len(missing), 0)


def _copy_files_and_rows(
    folder: Path, key: ServerKey, packer: PackWriter
) -> tuple[list[Part], Places, set[str], Part, bytes]:
    """Return used packs, places of files, files that rows name though they are not in the store, the dump and its key."""
    files = _list_files()
    kept, known = choose_packs(*_read_previous(folder, key), files, key.id)
    packer.add(files - known.keys())
    unsure: set[str] = set()
    for _ in range(_MOST_SNAPSHOTS):
        with _open_snapshot() as snapshot:
            files = _list_files()
            # Not in the store at the last look, and still named by a later snapshot: it was lost before this backup.
            missing = unsure & files
            unsure = packer.add(files - known.keys() - packer.places.keys())
            if not unsure <= missing:
                continue
            agency_keys = _list_agency_keys()
            dump, dump_key = _write_dump(backup_folder.parts_folder(folder), key, snapshot)
        if not agency_keys <= _list_agency_keys():
            raise BackupError("The agency's key was replaced during this backup. Start it again.")
        places = {file: place for file, place in (known | packer.places).items() if file in files}
        return kept, places, missing, dump, dump_key
    raise BackupError("Files come and go faster than they can be copied. Try again at a quieter hour.")


def _list_files() -> set[str]:
    return {str(file) for file in Attachment.objects.filter(file__isnull=False).values_list("file", flat=True)}


@contextlib.contextmanager
def _open_snapshot() -> Iterator[str]:
    """Open a transaction that sees one moment, and yield the name under which pg_dump sees the same."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        # A dump takes longer than some servers let a transaction wait.
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SELECT pg_export_snapshot()")
        yield str(cursor.fetchone()[0])


def _write_dump(parts: Path, key: ServerKey, snapshot: str) -> tuple[Part, bytes]:
    with PartWriter(parts, _STEP_BYTES) as writer:
        database_dump.dump_database(snapshot, writer.write)
        return writer.finish(key.public), writer.key


def _list_agency_keys() -> set[str]:
    return set(AgencyKey.objects.values_list("id", flat=True))


def _write_index(parts: Path, key: ServerKey, places: Places) -> tuple[Part, bytes]:
    with PartWriter(parts, _STEP_BYTES) as writer:
        writer.write(
            json.dumps({file: [place.pack, place.start, place.stop] for file, place in places.items()}).encode()
        )
        return writer.finish(key.public), writer.key


def read_index(parts: Path, index: Part, index_key: bytes) -> Places:
    """Return where a backup's files are. Raises BackupError."""
    with PartReader(parts, index, index_key) as reader:
        return {file: Place(*place) for file, place in json.loads(b"".join(reader.read())).items()}


def _read_previous(folder: Path, key: ServerKey) -> tuple[tuple[Part, ...], Places]:
    """Return packs and places of the newest backup that is whole; nothing if there is none, or it has another key."""
    sets, parts = backup_folder.sets_folder(folder), backup_folder.parts_folder(folder)
    for name in reversed(manifests.list_names(sets)):
        with contextlib.suppress(BackupError, vault.SealError):
            manifest = manifests.read_manifest(sets / name, key.verify)
            index_key = vault.open_box(key.index_key, bytes.fromhex(manifest.index_key_for_server), _INDEX_LABEL)
            packs = tuple(pack for pack in manifest.packs if _is_here(parts, pack))
            return packs, read_index(parts, manifest.index, index_key)
    return (), {}


def _is_here(parts: Path, pack: Part) -> bool:
    try:
        return (parts / pack.id).stat().st_size == pack.bytes
    except OSError:
        return False
