"""Retention: closed tips are erased after the agency's days, except those under legal hold."""

from __future__ import annotations

from celery import shared_task
from django.db import connection

from core.agency import current_settings


@shared_task(name="tips.bulk.expire")  # type: ignore[untyped-decorator]
def erase_expired_tips() -> int:
    """Erase closed tips past their days, and return how many.

    Their number is read from the database: an older one that was still in memory could erase tips that are to stay.
    The rule is in the database (rules.sql, tips_expire), so that the bulk worker needs no right on the tips.
    """
    days = current_settings.read_newest().tip_retention_days
    erased = 0
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT tips_expire(make_interval(days => %s))", [days])
            batch: int = cursor.fetchone()[0]
            erased += batch
            if not batch:
                return erased
