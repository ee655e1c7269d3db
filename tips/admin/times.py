"""Times about a source in words, no finer than they are stored."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.timesince import timesince
from django.utils.translation import gettext as _


def describe_age(received_at: dt.datetime) -> str:
    """Return how long ago a tip arrived, in words; `received_at` is the hour of its arrival."""
    if timezone.now() - received_at < dt.timedelta(hours=2):
        return _("less than two hours")
    return timesince(received_at, depth=1)


def describe_duration(duration: dt.timedelta) -> str:
    """Return a rounded duration in words that do not pretend to be exact."""
    return _("within %(duration)s") % {"duration": timesince(timezone.now() - duration, depth=2)}
