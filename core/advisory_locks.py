"""One worker at a time has a piece of work in hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import UUID

from django.db import DatabaseError, connection


@contextmanager
def alone_with(work: UUID) -> Iterator[bool]:
    """Whether no other worker has this row in hand. A lock of PostgreSQL's, given back the moment its holder dies; it
    outlasts transactions, so what is written meanwhile can be on the disk before the work ends."""
    number = int.from_bytes(work.bytes[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [number])
        ((alone,),) = cursor.fetchall()
    try:
        yield alone
    finally:
        # Without a connection there is no lock. One that was not got is not given back: locks of a connection are counted.
        if alone:
            with suppress(DatabaseError), connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
