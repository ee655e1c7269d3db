"""`manage.py backup_key create FOLDER`: create the pair that backups are sealed to (PORTAL_ROLE=owner).

FOLDER gets the private half. It belongs on two sticks in two safes, and on no server.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tipportal.backup import backup_keys


class Command(BaseCommand):
    help = "Create the key pair that backups are sealed to. FOLDER, on a stick, gets the private half."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["create"])
        parser.add_argument("folder", type=Path, help="where the private half goes: a stick for the safe")

    def handle(self, *args: Any, folder: Path, **options: Any) -> None:
        if settings.BACKUP_KEYS is None:
            raise CommandError("BACKUP_KEYS isn't set. Set it to the folder for the public half, for the owner role.")
        if folder.resolve() == settings.BACKUP_KEYS.resolve():
            raise CommandError("FOLDER must not be BACKUP_KEYS: the private half must not stay on the server.")
        try:
            key_id = backup_keys.create_key(settings.BACKUP_KEYS, folder)
        except OSError as error:
            raise CommandError(f"{error.filename} can't be written: {error.strerror}.") from error
        self.stdout.write(
            f"Backups are now sealed to the key {key_id}. {folder} has its two files .key and .verify: copy them to a second stick,"
            " put both into different safes, and leave no copy on any server. Without them no backup can be restored."
        )
