"""The day on which a source has read an answer: the finest time that anyone ever learns, and not before that day is over.

A finer time, or one that officers see at once, would find a person in a carrier's records. So a page of the inbox writes nothing
to the database: rows, transactions and the write-ahead log would all have the time. It notes the tip in the memory-only store, in
one map a day; the bulk worker stores the maps of past days at night, in one transaction. If the store loses its memory, the day
on which the source next comes is stored instead.
"""

from __future__ import annotations

import datetime as dt
from contextlib import suppress

from celery import shared_task
from django.db import connection, transaction
from django.utils import timezone

from core import ephemeral_store
from tips.conversation import OpenedTip
from tips.models import Author

_PREFIX = "answers-read:"
_KEPT_DAYS = 8  # so that a bulk worker that is down for a week loses nothing


def note_reading(opened: OpenedTip) -> None:
    """Note that the source has this page of their inbox, with all answers in it. Costs the source nothing if the store is down."""
    unread = [entry for entry in opened.messages if entry.author == Author.STAFF and entry.source_read_on is None]
    if not unread:
        return
    midnight = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
    name = f"{_PREFIX}{midnight.date().isoformat()}"
    with suppress(ephemeral_store.StoreDownError):
        ephemeral_store.put_field(
            name, opened.tip.pk.hex, str(unread[-1].position).encode(), midnight + dt.timedelta(days=_KEPT_DAYS)
        )


@shared_task(name="tips.bulk.store_reading_days")  # type: ignore[untyped-decorator]
def store_past_days() -> int:
    """Store what was noted on days that are over, and return for how many answers."""
    stored = 0
    for name in sorted(ephemeral_store.list_names(_PREFIX)):
        day = dt.date.fromisoformat(name.removeprefix(_PREFIX))
        if day < timezone.localdate():
            stored += _store_day(day, ephemeral_store.read_fields(name))
            ephemeral_store.forget(name)
    return stored


def _store_day(day: dt.date, positions: dict[str, bytes]) -> int:
    # The rule is in the database (rules.sql), so that the bulk worker needs no right on messages.
    upto = [int(position) for position in positions.values()]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT answers_read_store(%s, %s::uuid[], %s)", [day, list(positions), upto])
        stored: int = cursor.fetchone()[0]
    return stored
