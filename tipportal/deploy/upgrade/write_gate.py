"""The gate for writes: while it is closed, the database refuses every write of every role, and still answers their queries.

PostgreSQL makes each transaction read-only, functions of the owner included, by a setting that open connections follow, too: nobody
who reads notices anything. The owner, who migrates, isn't bound by it.
"""

from __future__ import annotations

from tipportal.deploy.setup import layout
from tipportal.deploy.setup.machine import Machine

# ALTER SYSTEM can't be in a transaction. A connection follows a setting from its next statement on, so a moment later only transactions
# that were open can still write. They take milliseconds: who is slower than ten seconds is cut off.
_CLOSE = """\
ALTER ROLE portal_owner SET default_transaction_read_only = off;
ALTER SYSTEM SET default_transaction_read_only = on;
DO $$
DECLARE
    earlier timestamptz;
BEGIN
    PERFORM pg_reload_conf();
    PERFORM pg_sleep(0.5);
    earlier := clock_timestamp();
    FOR look IN 1..150 LOOP
        PERFORM pg_stat_clear_snapshot();
        EXIT WHEN NOT EXISTS (SELECT FROM pg_stat_activity
            WHERE datname = current_database() AND usename ~ '^portal_' AND usename <> 'portal_owner' AND xact_start < earlier);
        IF look > 100 THEN
            PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND usename ~ '^portal_' AND usename <> 'portal_owner' AND xact_start < earlier;
        END IF;
        IF look = 150 THEN
            RAISE EXCEPTION 'a transaction of the portal does not end';
        END IF;
        PERFORM pg_sleep(0.1);
    END LOOP;
END $$;
"""
_OPEN = "ALTER SYSTEM RESET default_transaction_read_only;\nSELECT pg_reload_conf();\n"


def close(machine: Machine) -> None:
    """Let no role write from now on: on return no transaction that could is open. Raises StepFailedError."""
    run_sql(machine, _CLOSE)


def open_again(machine: Machine) -> None:
    """Let roles write as their rights allow. Raises StepFailedError."""
    run_sql(machine, _OPEN)


def run_sql(machine: Machine, text: str) -> str:
    """Run a script in the portal's database as its superuser, and return what it prints. Raises StepFailedError."""
    psql = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", layout.DATABASE)
    return machine.run(
        "runuser", "-u", "postgres", "--", *psql, text=f"SET default_transaction_read_only = off;\n{text}"
    )
