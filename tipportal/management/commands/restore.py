"""`manage.py restore FOLDER --key SAFE [--set NAME] [--drill]`: restore a backup (PORTAL_ROLE=owner).

Into an empty database and an empty MEDIA_STORE, while no process of the portal runs. With --drill into a scratch database.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tipportal.backup import drill, restoration
from tipportal.backup.errors import BackupError
from tipportal.backup.restoration import OpenBackup, RestoredDatabase

NEXT_STEPS = """\
Next, before anyone signs in:
- Start web-public: it refuses a wrong RECEIPT_SALT. Run manage.py doctor for each role.
- Enter names, former names and badge numbers of staff that are newer than the backup: tips are compared with them.
- Run manage.py publish_incidents as the bulk role and manage.py base_map build. Withdraw again what was withdrawn since, and
  import the newest files of incidents: corrections come with them.
- manage.py audit verify --expect, with the newest number and seal that was mailed, fails for lines newer than the backup. Keep that mail."""


class Command(BaseCommand):
    help = "Restore a backup from FOLDER with the key from the safe, into an empty database and an empty MEDIA_STORE."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path)
        parser.add_argument("--key", type=Path, required=True, help="folder with the private half, from the safe")
        parser.add_argument("--set", dest="name", help="name of a backup in FOLDER/sets; the newest without it")
        parser.add_argument(
            "--drill", action="store_true", help="restore into a scratch database, as a proof, and delete it"
        )
        parser.add_argument(
            "--without-ledger", action="store_true", help="restore although nothing tells what was erased since"
        )

    def handle(self, *args: Any, folder: Path, key: Path, **options: Any) -> None:
        try:
            backup = restoration.open_backup(folder, key, options["name"], without_ledger=options["without_ledger"])
            self.stdout.write(
                f"Backup {backup.manifest.name} of {backup.manifest.made_at:%B %-d, %Y, %H:%M} UTC, version {backup.manifest.version}."
            )
            if options["drill"]:
                self._prove(backup)
            else:
                self._report(restoration.restore(backup, self.stdout.write))
                self.stdout.write(NEXT_STEPS)
        except BackupError as error:
            raise CommandError(str(error)) from error

    def _prove(self, backup: OpenBackup) -> None:
        proof = drill.prove(backup, with_key=True)
        self._report(proof.database)
        self.stdout.write(f"Proven with the key from the safe: {proof.read_files} files are whole. Nothing was kept.")

    def _report(self, database: RestoredDatabase) -> None:
        self.stdout.write(f"{database.tips} tips, {database.messages} messages, {len(database.files)} files.")
        for restriction in database.restrictions:
            self.stdout.write(f"{restriction.count} {restriction.words}.")
