"""Backups: no row without its file, nothing erased comes back, and a set that is not whole is refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from psycopg2 import sql

from core.models import Account, BackupRecord, ErasureMark
from tests.outreach.desk import create_account
from tests.tips.desk import officers
from tests.tips.files import sealed_files
from tipportal.backup import backup_writer, drill, ledger, manifests, packs, records, restoration
from tipportal.backup.backup_keys import create_key, load_server_keys
from tipportal.backup.errors import BackupError
from tips import vault
from tips.files import sealed_store
from tips.models import Alert, Attachment, Notification, Tip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def safe(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder out of the safe, with a store of its own and small packs."""
    settings.BACKUP_KEYS, settings.MEDIA_STORE = tmp_path / "backup-keys", tmp_path / "media"
    settings.MEDIA_STORE.mkdir()
    create_key(settings.BACKUP_KEYS, tmp_path / "safe")
    monkeypatch.setattr(packs, "STEP_BYTES", 128 * 1024)
    return tmp_path / "safe"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@contextlib.contextmanager
def other_database() -> Iterator[None]:
    """Connect to a new, empty database."""
    old = connection.settings_dict["NAME"]
    new = f"{old}_restored"
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(new)))
        cursor.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(new)))
    connection.close()
    connection.settings_dict["NAME"] = new
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = old
        with connection.cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(new)))


def run_elsewhere(function: Any, *arguments: Any) -> None:
    """Run a function in a thread with a connection of its own, and wait for it."""

    def run() -> None:
        try:
            function(*arguments)
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()


def execute(statement: str, *values: object) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0] if cursor.description else None


def send_tip(size: int = 1000) -> Tip:
    return sealed_files.send_tip(sealed_files.store_upload(os.urandom(size)))


def file_names() -> set[str]:
    return {str(file) for file in Attachment.objects.filter(file__isnull=False).values_list("file", flat=True)}


