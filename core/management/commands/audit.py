"""`manage.py audit verify`: is the audit trail whole?"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _

from core import audit
from core.audit import proof
from core.models import AuditProof


class Command(BaseCommand):
    help = "Check that no entry of the audit trail was changed, removed, inserted or moved."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["verify"])
        parser.add_argument(
            "--expect",
            metavar="NUMBER:SEAL",
            help="the line that an earlier run printed and you kept somewhere else; shows whether the end was cut off since then",
        )

    def handle(self, *args: Any, expect: str | None = None, **options: Any) -> None:
        try:
            proof.begin_walk()
            proven = proof.continue_walk()
        except audit.AuditKeyMissingError as error:
            raise CommandError(str(error)) from None
        if proven.broken is not None:
            raise CommandError(
                _(
                    "The audit trail is broken at entry %(number)s, which was changed, removed or moved. The entries before it are unchanged."
                )
                % {"number": proven.broken}
            )
        if expect:
            _compare(expect, proven)
        self.stdout.write(
            _(
                "%(number)s entries, none changed, removed or moved. Keep this line somewhere else, so that you notice later if the end is cut off:"
            )
            % {"number": proven.number}
        )
        self.stdout.write(f"{proven.number}:{proven.seal}")


def _compare(expect: str, proven: AuditProof) -> None:
    number, colon, seal = expect.partition(":")
    if not colon or not number.isdecimal():
        raise CommandError(_("--expect needs NUMBER:SEAL as an earlier run printed it."))
    if proven.number < int(number):
        raise CommandError(
            _("The end of the audit trail was cut off: entry %(number)s existed, and the last entry is now %(last)s.")
            % {"number": number, "last": proven.number}
        )
    if int(number) and audit.find_seal(int(number)) != seal.lower():
        raise CommandError(
            _("Entry %(number)s isn't the one on your record: the trail was rewritten.") % {"number": number}
        )
