"""Keep the demo city as this version makes it, for the upgrade tests of later ones.

    .venv/bin/python -m tests.upgrade.make_dump

Run once, before a release is tagged. Writes tests/upgrade/VERSION.tar.xz: `database` (pg_dump's custom format) and `keys/`
(the demo's keys, salt and sealed files). Incidents are trimmed, so that the file stays under 5 MB.
"""

from __future__ import annotations

import subprocess
import tarfile
import tempfile
import tomllib
from pathlib import Path

from tests.stack import ROOT, Stack, wait_until
from tipportal.dev_stack import servers

HERE = Path(__file__).resolve().parent
INCIDENTS = 500
# Derived from the database, or only valid while the processes run.
NOT_KEPT = ("incidents", "incidents-cache", "incidents-uploads", "incidents-drop", "demo")


def main() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    archive = HERE / f"{version}.tar.xz"
    with (
        tempfile.TemporaryDirectory(prefix="portal-dump-") as folder,
        Stack(Path(folder), web=["all"], workers=["media"]) as stack,
    ):
        _load_demo(stack)
        dump = stack.folder / "database"
        _dump_database(stack, dump)
        (stack.folder / "keys" / "secret_key").write_text(stack.keys["SECRET_KEY"])
        with tarfile.open(archive, "w:xz") as tar:
            tar.add(dump, "database")
            tar.add(stack.folder / "keys", "keys", filter=_without_derived_files)
    print(f"{archive.relative_to(ROOT)}: {archive.stat().st_size / 1e6:.1f} MB")


def _load_demo(stack: Stack) -> None:
    """Load the demo city, let the media worker clean its files, and leave its newest incidents."""
    public_keys = Path(stack.keys["MEDIA_PUBLIC_KEYS"])
    wait_until(lambda: list(public_keys.glob("*.pub")), 120, "the media worker has keys")
    stack.run_manage("demo")
    stack.run_manage("demo_incidents", role="bulk")
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM crimemap_incident WHERE id NOT IN (SELECT id FROM crimemap_incident ORDER BY id DESC LIMIT %s)",
            [INCIDENTS],
        )
    wait_until(lambda: _states(stack) == {"ready"}, 180, "all files are cleaned")


def _states(stack: Stack) -> set[str]:
    with stack.connect() as connection, connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT state FROM tips_attachment")
        return {state for (state,) in cursor.fetchall()}


def _dump_database(stack: Stack, dump: Path) -> None:
    """Dump all tables but sessions. Owners and rights are left out: `migrate` sets them."""
    command = [
        servers.postgres_programs() / "pg_dump",
        "--format=custom",
        "--compress=0",
        "--no-owner",
        "--no-privileges",
    ]
    command += ["--exclude-table-data=django_session", f"--file={dump}", stack.database_url("owner")]
    subprocess.run(command, check=True)


def _without_derived_files(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
    parts = Path(entry.name).parts
    entry.uname = entry.gname = ""
    entry.uid = entry.gid = entry.mtime = 0
    return None if len(parts) > 1 and parts[1] in NOT_KEPT else entry


if __name__ == "__main__":
    main()
