"""`migrate` as Django knows it, and what has to stand beside the tables: rules, rights, groups, categories, codes and guides.

Runs as the owner's PostgreSQL user (PORTAL_ROLE=owner).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import ProgrammingError, connections

from core.roles import Role
from core.staff import groups
from crimemap.offences import catalogue
from outreach import guides
from tips import categories

HERE = Path(__file__).resolve().parents[2] / "database"
# Until the first release each app has one migration, which grows: what it made earlier stays as it was.
OTHER_TABLES = (
    "The tables are of another state of this project than its rules (%s). Before the first release an earlier database"
    " cannot be brought up to date: start with an empty one (after `make run`: move var/ away)."
)


class Command(MigrateCommand):
    def handle(self, *args: Any, **options: Any) -> None:
        super().handle(*args, **options)
        if options["app_label"] or options["plan"] or options["check_unapplied"]:
            return
        connection = connections[options["database"]]
        with connection.cursor() as cursor:
            try:
                cursor.execute((HERE / "rules.sql").read_text(encoding="utf-8"))
            except ProgrammingError as error:
                raise CommandError(OTHER_TABLES % str(error).splitlines()[0]) from None
            users = [role.database_user for role in Role if role.database_user]
            cursor.execute("SELECT count(*) FROM pg_roles WHERE rolname = ANY(%s)", [users])
            if cursor.fetchone()[0] == len(users):
                cursor.execute((HERE / "grants.sql").read_text(encoding="utf-8"))
            elif options["verbosity"]:
                self.stdout.write(
                    "This server has no users named portal_*: one user does everything, no rights were set."
                )
        groups.ensure_groups()
        categories.ensure_categories()
        catalogue.ensure_codes()
        guides.ensure_guides()
