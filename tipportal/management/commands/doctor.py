"""`manage.py doctor [ROLE]`: is everything as this role of the portal needs it?"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from core.roles import Role
from tipportal.doctor import examination


class Command(BaseCommand):
    help = (
        "Examine a role's keys, folders and rights, its machine and its servers. Prints a sentence for each check, and ends with"
        " exit code 1 if there is a fault. Run it with the variables and as the Unix user of the role."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("role", nargs="?", choices=[role.value for role in Role], help="instead of PORTAL_ROLE")

    def handle(self, *args: Any, **options: Any) -> None:
        has_fault = False
        for finding in examination.examine():
            self.stdout.write(str(finding))
            has_fault |= finding.is_fault
        if has_fault:
            sys.exit(1)
