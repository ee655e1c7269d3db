"""Heartbeats in the database, by its clock alone: clocks of other machines don't matter.

Times are rounded down to the minute, so that a row is written once a minute: each write uses a transaction's number, and their
rhythm would be one more clock beside the rows about sources (SECURITY.md).
"""

from __future__ import annotations

from typing import Any

from django.db import connection

# The minute of rounding, and three rounds of a worker's thread.
LATE_SECONDS = 90

_READ_MINUTE = "SELECT date_trunc('minute', clock_timestamp() - make_interval(secs => %s))"
# Not ON CONFLICT DO UPDATE, which locks the row, and so uses a transaction's number, even if nothing changes. A time that is far
# ahead is one from before the clock was set back.
_UPDATE = """
    UPDATE core_heartbeat SET at = %(minute)s, is_mailed = false
    WHERE process = %(process)s AND (at < %(minute)s OR at > %(minute)s + make_interval(secs => %(late)s))
"""
_INSERT = """
    INSERT INTO core_heartbeat (process, at, is_mailed) SELECT %(process)s, %(minute)s, false
    WHERE NOT EXISTS (SELECT FROM core_heartbeat WHERE process = %(process)s) ON CONFLICT DO NOTHING
"""
# A time in the future is one from before the clock was set back: its process has not written since.
_LIVING = """
    SELECT process FROM core_heartbeat
    WHERE at BETWEEN clock_timestamp() - make_interval(secs => %s) AND clock_timestamp() + make_interval(secs => %s)
    ORDER BY process
"""
_LATE = _LIVING.replace("at BETWEEN", "at NOT BETWEEN")


def note(process: str, age_seconds: float = 0) -> None:
    """Write that a process was alive so many seconds ago. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(_READ_MINUTE, [age_seconds])
        (minute,) = cursor.fetchone()
        values: dict[str, Any] = {"process": process, "minute": minute, "late": LATE_SECONDS}
        cursor.execute(_UPDATE, values)
        cursor.execute(_INSERT, values)


def list_living() -> list[str]:
    """Return the processes that give signs of life. Raises DatabaseError."""
    return _list_processes(_LIVING)


def list_late() -> list[str]:
    """Return the processes that have lived and give no sign of life now. Raises DatabaseError."""
    return _list_processes(_LATE)


def _list_processes(query: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(query, [LATE_SECONDS, LATE_SECONDS])
        return [process for (process,) in cursor.fetchall()]


def read_ages() -> dict[str, float]:
    """Return for each process how many seconds ago the minute of its last sign of life began. Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT process, extract(epoch FROM clock_timestamp() - at) FROM core_heartbeat ORDER BY process"
        )
        return {process: float(seconds) for process, seconds in cursor.fetchall()}


def claim_mail(process: str) -> bool:
    """Return whether the caller is the first to mail about this silence of the process."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_heartbeat SET is_mailed = true WHERE process = %s AND NOT is_mailed", [process])
        return bool(cursor.rowcount)


def return_mail(process: str) -> None:
    """Let the mail about this silence be tried again: the mail server was away."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE core_heartbeat SET is_mailed = false WHERE process = %s", [process])
