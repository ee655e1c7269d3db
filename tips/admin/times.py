"""Times about a source in words, no finer than they are stored."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tips.conversation import ConversationEntry
from tips.models import Author

_UNREAD_DAYS = 7  # from then on the desk says that the source has not read an answer
_WEEK = dt.timedelta(days=7)


def describe_age(received_at: dt.datetime) -> str:
    """Return how long ago a tip arrived, in words; `received_at` is the hour of its arrival."""
    if timezone.now() - received_at < dt.timedelta(hours=2):
        return _("less than two hours")
    return timesince(received_at, depth=1)


def describe_duration(duration: dt.timedelta) -> str:
    """Return a rounded duration in words that do not pretend to be exact."""
    return _("within %(duration)s") % {"duration": timesince(timezone.now() - duration, depth=2)}


def describe_reading(entry: ConversationEntry) -> str:
    """Return on which day the source read an answer, or for how long they have not; "" while there is nothing to say."""
    if entry.author != Author.STAFF:
        return ""
    today = timezone.localdate()
    if entry.source_read_on is None:
        days = (today - timezone.localdate(entry.written_at)).days
        sentence = ngettext(
            "The source hasn't read this in %(days)d day", "The source hasn't read this in %(days)d days", days
        )
        return sentence % {"days": days} if days >= _UNREAD_DAYS else ""
    is_recent = today - entry.source_read_on < _WEEK
    # A weekday alone ("Tuesday") within a week, the date before that.
    day = date_format(entry.source_read_on, "l" if is_recent else "DATE_FORMAT")
    return _("The source read this on %(day)s") % {"day": day}
