"""Fills the index of this process: the newest tips first, in a thread of its own, so that no page and no alert waits for it.

Opened text lives for the extraction of its features alone.
"""

from __future__ import annotations

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from django.utils import timezone

from core import visitor_traces
from tips import conversation, vault
from tips.desk.alike import features, link_records
from tips.desk.alike.index import AlikeIndex
from tips.models import Tip
from tips.walls import visibility

COMPARED_DAYS = dt.timedelta(days=90)
MAX_TIPS = 10_000  # the newest; about 60 MB of each process
BATCH = 10
SECONDS_BETWEEN_ROUNDS = 5.0
SECONDS_BETWEEN_SWEEPS = 60.0
# After a batch the thread rests this many times as long as the batch took, so that pages are answered while thousands are read.
_RESTS = 4.0
_UNREADABLE = (vault.SealError, vault.KeyMissingError, ValueError, KeyError, TypeError)

index = AlikeIndex()
logger = logging.getLogger(__name__)


def start() -> None:
    """Start the thread in a process that serves staff. Call it after the fork: threads do not survive one."""
    if settings.ROLE.serves_staff:
        threading.Thread(target=_run, name="alike", daemon=True).start()


def _run() -> None:
    swept_at = time.monotonic()
    since: dt.datetime | None = None
    while True:
        time.sleep(SECONDS_BETWEEN_ROUNDS)
        try:
            close_old_connections()
            begun = timezone.now()
            if read_new_tips(since, rests=_RESTS):
                visitor_traces.drop_traces()
            since = begun - dt.timedelta(hours=2)  # arrivals are stored by the hour
            if time.monotonic() - swept_at >= SECONDS_BETWEEN_SWEEPS:
                forget_gone_tips()
                link_records.make_missing()
                swept_at, since = time.monotonic(), None
        except (DatabaseError, InterfaceError) as error:
            logger.warning("Tips were not compared with each other: %s", type(error).__name__)
        except Exception as error:
            logger.error("Tips were not compared with each other: %s", type(error).__name__)


def read_new_tips(since: dt.datetime | None = None, *, rests: float = 0.0) -> int:
    """Add the tips that the index does not have, the newest first, and return how many.

    `since` bounds the hours of arrival that are looked at; `rests` is a multiple of the time that each batch takes.
    """
    since = since or timezone.now() - COMPARED_DAYS
    recent = Tip.objects.filter(visibility.COMPARED, received_at__gte=since).order_by("-received_at")
    missing = [tip_id for tip_id in recent.values_list("pk", flat=True)[:MAX_TIPS] if tip_id not in index]
    for first in range(0, len(missing), BATCH):
        begun = time.monotonic()
        read_tips(missing[first : first + BATCH])
        if rests:
            time.sleep(rests * (time.monotonic() - begun))
    return len(missing)


def read_tips(tip_ids: Sequence[UUID]) -> None:
    """Open these tips and add their features."""
    columns = ("pk", "report", "key_for_agency", "agency_key_id", "received_at")
    for tip_id, report, key_for_agency, key_id, received_at in Tip.objects.filter(pk__in=tip_ids).values_list(*columns):
        try:
            key = vault.open_key_with(key_for_agency, key_id, settings.AGENCY_PRIVATE_KEYS)
            opened = json.loads(vault.open_text(key, report, vault.report_context(tip_id)))
            index.add(tip_id, features.extract(opened, received_at))
        except _UNREADABLE:
            index.add(tip_id, None)


def add_opened(opened: conversation.OpenedTip) -> None:
    """Add a tip that a page has opened anyway."""
    if opened.tip.pk not in index:
        index.add(opened.tip.pk, features.extract(opened.report, opened.tip.received_at))


def forget_gone_tips() -> None:
    """Remove tips that were erased, and the oldest beyond what is compared."""
    since = timezone.now() - COMPARED_DAYS
    kept = Tip.objects.filter(received_at__gte=since).order_by("-received_at").values_list("pk", flat=True)
    index.remove(_without(index.ids(), set(kept[:MAX_TIPS])))


def _without(tip_ids: Iterable[UUID], kept: set[UUID]) -> list[UUID]:
    return [tip_id for tip_id in tip_ids if tip_id not in kept]
