"""How long a tip is kept: closed tips are erased when their time is over, those under legal hold are not."""

from __future__ import annotations

import datetime as dt

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from tips.models import Tip

_BATCH = 200


@shared_task(name="tips.bulk.expire")
def expire() -> int:
    """Erase closed tips past TIP_RETENTION_DAYS, sealed keys first; returns how many."""
    limit = timezone.now() - dt.timedelta(days=settings.TIP_RETENTION_DAYS)
    erased = 0
    while True:
        with transaction.atomic():
            due = Tip.objects.filter(closed_at__lt=limit, legal_hold=False).order_by("closed_at")
            batch = list(due.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_BATCH])
            if not batch:
                return erased
            erased += erase(batch)


def erase(tip_ids: list) -> int:
    """Erase tips with all that hangs on them: the sealed keys first, so that no half-erased tip can be opened."""
    tips = Tip.objects.filter(pk__in=tip_ids)
    tips.update(key_for_agency=b"", key_for_source=None, token_hash=None)
    count = len(tip_ids)
    tips.delete()
    return count
