"""`manage.py create_administrator NAME MAIL`: the first account, on the staff node. It adds the others in the admin."""

from __future__ import annotations

from core.management.account_command import AccountCommand
from core.staff.groups import ADMINISTRATOR


class Command(AccountCommand):
    help = "Create an administrator's account. Asks for the password, or reads it from standard input."
    role = ADMINISTRATOR
    created = "{name} can sign in and add the other accounts."
