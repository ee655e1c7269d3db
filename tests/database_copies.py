"""The test database of each process of pytest-xdist: a copy of one that is migrated once per test run, also for portals to copy.

Migrations cost five seconds of a core, a copy a fraction of one. So does what Django does after a test that commits: it truncates
more than a hundred tables, whose rows of every portal have to be made again. `restore_foundations` deletes what is there instead.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
from pathlib import Path

from django.db import connection
from django.db.backends.utils import CursorWrapper

from tests import stack
from tipportal.dev_stack.servers import postgres_programs

FOUNDATIONS = "foundations"  # the schema with a copy of each table that has rows in every portal
GRANTS = Path(__file__).resolve().parent.parent / "tipportal" / "database" / "grants.sql"


def use_copy(folder: Path, process: str) -> None:
    """Connect to this process's copy. The first process to come restores the original; `folder` is that of the test run."""
    creation = connection.creation
    with (folder / "test-database.lock").open("a+") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not lock.seek(0, os.SEEK_END):  # its end now: the process that had the lock before may have written since
            _restore(stack.dump_migrated_database())
            lock.write("restored")
        creation.clone_test_db(process, verbosity=0, autoclobber=True)
    connection.settings_dict |= creation.get_test_db_clone_settings(process)
    with connection.cursor() as cursor:  # rights on a database as a whole are not copied
        cursor.execute(GRANTS.read_text(encoding="utf-8"))


def _restore(dump: Path) -> None:
    """Fill the empty database of the tests' PostgreSQL, except with the agency keys, which are those of another portal."""
    psql = [postgres_programs() / "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", f"--file={dump}"]
    # Without statistics one look-up of roles takes 30 ms; copies have those of the original.
    psql += ["--command=DELETE FROM public.tips_agencykey", "--command=ANALYZE"]
    psql += [f"--dbname={os.environ['DATABASE_URL']}"]
    subprocess.run(psql, check=True, stdout=subprocess.DEVNULL)


def save_foundations() -> None:
    """Keep the rows that every portal has, for `restore_foundations`."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE SCHEMA {FOUNDATIONS}")
        for table in _list_tables(cursor, "public"):
            cursor.execute(f'SELECT EXISTS (SELECT FROM "{table}")')
            if cursor.fetchone() == (True,):
                cursor.execute(f'CREATE TABLE {FOUNDATIONS}."{table}" AS TABLE public."{table}"')


def restore_foundations() -> None:
    """Leave the rows of every portal alone in the database, as they were, whatever tests have committed."""
    with connection.cursor() as cursor:
        saved = set(_list_tables(cursor, FOUNDATIONS))
        statements = [f'DELETE FROM public."{table}"' for table in _list_filled_tables(cursor)]
        statements += [
            f'INSERT INTO public."{table}" OVERRIDING SYSTEM VALUE TABLE {FOUNDATIONS}."{table}"' for table in saved
        ]
        # Without triggers and foreign keys: the audit trail refuses to be deleted, and tables need no order.
        cursor.execute(";".join(["BEGIN", "SET LOCAL session_replication_role = replica", *statements, "COMMIT"]))


def _list_tables(cursor: CursorWrapper, schema: str) -> list[str]:
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY tablename", [schema])
    return [table for (table,) in cursor.fetchall()]


def _list_filled_tables(cursor: CursorWrapper) -> list[str]:
    tables = _list_tables(cursor, "public")
    cursor.execute("SELECT " + ",".join(f'EXISTS (SELECT FROM public."{table}")' for table in tables))
    return [table for table, has_rows in zip(tables, cursor.fetchone(), strict=True) if has_rows]
