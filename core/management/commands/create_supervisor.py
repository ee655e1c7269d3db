"""`manage.py create_supervisor NAME MAIL`: for an agency whose last supervisor has left; administrators cannot make another."""

from __future__ import annotations

from core.management.account_command import AccountCommand
from core.staff.groups import SUPERVISOR


class Command(AccountCommand):
    help = "Create a supervisor's account. Asks for the password, or reads it from standard input."
    role = SUPERVISOR
    created = "{name} can sign in, open tips and give others roles that open tips."
