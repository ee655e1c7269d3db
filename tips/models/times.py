"""Rounded times: how coarse what the database says about a source is."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone

ROUNDING = dt.timedelta(minutes=5)


def current_hour() -> dt.datetime:
    """Return the beginning of the current hour: the finest time about a source that the public side can read.

    By the local clock, so that no tip is counted on the day before in zones half an hour off the others.
    """
    return timezone.localtime().replace(minute=0, second=0, microsecond=0)


def rounded_now() -> dt.datetime:
    """Return the current time rounded down to five minutes, for when work is due that officers or workers wait for."""
    now = timezone.now()
    return now - (now - dt.datetime.min.replace(tzinfo=dt.UTC)) % ROUNDING


def round_duration(duration: dt.timedelta) -> dt.timedelta:
    """Return a duration rounded up to steps of five minutes, so that the public median never flatters."""
    return max(1, -(-duration // ROUNDING)) * ROUNDING
