"""The nightly rewriting of rows about sources, so that neither xmin nor the order of rows is a clock."""

from __future__ import annotations

from celery import shared_task
from django.db import connection


@shared_task(name="tips.bulk.rewrite_rows")  # type: ignore[untyped-decorator]
def rewrite_touched_rows() -> int:
    """Rewrite the rows about sources that were written since the last time, and return how many.

    The rule is in the database (rules.sql, source_rows_rewrite), so that the bulk worker needs no right on the tips.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT source_rows_rewrite()")
        written: int = cursor.fetchone()[0]
    return written
