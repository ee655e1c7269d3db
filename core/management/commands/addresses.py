"""`manage.py addresses create-key | rotate | status`: the pair that subscribers' addresses are sealed to (PORTAL_ROLE=bulk)."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from core.mail import subscriber_addresses, subscriber_keys


class Command(BaseCommand):
    help = "Create, rotate or show the keys that subscribers' e-mail addresses are sealed to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["create-key", "rotate", "status"])

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        try:
            {"create-key": self.create, "rotate": self.rotate, "status": self.status}[what]()
        except (subscriber_addresses.KeyMissingError, subscriber_addresses.SealError, DatabaseError) as error:
            raise CommandError(str(error)) from error

    def create(self) -> None:
        self.stdout.write(f"New addresses are sealed to key {subscriber_addresses.create_key_pair()}.")

    def rotate(self) -> None:
        newest = subscriber_keys.rotate(lambda moved: self.stdout.write(f"{moved} addresses moved", ending="\r"))
        self.stdout.write(f"All addresses are sealed to key {newest}; older keys are destroyed.")

    def status(self) -> None:
        seals, here, newest = subscriber_keys.seals(), subscriber_addresses.key_ids(), subscriber_addresses.newest_key()
        if not newest:
            raise CommandError("There is no key yet, so nobody can subscribe. Run `manage.py addresses create-key`.")
        for key_id in dict.fromkeys([*here, newest, *seals]):
            private = "private half here" if key_id in here else "PRIVATE HALF NOT HERE"
            use = "newest" if key_id == newest else "older"
            self.stdout.write(f"{key_id}  {use}  {private}  {seals.get(key_id, 0)} addresses")
