"""Compares what arrives with the names of staff, before a member of staff sees it.

The staff web process does this, since it alone has the agency's key: a thread of it that the database wakes, and each request of the
desk looks first (tips/walls/middleware.py), so that a tip is compared even where the thread is not running. Until then the tip
is in nobody's list (tips/walls/visibility.py). Opened text lives for the comparison alone.

A tip that can't be opened is walled: nobody knows whom it names. It is tried again every minute.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from uuid import UUID

from django.db import DatabaseError, transaction
from django.db.models import Q

from core import audit
from core.models import Account
from tips import conversation, vault
from tips.models import Alert, Arrival, Notification, Tip, Wall
from tips.officer_alerts import escalation
from tips.walls import records
from tips.walls.name_matching import StaffIndex, StaffNames
from tips.walls.records import WallRecord

BATCH = 50
ACTOR = "portal"  # no account has this name
_UNREADABLE = (vault.SealError, vault.KeyMissingError, ValueError, KeyError, TypeError)

logger = logging.getLogger(__name__)


def screen_arrivals() -> int:
    """Compare up to BATCH tips that wait, before a page is shown; return how many waited."""
    tip_ids = list_waiting()[:BATCH]
    screen(tip_ids)
    return len(tip_ids)


def list_waiting(*, rechecks: bool = False) -> list[UUID]:
    """Return the ids of the tips that have not been compared, or of those that are to be compared again."""
    arrivals = Arrival.objects.filter(is_recheck=rechecks)
    return list(arrivals.values_list("tip", flat=True).distinct())


def screen(tip_ids: Sequence[UUID]) -> None:
    """Compare these tips. One that another process has locked is left out: that process may be comparing it."""
    index = load_index() if tip_ids else None
    for tip_id in tip_ids:
        if index is not None:
            _screen_tip(tip_id, index)


def load_index() -> StaffIndex:
    """Return the names of all accounts, of those that are turned off too: their colleagues still open tips."""
    columns = ("pk", "first_name", "last_name", "aliases", "badge_number")
    return StaffIndex(
        StaffNames(account_id, first, last, tuple(aliases.split(",")), badge)
        for account_id, first, last, aliases, badge in Account.objects.values_list(*columns)
    )


def _screen_tip(tip_id: UUID, index: StaffIndex) -> None:
    try:
        with transaction.atomic():
            # A message that arrives now only refers to the tip and does not wait; it is an arrival of its own.
            locked = Tip.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            tip = locked.select_related("category").filter(pk=tip_id).first()
            if tip is not None:
                _compare(tip, list(tip.arrivals.select_related("message")), index)
    except (DatabaseError, OSError, *_UNREADABLE) as error:
        # It stays hidden, and is compared in the next round. The error's text could hold some of the tip's.
        logger.error("A tip was not compared with the names of staff: %s", type(error).__name__)


def _compare(tip: Tip, arrivals: list[Arrival], index: StaffIndex) -> None:
    done = tip.arrivals.filter(pk__in=[arrival.pk for arrival in arrivals])
    wall = Wall.objects.filter(tip=tip).first()
    try:
        record = records.read_record(wall) if wall else WallRecord()
        arrived, rechecked = _find_named(tip, arrivals, index)
    except _UNREADABLE:
        if wall is None or wall.decision == Wall.Decision.RELEASED:
            Wall.objects.update_or_create(tip=tip, defaults={"decision": Wall.Decision.NONE})
            _withdraw_alerts(tip)
        done.update(is_recheck=True)
        return
    if wall and wall.record is None:  # it could not be opened before
        wall.delete()
        _withdraw_alerts(tip)
        wall = None
    # A comparison again says nothing new of people whom a supervisor has considered.
    named = arrived | (rechecked - record.considered)
    known = record.named if wall and wall.decision != Wall.Decision.RELEASED else frozenset()
    if named - known:
        _build_wall(tip, dataclasses.replace(record, named=record.named | named))
    done.delete()


def _find_named(tip: Tip, arrivals: list[Arrival], index: StaffIndex) -> tuple[frozenset[int], frozenset[int]]:
    """Return whom the text that arrived names, and whom the text that was compared before names."""
    arrived: list[str] = []
    rechecked: list[str] = []
    if any(arrival.message is None and not arrival.is_recheck for arrival in arrivals):
        arrived = conversation.list_source_texts(tip)
    else:
        messages = [arrival.message for arrival in arrivals if arrival.message and not arrival.is_recheck]
        arrived = conversation.list_source_texts(tip, messages)
        if any(arrival.is_recheck for arrival in arrivals):
            rechecked = conversation.list_source_texts(tip)
    return _match(index, arrived), _match(index, rechecked)


def _match(index: StaffIndex, texts: list[str]) -> frozenset[int]:
    return frozenset(account_id for text in texts for account_id in index.find_named(text))


def _build_wall(tip: Tip, record: WallRecord) -> None:
    """Wall a locked tip, or add to the people that its wall is about: nobody has decided about those yet."""
    defaults = {"record": records.seal_record(tip, record), "decision": Wall.Decision.NONE}
    wall, is_first = Wall.objects.update_or_create(tip=tip, defaults=defaults)
    wall.readers.remove(*record.named)
    if tip.assigned_to_id in record.named:
        Tip.objects.filter(pk=tip.pk).update(assigned_to=None)
    _withdraw_alerts(tip)
    audit.record(ACTOR, "walled", f"tip {tip.number}", "" if is_first else "again")


def _withdraw_alerts(tip: Tip) -> None:
    """Take back mails about the tip that are not sent, and have its unread alerts go to those who may see it now."""
    Notification.objects.filter(alert__tip=tip, state=Notification.NotificationState.WAITING).update(
        state=Notification.NotificationState.SENT
    )
    is_settled = Q(state=Alert.AlertState.SPREAD) & ~escalation.IS_WAITING
    Alert.objects.filter(tip=tip).exclude(is_settled).update(
        state=Alert.AlertState.HELD, next_step_at=None, steps=0, is_unanswered=False
    )
