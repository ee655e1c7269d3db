"""`manage.py createsuperuser`: replaces Django's command, which would leave no line in the audit trail."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils.translation import gettext as _


class Command(BaseCommand):
    help = "Not available here."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("ignored", nargs="*")

    def handle(self, *args: Any, **options: Any) -> None:
        raise CommandError(
            _(
                "There are no superusers here. Use create_administrator for the first account, and create_supervisors for the first supervisors."
            )
        )
