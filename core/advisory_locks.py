"""PostgreSQL advisory locks: one worker at a time has a row in hand, one transaction at a time takes a decision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.db import DatabaseError, connection


@contextmanager
def try_advisory_lock(row_id: UUID) -> Iterator[bool]:
    """Try to lock a row for the length of the block; the context is False if another worker has it.

    PostgreSQL releases the lock the moment its holder dies. The lock outlasts transactions, so the worker can commit
    while it works.
    """
    number = int.from_bytes(row_id.bytes[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        ((is_locked,),) = cursor.fetchall()
    try:
        yield is_locked
    finally:
        # Only a lock we got: PostgreSQL counts the locks of a connection. A lost connection has released it already.
        if is_locked:
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])


def lock_until_commit(name: bytes) -> None:
    """Wait for the lock of this name, of at most 8 bytes, and hold it until the caller's transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [int.from_bytes(name)])
