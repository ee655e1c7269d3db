"""`manage.py audit verify`: is the audit trail whole?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from core import audit


class Command(BaseCommand):
    help = "Check that no line of the audit trail was changed, removed, inserted or moved."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify"])
        parser.add_argument(
            "--expect",
            metavar="NUMBER:SEAL",
            help="what an earlier run printed and you kept elsewhere: shows whether the end was cut off since",
        )

    def handle(self, *args: Any, expect: str | None = None, **options: Any) -> None:
        try:
            found = audit.verify()
        except audit.AuditKeyMissingError as error:
            raise CommandError(str(error)) from None
        if found.broken is not None:
            raise CommandError(
                _(
                    "The audit trail is broken at entry %(number)s: it was changed, removed or moved. Entries before it are as they were written."
                )
                % {"number": found.broken}
            )
        if expect:
            _compare(expect, found)
        self.stdout.write(
            _("%(number)s entries, none changed, removed or moved. To notice a cut end later, keep this elsewhere:")
            % {"number": found.last}
        )
        self.stdout.write(f"{found.last}:{found.seal}")


def _compare(expect: str, found: audit.TrailState) -> None:
    number, colon, seal = expect.partition(":")
    if not colon or not number.isdecimal():
        raise CommandError(_("--expect wants NUMBER:SEAL as an earlier run printed it."))
    if found.last < int(number):
        raise CommandError(
            _("The end of the audit trail was cut off: entry %(number)s was there, and the last is now %(last)s.")
            % {"number": number, "last": found.last}
        )
    if int(number) and audit.find_seal(int(number)) != seal.lower():
        raise CommandError(
            _("Entry %(number)s is not the one on your record: the trail was written anew.") % {"number": number}
        )
