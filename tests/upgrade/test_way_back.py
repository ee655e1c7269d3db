"""Migrations can be undone while nobody has written: an upgrade that fails runs them backwards (tipportal/deploy/upgrade/)."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import migrations
from django.db.migrations.loader import MigrationLoader

from tests.stack import ROOT, Stack
from tests.upgrade.test_upgrade import RELEASES
from tipportal.dev_stack.servers import Servers, postgres_programs
from tipportal.management.commands import migrate_back

OWN = {app.label for app in apps.get_app_configs() if Path(app.path).parent == ROOT}
COLUMNS = """\
SELECT string_agg(format('%s.%s %s %s %s', table_name, column_name, data_type, is_nullable, column_default), E'\\n' ORDER BY table_name, column_name)
FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE ANY('{core%,tips%,crimemap%,outreach%}')
"""


def test_each_migration_has_a_way_back() -> None:
    loader = MigrationLoader(None)
    for key, migration in loader.graph.nodes.items():
        if key[0] in OWN and migration is not None:
            assert all(operation.reversible for operation in loader.disk_migrations[key].operations), key


@pytest.mark.django_db
def test_an_upgrade_that_could_not_be_undone_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "migrations"
    file.write_text("tips 0001_initial\n")
    call_command("migrate_back", file, "--check")
    final = migrations.Migration("0099_final", "tips")
    final.operations = [migrations.RunSQL("DROP TABLE tips_note")]
    monkeypatch.setattr(migrate_back.MigrationExecutor, "migration_plan", lambda _self, _targets: [(final, False)])
    with pytest.raises(CommandError, match=r"tips\.0099_final of the new release can't be undone"):
        call_command("migrate_back", file, "--check")


@pytest.mark.nightly
@pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name.removesuffix(".tar.xz"))
def test_a_former_release_gets_its_tables_back(release: Path, tmp_path: Path) -> None:
    with tarfile.open(release) as archive:
        archive.extractall(tmp_path, filter="data")
    with Servers(tmp_path / "servers", durable=False) as private:
        restore = [postgres_programs() / "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error"]
        restore += ["--dbname", private.database_url("portal_owner"), tmp_path / "database"]
        subprocess.run(restore, check=True)
        with private.connect("portal_owner") as opened, opened.cursor() as cursor:
            cursor.execute("SELECT string_agg(app || ' ' || name, E'\\n') FROM django_migrations")
            (tmp_path / "migrations").write_text(cursor.fetchone()[0])
            cursor.execute(COLUMNS)
            before = cursor.fetchone()[0]
        opened.close()
    for name in ("incidents-uploads", "incidents-drop"):
        (tmp_path / "keys" / name).mkdir()
    with Stack(tmp_path, web=[]) as stack:  # `migrate` of this release
        assert _read_columns(stack) != before
        stack.run_manage("migrate_back", str(tmp_path / "migrations"), role="owner")
        assert _read_columns(stack) == before


def _read_columns(stack: Stack) -> str:
    with stack.connect() as opened, opened.cursor() as cursor:
        cursor.execute(COLUMNS)
        return str(cursor.fetchone()[0])
