"""`manage.py vault create-key | rotate | status`: the agency key. Runs where officers work (PORTAL_ROLE=staff)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from tips import key_rotation, vault


class Command(BaseCommand):
    help = "Create, rotate or show the agency keys that tips are sealed to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["create-key", "rotate", "status"])

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        try:
            {"create-key": self.create, "rotate": self.rotate, "status": self.status}[what]()
        except (vault.KeyMissingError, vault.SealError, DatabaseError) as error:
            raise CommandError(str(error)) from error

    def create(self) -> None:
        self.stdout.write(f"New tips are sealed to agency key {key_rotation.create_key()}.")

    def rotate(self) -> None:
        newest = key_rotation.rotate(lambda moved: self.stdout.write(f"{moved} seals moved", ending="\r"))
        self.stdout.write(f"All tips are sealed to agency key {newest}; older keys are destroyed.")

    def status(self) -> None:
        keys = key_rotation.status()
        if not keys:
            raise CommandError("There is no agency key yet, so no tip can be taken. Run `manage.py vault create-key`.")
        for key in keys:
            newest = "newest, new tips are sealed to it" if key.newest else "older"
            private = "private half here" if key.private_here else "PRIVATE HALF NOT HERE"
            self.stdout.write(f"{key.id}  {newest}  {private}  {key.seals} seals")
