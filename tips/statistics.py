"""Public counts of tips for the home page, the receipt page and the impact page.

The counting is in the database (rules.sql, tip_figures and tip_months), since the public role must not know which tips are walled.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError, connection
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.web import page_cache

# Smaller numbers say too much about single tips: counts under 5 are left out, and a median needs 10 opened tips.
MIN_SHOWN = 5
MIN_FOR_MEDIAN = 10
MONTHS = 12


@dataclass(frozen=True, slots=True)
class TipFigures:
    """Totals: tips received and answered, and the median minutes from arrival to opening. None: too few to say."""

    received: int | None
    answered: int | None
    median_minutes: int | None


@dataclass(frozen=True, slots=True)
class MonthFigures:
    """A past month; `first` is its first day. Both counts are rounded down to fives: 0 is fewer than five, 5 is 5 to 9."""

    first: dt.date
    received: int
    answered: int


def read_figures() -> TipFigures:
    """Return the current figures, at most a minute old. Raises django.db.DatabaseError while there is no database."""
    return page_cache.get_or_build(("tip figures",), _count_tips)


def describe_reading_time() -> str:
    """Return the one sentence of the portal on how soon a tip is read: from the measured median once there is one.

    It works without a database, since a page that has to be shown uses it: a receipt.
    """
    try:
        minutes = read_figures().median_minutes
    except (DatabaseError, InterfaceError):
        minutes = None
    if minutes is None:
        return _("It can take hours before an officer reads a tip, because nobody watches all night.")
    # Translators: "Usually read" is about a tip. %(time)s is a time such as "10 minutes".
    return _("Usually read within %(time)s, but nobody watches all night.") % {"time": describe_minutes(minutes)}


def describe_minutes(minutes: int) -> str:
    """Return minutes in words: exact below an hour, then hours, then days, rounded up."""
    if minutes < 60:
        return ngettext("%(count)d minute", "%(count)d minutes", minutes) % {"count": minutes}
    hours = -(-minutes // 60)
    if hours < 48:
        return ngettext("%(count)d hour", "%(count)d hours", hours) % {"count": hours}
    days = -(-hours // 24)
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}


def _count_tips() -> TipFigures:
    with connection.cursor() as cursor:
        today = timezone.localtime().replace(hour=0, minute=0, second=0, microsecond=0)
        cursor.execute("SELECT * FROM tip_figures(%s)", [today])
        received, answered, opened, median = cursor.fetchone()
    return TipFigures(
        received=received if received >= MIN_SHOWN else None,
        answered=answered if answered >= MIN_SHOWN else None,
        median_minutes=max(1, round(median)) if opened >= MIN_FOR_MEDIAN else None,
    )


def read_months() -> list[MonthFigures]:
    """Return the twelve months before this one, oldest first. Erased tips are no longer counted."""
    with connection.cursor() as cursor:
        zone = timezone.get_current_timezone_name()
        cursor.execute("SELECT * FROM tip_months(%s, %s, %s)", [MONTHS, timezone.now(), zone])
        return [
            MonthFigures(dt.date(year, month, 1), *(count - count % MIN_SHOWN for count in counts))
            for year, month, *counts in cursor.fetchall()
        ]


def count_received_in_hour_before(hour: dt.datetime) -> int | None:
    """Return how many tips came in the hour that ended at this full hour, rounded down to fives; None for fewer than five.

    For the staff side: the public role can't tell hours apart.
    """
    count = "SELECT count(*) FROM tips_tip WHERE received_at = %s AND tip_is_counted(id, category_id)"
    with connection.cursor() as cursor:
        cursor.execute(count, [hour - dt.timedelta(hours=1)])
        (received,) = cursor.fetchone()
    return received // MIN_SHOWN * MIN_SHOWN or None
