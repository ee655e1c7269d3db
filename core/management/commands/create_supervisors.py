"""`manage.py create_supervisors "NAME <MAIL>" ...`: the first supervisors, or new ones where all are lost. On the staff node."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from core.accounts import appointments
from core.accounts.invited_people import parse_list
from core.staff.groups import SUPERVISOR


class Command(BaseCommand):
    help = (
        "Invite supervisors by mail. The first run takes effect at once. Later runs take effect when you run the same command"
        " again after 24 hours; all staff are told, and each supervisor can object."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("person", nargs="+", help='"Maja Lindqvist <maja@example.org>"')

    def handle(self, *args: Any, person: list[str], **options: Any) -> None:
        if len(person) > 2:
            raise CommandError(_("Name one or two people. Two supervisors can consent to all others in the portal."))
        lines = parse_list("\n".join(f"{text}, {SUPERVISOR}" for text in person), emails={})
        if problems := [f"{line.text}: {' '.join(line.problems)}" for line in lines if line.problems]:
            raise CommandError("\n".join(problems))
        try:
            appointment = appointments.appoint([line.person for line in lines if line.person])
        except appointments.AppointmentRefusedError as refused:
            raise CommandError(str(refused)) from None
        if appointment.carried_out_at is None:
            time = date_format(timezone.localtime(appointment.asked_at + appointments.WAIT), "DATETIME_FORMAT")
            self.stdout.write(
                _("Nothing has changed yet. All staff get an email. Run the same command again after %(time)s.")
                % {"time": time}
            )
            return
        self.stdout.write(_("Invited. Each person gets an email with a link that works once, for 72 hours."))
        if len(person) == 1:
            self.stdout.write(
                _(
                    "With one supervisor, nobody checks who is given a role that opens tips. /privacy/ tells residents so."
                )
            )
