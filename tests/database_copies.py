"""The test database of each process of pytest-xdist: a copy of one that is migrated once per test run.

Migrations cost five seconds of a core, a copy a fraction of one.
"""

from __future__ import annotations

import fcntl
from pathlib import Path

from django.db import connection

GRANTS = Path(__file__).resolve().parent.parent / "tipportal" / "database" / "grants.sql"


def use_copy(folder: Path, process: str) -> None:
    """Connect to this process's copy. The first process to come migrates the original; `folder` is that of the test run."""
    creation = connection.creation
    with (folder / "test-database.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if lock.tell():
            connection.settings_dict["NAME"] = creation._get_test_db_name()
        else:
            creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
            connection.close()  # PostgreSQL copies no database that is in use
            lock.write("migrated")
        creation.clone_test_db(process, verbosity=0, autoclobber=True)
    connection.settings_dict |= creation.get_test_db_clone_settings(process)
    with connection.cursor() as cursor:  # rights on a database as a whole are not copied
        cursor.execute(GRANTS.read_text(encoding="utf-8"))
