"""`manage.py create_administrator NAME MAIL`: the first account, on the staff node. It invites the others in the admin.

With `--link`, NAME is the person's first and last name, and the command prints an address at which they set their own password.
"""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction
from django.utils.translation import gettext as _

from core import audit
from core.accounts import sign_in_links
from core.accounts.appointments import ACTOR
from core.accounts.invited_people import InvitationProblemError, make_person
from core.models import Account
from core.staff.groups import ADMINISTRATOR


class Command(BaseCommand):
    help = (
        "Create an administrator's account. Asks for the password, or reads it from standard input; with --link, prints an address"
        " at which the person sets one."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("mail")
        parser.add_argument("--link", action="store_true", help="print an address at which the person sets a password")

    def handle(self, *args: Any, name: str, mail: str, link: bool, **options: Any) -> None:
        if link:
            self._print_link(name, mail)
        else:
            self._create(name, mail)

    def _print_link(self, name: str, mail: str) -> None:
        # An invitation of the same person is no obstacle: its link may be lost.
        accounts = list(Account.objects.all())
        taken = {account.email.lower(): _("An account has this email address.") for account in accounts}
        try:
            person = make_person(name, mail, [ADMINISTRATOR], {account.username for account in accounts}, taken)
        except InvitationProblemError as error:
            raise CommandError(" ".join(error.problems)) from None
        address = sign_in_links.hand_over_invitation(person, ACTOR)
        self.stdout.write(
            _("Give %(name)s this address. It works once, for 72 hours, and makes the account: %(address)s")
            % {"name": person.name, "address": address}
        )

    def _create(self, name: str, mail: str) -> None:
        account = Account(username=name, email=mail, is_staff=True)
        password = getpass.getpass("Password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\n")
        try:
            account.full_clean(exclude=["password"])
            validate_password(password, account)
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        account.set_password(password)
        with transaction.atomic():
            account.save()
            account.groups.add(Group.objects.get(name=ADMINISTRATOR))
            audit.record(ACTOR, "created", f"account {name}", ADMINISTRATOR)
        self.stdout.write(f"{name} can sign in and invite the other accounts.")
