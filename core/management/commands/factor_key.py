"""`manage.py factor_key create-key | rotate | status`: replace the key that seals what second factors are made from."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from core import audit
from core.sign_in.factors import factor_rotation
from core.sign_in.factors.factor_sealing import FactorKeyMissingError, FactorSealError

ACTOR = "command line"
CREATED = "created a key of second factors"
ROTATED = "replaced the key of second factors"


class Command(BaseCommand):
    help = (
        "Create a key of second factors beside the one in FACTOR_KEY, to copy the file to other staff nodes; replace the key and seal all"
        " second factors with the new one; or count what each key seals."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["create-key", "rotate", "status"])

    def handle(self, *_args: Any, what: str, **_options: Any) -> None:
        try:
            if what == "create-key":
                key_id = factor_rotation.create_key()
                audit.record(ACTOR, CREATED, key_id)
                self.stdout.write(
                    f"Key {key_id} is new. Copy the file to the other staff nodes, then run factor_key rotate here."
                )
            if what == "rotate":
                count = factor_rotation.rotate()
                audit.record(ACTOR, ROTATED, detail=f"{count} sealed again")
                self.stdout.write(
                    f"The key is new, and {count} second factors are sealed with it. Keep a copy of the file."
                )
            for key_id, count in factor_rotation.count_by_key().items():
                self.stdout.write(f"key {key_id}: {count} second factors")
        except (FactorKeyMissingError, FactorSealError, OSError) as error:
            raise CommandError(str(error)) from error
