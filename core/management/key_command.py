"""The command `create-key | rotate | status` for a set of key pairs: tips' (`vault`), subscribers' (`addresses`) and officers' channels'
(`alert_channels`)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from core.mail.subscriber_addresses import KeyMissingError, KeyStatus, SealError


class KeyCommand(BaseCommand, ABC):
    """A command that creates, rotates and lists key pairs. Subclasses define the key store and the messages."""

    # Checks name missing keys, and this command creates them.
    requires_system_checks: list[str] = []
    created: str  # with {key_id}
    moved: str  # with {count}
    rotated: str  # with {key_id}
    none_yet: str
    newest = "newest"
    seals: str  # what `status` counts
    copied_to = ""  # the nodes that seal to a copy of the public half; of what goes on under an older one nothing could be opened

    @abstractmethod
    def create_key(self) -> str:
        """Create a pair and return its id."""

    @abstractmethod
    def rotate_keys(self, report_moved: Callable[[int], None]) -> str:
        """Move everything to the newest pair, destroy the older ones and return the newest one's id."""

    @abstractmethod
    def list_keys(self) -> list[KeyStatus]:
        """Return all pairs, oldest first; empty if nothing can be sealed yet."""

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["create-key", "rotate", "status"])
        if self.copied_to:
            parser.add_argument(
                "--copied", action="store_true", help=f"the newest .pub file is on {self.copied_to}: rotate may go on"
            )

    def handle(self, *args: Any, what: str, **options: Any) -> None:
        action = {"create-key": self._create, "rotate": self._rotate, "status": self._print_status}[what]
        try:
            if what == "rotate" and self.copied_to and not options["copied"]:
                self._refuse_before_copying()
            action()
        except (KeyMissingError, SealError, DatabaseError) as error:
            raise CommandError(str(error)) from error

    def _create(self) -> None:
        self.stdout.write(self.created.format(key_id=self.create_key()))

    def _rotate(self) -> None:
        newest_id = self.rotate_keys(lambda count: self.stdout.write(self.moved.format(count=count), ending="\r"))
        self.stdout.write(self.rotated.format(key_id=newest_id))

    def _refuse_before_copying(self) -> None:
        """Raise CommandError if an older pair would be destroyed that other nodes may still seal to."""
        newest = [key.id for key in self.list_keys() if key.is_newest]
        if any(not key.is_newest for key in self.list_keys()):
            raise CommandError(
                f"Copy the .pub file of key {newest[0]} to {self.copied_to} first: what a node without it seals from then on"
                " can never be opened. If it is there, or one machine has all nodes, add --copied."
            )

    def _print_status(self) -> None:
        keys = self.list_keys()
        if not keys:
            raise CommandError(self.none_yet)
        for key in keys:
            age = self.newest if key.is_newest else "older"
            private = "private half here" if key.has_private_half else "PRIVATE HALF NOT HERE"
            self.stdout.write(f"{key.id}  {age}  {private}  {key.seal_count} {self.seals}")
