"""Django's `migrate`, then what must accompany the tables: rules, rights, groups, categories, codes and guides.

Runs as the owner's PostgreSQL user (PORTAL_ROLE=owner).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from core.staff import groups
from crimemap.offences import catalogue
from outreach import guides
from tipportal.deploy import database_rights
from tips import categories

RULES = Path(__file__).resolve().parents[2] / "database" / "rules.sql"
FROM_BEFORE_RELEASE = (
    "This database was made by a version before 0.9.0 and can't be updated. Start with an empty one (after"
    " `make run`: move var/ away)."
)


class Command(MigrateCommand):
    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--without-rights", action="store_true", help="leave out the rights of roles (restore)")
        parser.add_argument(
            "--when-told", action="store_true", help="load the code, then wait for a line of input (upgrade)"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        # Not connected yet: a connection older than the gate for writes would be bound by it (tipportal/deploy/upgrade/write_gate.py).
        if options["when_told"] and not sys.stdin.readline():
            raise CommandError("Nothing was changed: the upgrade has ended before it came to this.")
        connection = connections[options["database"]]
        self._refuse_unreleased(connection)
        super().handle(*args, **options)
        if options["app_label"] or options["plan"] or options["check_unapplied"]:
            return
        with connection.cursor() as cursor:
            cursor.execute(RULES.read_text(encoding="utf-8"))
            if not options["without_rights"] and not database_rights.grant(cursor) and options["verbosity"]:
                self.stdout.write(
                    "This server has no users named portal_*, so one user does everything and no rights were set."
                )
        groups.ensure_groups()
        categories.ensure_categories()
        catalogue.create_missing_codes()
        guides.ensure_guides()

    def _refuse_unreleased(self, connection: BaseDatabaseWrapper) -> None:
        """Raise CommandError for a database whose tables are older than the first release's migrations."""
        recorder = MigrationRecorder(connection)
        if recorder.has_table() and recorder.migration_qs.filter(app="tipportal").exists():
            raise CommandError(FROM_BEFORE_RELEASE)
