"""Only one import of a source runs at a time: an advisory lock of PostgreSQL, released when its holder dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from crimemap.models import Source

_LOCK_CLASS = 0x1C1D  # the first of the lock's two numbers; the second is the source's primary key


@contextmanager
def try_lock(source: Source) -> Iterator[bool]:
    """Hold the source's lock, also across transactions. Yields False if an import holds it already."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK_CLASS, source.pk])
        locked: bool = cursor.fetchone()[0]
        try:
            yield locked
        finally:
            if locked and connection.connection is not None and not connection.needs_rollback:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK_CLASS, source.pk])
