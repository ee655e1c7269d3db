"""`manage.py migrate_back FILE [--check]`: undo the migrations that a list of applied ones doesn't have (PORTAL_ROLE=owner).

For an upgrade that is undone before anyone has written. FILE has a line "APP NAME" for each migration that was applied before.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection
from django.db.migrations.executor import MigrationExecutor


class Command(BaseCommand):
    help = "Undo the migrations that aren't in FILE: of an upgrade that is undone before anyone has written."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--check", action="store_true", help="only fail if one of the migrations that are due can't be undone"
        )

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        lines = (line.split() for line in file.read_text(encoding="utf-8").splitlines())
        before = {(app, name) for app, name in lines}
        executor = MigrationExecutor(connection)
        if options["check"]:
            _refuse_irreversible(executor)
            return
        added = {app for app, name in executor.loader.applied_migrations.keys() - before}
        for app in sorted(added & executor.loader.migrated_apps):
            call_command("migrate", app, _find_target(executor, app, before), verbosity=0)


def _refuse_irreversible(executor: MigrationExecutor) -> None:
    """Raise CommandError for a migration that is due and has no way back."""
    for migration, _is_backwards in executor.migration_plan(executor.loader.graph.leaf_nodes()):
        if not all(operation.reversible for operation in migration.operations):
            raise CommandError(
                f"The migration {migration} of the new release can't be undone, so the upgrade couldn't be, either. Update by hand"
                " (docs/installation.md, Updates)."
            )


def _find_target(executor: MigrationExecutor, app: str, before: set[tuple[str, str]]) -> str:
    """Return the newest migration of an app that was applied before; "zero" if none was."""
    graph = executor.loader.graph
    own = {key for key in before if key[0] == app and key in graph.nodes}
    older = {parent.key for key in own for parent in graph.node_map[key].parents}
    newest = sorted(own - older)
    if len(newest) > 1:
        raise CommandError(f"The migrations of {app} that were applied before have no single end: {newest}.")
    return newest[0][1] if newest else "zero"
