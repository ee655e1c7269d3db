"""The commands that create an account with a role, on the staff node, for what the admin cannot do yet or any more."""

from __future__ import annotations

import getpass
import sys
from typing import Any

from django.contrib.auth.models import Group
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import transaction

from core import audit
from core.models import Account
from core.staff import account_mails, tip_access

ACTOR = "command line"


class AccountCommand(BaseCommand):
    """A command that creates an account. Subclasses set its role and what to print."""

    role: str
    created: str  # with {name}

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name")
        parser.add_argument("mail")

    def handle(self, *args: Any, name: str, mail: str, **options: Any) -> None:
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
            account.groups.add(Group.objects.get(name=self.role))
            audit.record(ACTOR, "created", f"account {name}", self.role)
            if tip_access.opens_tips(account):
                account_mails.mail_supervisors(f"{ACTOR} created account {name}: {self.role}")
        self.stdout.write(self.created.format(name=name))