def test_what_a_backup_brings_back_and_what_not(
    settings: Any, safe: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    okafor, bell = officers.set_duty(officers.create_officer("okafor")), officers.create_officer("bell")
    officers.sign_in(okafor)
    kept, erased, stolen = send_tip(200_000), send_tip(), send_tip()
    Alert.objects.update(next_step_at="2026-01-01T00:00Z")
    list_files, looks = backup_writer._list_files, []

    def list_files_while_others_work() -> set[str]:
        found = list_files()
        looks.append(found)
        if len(looks) == 1:
            run_elsewhere(send_tip)  # after the first look: not copied with the others
        if len(looks) == 2:  # in the snapshot, whose rows name a file that is then gone
            row = Attachment.objects.exclude(tip__in=(kept.id, erased.id, stolen.id)).get()
            run_elsewhere(sealed_files.finish_rebuilding, row, sealed_files.PHOTO, ("image", "image/png", b"clean"))
        return found

    with monkeypatch.context() as patched:
        patched.setattr(backup_writer, "_list_files", list_files_while_others_work)
        call_command("backup", folder)
    assert len(looks) == 3  # the second snapshot was taken
    in_backup, store = file_names(), settings.MEDIA_STORE
    contents = {name: (store / name).read_bytes() for name in in_backup}
    before = {path.name: path.stat().st_mtime_ns for path in (folder / "parts").iterdir()}

    # Since the backup:
    execute("SELECT tip_erase(%s)", erased.id)
    execute("UPDATE tips_tip SET token_hash = sha256('another') WHERE id = %s", stolen.id)
    okafor.groups.clear()
    Account.objects.filter(pk=bell.pk).update(is_active=False)
    call_command("backup", folder, ledger=True)
    kept_marks = ErasureMark.objects.count()
    assert kept_marks % ledger.BLOCK == 0

    closed = []
    replay = restoration.replay

    def replay_while_closed(found: ledger.Ledger | None) -> Any:
        closed.append(not execute("SELECT has_schema_privilege('portal_public', 'public', 'USAGE')"))
        return replay(found)

    monkeypatch.setattr(restoration, "replay", replay_while_closed)
    settings.MEDIA_STORE = folder.parent / "restored"
    settings.MEDIA_STORE.mkdir()
    gone = file_names() ^ in_backup
    with other_database():
        execute("CREATE TABLE restore_unfinished ()")  # an earlier try was interrupted
        execute("CREATE TABLE tips_tip ()")
        call_command("restore", folder, key=safe)
        assert closed == [True]
        assert not Tip.objects.filter(pk=erased.pk).exists()
        assert Tip.objects.get(pk=stolen.pk).token_hash is None
        assert Tip.objects.get(pk=kept.pk).token_hash
        assert not Account.objects.get(username="okafor").groups.exists()
        assert not Account.objects.get(username="bell").is_active
        assert not Notification.objects.filter(state="waiting").exists()
        assert not Alert.objects.exclude(state="spread").exists()
        assert not Alert.objects.filter(next_step_at__isnull=False).exists()
        assert execute("SELECT count(*) FROM core_staffsession") == 0
        restored = {path.name: path.read_bytes() for path in settings.MEDIA_STORE.iterdir()}
        assert restored == {name: content for name, content in contents.items() if name not in gone}
        assert restored.keys() == file_names()
        assert execute("SELECT has_table_privilege('portal_public', 'tips_tip', 'INSERT')")
        assert not execute("SELECT has_table_privilege('portal_public', 'tips_note', 'SELECT')")
        assert not execute("SELECT has_table_privilege('portal_staff', 'core_erasuremark', 'SELECT')")
        assert ErasureMark.objects.count() >= kept_marks  # they count for the next restore too
        with pytest.raises(CommandError, match="isn't empty"):
            call_command("restore", folder, key=safe)
    settings.MEDIA_STORE = store

    # The next backup writes what is new alone, and proves itself.
    capsys.readouterr()
    call_command("backup", folder, drill=True)
    assert "Proven: it restores, with 3 tips" in capsys.readouterr().out
    new = {path.name for path in (folder / "parts").iterdir()} - before.keys()
    assert len(new) == 3  # dump, index, one pack
    assert all((folder / "parts" / name).stat().st_mtime_ns == changed for name, changed in before.items())
    assert not execute(
        "SELECT EXISTS (SELECT FROM pg_database WHERE datname LIKE current_database() || %s)", drill.SUFFIX
    )
    assert BackupRecord.objects.get().proven_at
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not [name for name in in_backup if name.encode() in everything]
    assert b"tips_tip" not in everything


def test_a_set_that_is_not_whole_or_not_ours_is_refused(
    settings: Any, safe: Path, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = send_tip(), send_tip()
    (sealed_store.file_path(second.attachments.get().file)).unlink()

    def fill_disk(self: Any, plain: bytes, *, last: bool = False) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("tipportal.backup.sealed_parts.PartWriter._append", fill_disk)
        with pytest.raises(CommandError, match="is full"):
            call_command("backup", folder)
    assert not list((folder / "parts").iterdir())
    assert not list((folder / "sets").iterdir())

    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(manifests, "write_manifest", die)
        with pytest.raises(KeyboardInterrupt):
            call_command("backup", folder)
    killed = set((folder / "parts").iterdir())
    assert killed
    with pytest.raises(CommandError, match="There is no backup in"):
        call_command("restore", folder, key=safe, drill=True)

    call_command("backup", folder)
    assert not killed & set((folder / "parts").iterdir())
    (path,) = (folder / "sets").iterdir()
    opened = restoration.open_backup(folder, safe)
    assert opened.read_places().keys() == {str(first.attachments.get().file)}
    opened.check_parts()

    def refuses(words: str) -> None:
        with pytest.raises(BackupError, match=words):
            restoration.open_backup(folder, safe).check_parts()

    part = folder / "parts" / opened.manifest.database.id
    content = part.read_bytes()
    part.write_bytes(content[:-65_576])
    refuses("cut short or was changed")
    part.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    refuses("cut short or was changed")
    part.unlink()
    refuses("is missing")
    part.write_bytes(content)

    signed = path.read_bytes()
    path.write_bytes(signed.replace(b'"format": 1', b'"format": 2'))
    refuses("isn't signed by your server")
    key = list(load_server_keys(settings.BACKUP_KEYS).values())[-1]
    values = json.loads(signed[64:]) | {"format": 2}
    path.write_bytes(vault.sign(key.seed, json.dumps(values).encode(), b"manifest of a backup"))
    refuses("newer version of the portal")
    path.write_bytes(vault.sign(vault.generate_key(), signed[64:], b"manifest of a backup"))
    refuses("isn't signed by your server")  # a thief's own set
    path.write_bytes(signed)
    renamed = path.rename(path.with_name("2099-01-01-0000-00000000"))
    refuses("under another name")
    renamed.rename(path)

    create_key(tmp_path / "other-server", tmp_path / "other-safe")
    with pytest.raises(BackupError, match="Take the right stick"):
        restoration.open_backup(folder, tmp_path / "other-safe")
    ledger_file = folder / "ledger"
    marks = ledger_file.read_bytes()
    ledger_file.write_bytes(marks[:-2])
    refuses("ledger was changed")
    ledger_file.unlink()
    refuses("There is no ledger")
    ledger_file.write_bytes(marks)
    assert not {file.name for file in settings.BACKUP_KEYS.iterdir() if file.suffix in (".key", ".verify")}
    (private,) = safe.glob("*.key")
    left_behind = settings.BACKUP_KEYS / private.name
    left_behind.write_bytes(private.read_bytes())
    with pytest.raises(CommandError, match="has the private half"):
        call_command("backup", folder)
    left_behind.unlink()

    monkeypatch.setattr(restoration.database_dump, "find_server_version", lambda: 14)
    with pytest.raises(BackupError, match="PostgreSQL 14"):
        restoration._check_versions(opened.manifest)
    later = manifests.Manifest(
        **{name: getattr(opened.manifest, name) for name in manifests.Manifest.__slots__}
        | {"migrations": ("tips.9999_x",)}
    )
    with pytest.raises(BackupError, match="Install that version first"):
        restoration._check_versions(later)


def test_expired_backups_are_deleted_but_never_the_last(settings: Any, safe: Path, folder: Path) -> None:
    settings.BACKUP_DAYS = -1
    call_command("backup", folder)
    call_command("backup", folder, ledger=True)
    (old,) = (folder / "sets").iterdir()
    old_parts = set((folder / "parts").iterdir())
    call_command("backup", folder)
    assert old not in set((folder / "sets").iterdir())
    assert not old_parts & set((folder / "parts").iterdir())
    # A manifest that can't be read keeps all parts: nobody knows which are its own.
    stray = folder / "parts" / str(uuid4())
    stray.touch()
    (folder / "sets" / "2000-01-01-0000-00000000").write_bytes(b"?")
    call_command("backup", folder, ledger=True)
    assert stray.exists()


def test_late_backups_and_proofs_are_named(settings: Any) -> None:
    assert records.describe_late() == []
    settings.DEMO = False
    assert "no backup" in records.describe_late()[0]
    assert "backup_key create" in records.describe_for_operator()[0]
    records.note_backup()
    assert "ever restored" in records.describe_late()[0]
    records.note_proof(with_key=False)
    assert records.describe_late() == []
    for field, age in (("made_at", records.MAX_AGE), ("proven_at", records.MAX_AGE_OF_PROOF)):
        moment = getattr(BackupRecord.objects.get(), field) - age - dt.timedelta(minutes=1)
        BackupRecord.objects.update(**{field: moment})
    made, proven = records.describe_late()
    assert len(records.describe_for_operator()) == 2
    assert ".." not in " ".join(records.describe_late() + records.describe_for_operator())  # after "p.m."
    assert "Ask the person" not in " ".join(records.describe_for_operator())
    BackupRecord.objects.update(made_at=BackupRecord.objects.get().made_at + 3 * records.MAX_AGE)
    assert len(records.describe_late()) == 2  # made while the clock was wrong
    assert "last backup was made" in made
    assert "proven to restore" in proven
    records.note_proof(with_key=True)
    assert len(records.describe_late()) == 1
    administrator = officers.sign_in(create_account("admin", "administrator"))
    page = administrator.get("/admin/").content.decode()
    assert "The last backup was made" in page
    assert "Last proven with the key from the safe" in page
    assert "backup" not in officers.sign_in(officers.create_officer("okafor")).get("/admin/").content.decode()
