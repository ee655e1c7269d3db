"""`manage.py backup FOLDER [--drill | --ledger]`: write a backup, or bring only the ledger up to date (PORTAL_ROLE=owner)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from tipportal.backup import backup_folder, drill, ledger
from tipportal.backup.backup_keys import load_server_keys
from tipportal.backup.backup_writer import NewBackup, write_backup
from tipportal.backup.errors import BackupError, explain
from tipportal.backup.restoration import OpenBackup


class Command(BaseCommand):
    help = "Write an encrypted backup of the database and of sources' files to FOLDER, while the portal works."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument(
            "--drill", action="store_true", help="restore the new backup into a scratch database at once, as a proof"
        )
        parser.add_argument(
            "--ledger", action="store_true", help="write no backup, only the marks of what was erased since the last"
        )

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        try:
            if options["ledger"]:
                _export_ledger(folder)
                return
            new = write_backup(folder)
            self._report(new)
            if options["drill"]:
                proof = drill.prove(OpenBackup(folder, new.manifest, new.keys, None), with_key=False)
                self.stdout.write(
                    f"Proven: it restores, with {proof.database.tips} tips and {proof.read_files} new files."
                    + (f" The checksums of {proof.unread_packs} earlier packs are right." if proof.unread_packs else "")
                )
        except BackupError as error:
            raise CommandError(str(error)) from error

    def _report(self, new: NewBackup) -> None:
        self.stdout.write(
            f"Backup {new.manifest.name}: {new.file_count} files, {new.new_bytes // 1024**2} MiB new, until {new.manifest.expires_on}."
        )
        if new.expired_count:
            self.stdout.write(f"Deleted {new.expired_count} expired backups.")
        if new.missing_count:
            self.stderr.write(
                f"{new.missing_count} files that tips name were missing in MEDIA_STORE before this backup, so it doesn't have"
                " them either. Restore them from an earlier backup, if one has them."
            )


def _export_ledger(folder: Path) -> None:
    key = list(load_server_keys(settings.BACKUP_KEYS).values())[-1]
    with backup_folder.lock_folder(folder):
        try:
            backup_folder.delete_expired(folder, timezone.localdate())
            ledger.export(folder, key)
        except OSError as error:
            raise explain(error, folder) from error
