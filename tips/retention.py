"""Retention: closed tips are erased after TIP_RETENTION_DAYS, except those under legal hold."""

from __future__ import annotations

from celery import shared_task
from django.conf import settings
from django.db import connection


@shared_task(name="tips.bulk.expire")  # type: ignore[untyped-decorator]
def erase_expired_tips() -> int:
    """Erase closed tips past TIP_RETENTION_DAYS, and return how many.

    The rule is in the database (rules.sql, tips_expire), so that the bulk worker needs no right on the tips.
    """
    erased = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT tips_expire(make_interval(days => %s))", [settings.TIP_RETENTION_DAYS])
            batch: int = cursor.fetchone()[0]
            erased += batch
            if not batch:
                return erased
