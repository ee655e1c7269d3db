"""Times in the words of the desk: "today 5:03 a.m.", "Mon 9:43 p.m.", "Nov. 12". Of sources, no finer than they are stored."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

_RECENT_DAYS = 7


def describe_moment(at: dt.datetime) -> str:
    """Return day and minute of something that staff did."""
    return pgettext("day and time", "%(day)s %(time)s") % {
        "day": describe_day(at),
        "time": describe_time(at),
    }


def describe_time(at: dt.datetime) -> str:
    return date_format(timezone.localtime(at), "TIME_FORMAT")


def describe_hour(hour: dt.datetime) -> str:
    """Return day and hour of what is stored by the hour: "today, 4 a.m. to 5 a.m."."""
    local = timezone.localtime(hour)
    return _("%(day)s, %(start)s to %(end)s") % {
        "day": describe_day(hour),
        "start": date_format(local, "TIME_FORMAT"),
        "end": date_format(local + dt.timedelta(hours=1), "TIME_FORMAT"),
    }


def describe_day(at: dt.datetime) -> str:
    """Return "today", a weekday of the last week, or a date."""
    local = timezone.localtime(at)
    days = (timezone.localdate() - local.date()).days
    if days == 0:
        return _("today")
    if 0 < days < _RECENT_DAYS:
        return date_format(local, "D")
    return date_format(local, "SHORT_DATE_FORMAT" if days > 300 else "MONTH_DAY_FORMAT")


def describe_hours_ago(hour: dt.datetime) -> str:
    """Return how long ago something was that is stored by the hour, in words that don't pretend to be exact."""
    if timezone.now() - hour < dt.timedelta(hours=2):
        return _("less than two hours ago")
    return _("about %(duration)s ago") % {"duration": timesince(hour, depth=1)}


def describe_minutes_ago(at: dt.datetime) -> str:
    """Return how long ago something was that is known to the minute."""
    if timezone.now() - at < dt.timedelta(minutes=1):
        return _("just now")
    return _("%(duration)s ago") % {"duration": timesince(at, depth=1)}
