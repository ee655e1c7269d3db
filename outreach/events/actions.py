"""Staff's actions on events: create, change, publish, cancel.

A published event is never deleted: calendars that have it must learn that it is cancelled.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from crimemap import places
from outreach.models import Event

Status = Event.EventStatus
MAX_DURATION = dt.timedelta(days=14)  # a longer one is a typing mistake
MAX_LEAD_TIME = dt.timedelta(days=3 * 366)
# Names of other pages below /events/
RESERVED_SLUGS = frozenset({"past", "reminders", "calendar"})
# Changes of these are mailed to residents who subscribed to a reminder
_TIME_AND_PLACE = ("starts_at", "ends_at", "place", "latitude", "longitude")


class EventActionRefusedError(ValueError):
    """The event's state or the input does not allow the action. The message is a sentence for staff."""


class StaleEventError(Exception):
    """Another editor saved the event meanwhile. Nothing was written; `current` is the present row."""

    def __init__(self, current: Event) -> None:
        super().__init__(current.pk)
        self.current = current


def create_event(fields: Mapping[str, Any], by: Account) -> Event:
    """Create a draft. `fields` are columns of Event."""
    with transaction.atomic():
        event = Event(**fields)
        event.areas = find_areas(event)
        event.save(force_insert=True)
        audit.record(by, "added event", f"event {event.pk}", event.slug)
    return event


def change_event(event_id: int, fields: Mapping[str, Any], by: Account, version: int) -> Event:
    """Write `fields` over `version` of the event. Raises StaleEventError and EventActionRefusedError.

    If time or place of a published event changes, subscribers get a mail (outreach/events/reminders.py).
    """
    with transaction.atomic():
        event = _lock_event(event_id)
        if event.version != version:
            raise StaleEventError(event)
        if event.status == Status.CANCELLED:
            raise EventActionRefusedError(_("This event is canceled. Create a new one."))
        before = {name: getattr(event, name) for name in fields}
        if event.status != Status.DRAFT and before.get("slug", event.slug) != fields.get("slug", event.slug):
            raise EventActionRefusedError(_("You can't change the web address of a published event."))
        changed = [name for name, value in fields.items() if before[name] != value]
        if not changed:
            return event
        for name in changed:
            setattr(event, name, fields[name])
        event.areas = find_areas(event)
        if event.status == Status.PUBLISHED and any(name in changed for name in _TIME_AND_PLACE):
            event.moves += 1
        _save_version(event)
        audit.record(by, "changed event", f"event {event.pk}", ", ".join(changed))
    return event


def publish_event(event_id: int, by: Account) -> Event:
    """Make a draft public. Raises EventActionRefusedError."""
    with transaction.atomic():
        event = _lock_event(event_id)
        if event.status != Status.DRAFT:
            raise EventActionRefusedError(_("This event is already published."))
        if event.ends_at <= timezone.now():
            raise EventActionRefusedError(_("This event is over. Change its time, then publish it."))
        event.status = Status.PUBLISHED
        _save_version(event)
        audit.record(by, "published event", f"event {event.pk}", event.slug)
    return event


def cancel_event(event_id: int, because: str, by: Account) -> Event:
    """Cancel a published event. Its page, calendars and reminders give the reason. Raises EventActionRefusedError."""
    because = because.strip()
    with transaction.atomic():
        event = _lock_event(event_id)
        if event.status != Status.PUBLISHED:
            raise EventActionRefusedError(_("Only a published event can be canceled."))
        if event.ends_at <= timezone.now():
            raise EventActionRefusedError(_("This event is over."))
        if not because:
            raise EventActionRefusedError(_("Write one sentence that tells residents why."))
        event.status, event.cancelled_because = Status.CANCELLED, because
        _save_version(event)
        audit.record(by, "canceled event", f"event {event.pk}", event.slug)
    return event


def find_time_problems(starts_at: dt.datetime, ends_at: dt.datetime) -> dict[str, str]:
    """Return a sentence for each field that is wrong in the time of an event planned now."""
    now = timezone.now()
    errors = {}
    if starts_at <= now:
        errors["starts_at"] = _("This start is in the past. Choose a later one.")
    elif starts_at - now > MAX_LEAD_TIME:
        errors["starts_at"] = _("This is more than three years away. Check the year.")
    if ends_at <= starts_at:
        errors["ends_at"] = _("The end must be after the start.")
    elif ends_at - starts_at > MAX_DURATION:
        errors["ends_at"] = _("An event can last two weeks at most. Check the end date.")
    return errors


def find_areas(event: Event) -> list[list[str]]:
    """Return the areas that contain the event's point, as [layer, code]."""
    if event.latitude is None or event.longitude is None:
        return []
    return [list(area) for area in places.areas_at(event.latitude, event.longitude)]


def _lock_event(event_id: int) -> Event:
    return Event.objects.select_for_update().get(pk=event_id)


def _save_version(event: Event) -> None:
    event.version += 1
    event.changed_at = timezone.now()
    event.save()


def delete_draft(event: Event, by: Account) -> None:
    """Delete a draft. Raises EventActionRefusedError for an event that was published."""
    with transaction.atomic():
        deleted, _models = Event.objects.filter(Q(pk=event.pk, status=Status.DRAFT)).delete()
        if not deleted:
            raise EventActionRefusedError(_("Residents have seen this event. Cancel it instead."))
        audit.record(by, "deleted event", f"event {event.pk}", event.slug)
