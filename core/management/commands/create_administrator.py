"""`manage.py create_administrator NAME MAIL`: the first account, on the staff node. It invites the others in the admin."""

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
from core.accounts.appointments import ACTOR
from core.models import Account
from core.staff.groups import ADMINISTRATOR


class Command(BaseCommand):
    help = "Create an administrator's account. Asks for the password, or reads it from standard input."

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
            account.groups.add(Group.objects.get(name=ADMINISTRATOR))
            audit.record(ACTOR, "created", f"account {name}", ADMINISTRATOR)
        self.stdout.write(f"{name} can sign in and invite the other accounts.")
