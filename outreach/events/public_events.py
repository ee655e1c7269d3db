"""The events that residents see, and how their time is written."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from outreach import area_conditions
from outreach.models import Event


def visible_events() -> QuerySet[Event]:
    """Return published and canceled events. The database limits the public role to these as well (grants.sql)."""
    return Event.objects.filter(status__in=(Event.EventStatus.PUBLISHED, Event.EventStatus.CANCELLED))


def upcoming_events(area: tuple[str, str] | None = None) -> QuerySet[Event]:
    """Return events that are not over, the next first; only those in `area`, a (layer, code), if given."""
    events = visible_events().filter(ends_at__gt=timezone.now())
    return events.filter(area_conditions.is_in_area(*area)) if area else events


def past_events() -> QuerySet[Event]:
    """Return events that took place, the latest first."""
    return (
        visible_events()
        .filter(ends_at__lte=timezone.now(), status=Event.EventStatus.PUBLISHED)
        .order_by("-starts_at", "slug")
    )


def format_event_time(event: Event) -> str:
    """Format day and hours in the agency's time zone, such as "Saturday, December 5, 2026, 2 p.m. to 4 p.m."."""
    starts, ends = timezone.localtime(event.starts_at), timezone.localtime(event.ends_at)
    day, last = date_format(starts, "l, F j, Y"), date_format(ends, "l, F j, Y")
    hours = {
        "day": day,
        "from": date_format(starts, "TIME_FORMAT"),
        "last": last,
        "to": date_format(ends, "TIME_FORMAT"),
    }
    one_day = starts.date() == ends.date()
    return (_("%(day)s, %(from)s to %(to)s") if one_day else _("%(day)s, %(from)s to %(last)s, %(to)s")) % hours
