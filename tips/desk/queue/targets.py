"""Response targets: the time in which a tip is to be opened, answered or taken further, and the part of it that is left."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.db.models import (
    Case,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tips.desk.queue.summaries import Summary
from tips.models import Author, Message, Priority, ResponseTarget, State, Tip

Step = ResponseTarget.Step
# Until someone changes them in the settings.
DEFAULTS = {
    Step.URGENT_OPENING: dt.timedelta(minutes=15),
    Step.URGENT_ANSWER: dt.timedelta(minutes=15),
    Step.OPENING: dt.timedelta(hours=1),
    Step.ANSWER: dt.timedelta(hours=4),
    Step.NEXT_STEP: dt.timedelta(days=1),
    Step.REPLY: dt.timedelta(days=5),
}

_MINUTE = dt.timedelta(minutes=1)
_HOUR = 60
_DAY = 24 * _HOUR


def _read_target(step: Step) -> Coalesce:
    """Return the expression that reads a target; PostgreSQL evaluates it once a query."""
    span = ExpressionWrapper(F("minutes") * Value(_MINUTE), output_field=DurationField())
    stored = ResponseTarget.objects.filter(step=step).annotate(span=span).values("span")[:1]
    return Coalesce(Subquery(stored), Value(DEFAULTS[step]), output_field=DurationField())


_newest = Message.objects.filter(tip=OuterRef("pk")).order_by("-position")
# The columns that `order` adds to a tip: the time and author of its newest message (None without one), when the clock of its
# next step began, and when that is due.
LAST_WRITTEN = Subquery(_newest.values("written_at")[:1])
LAST_AUTHOR = Subquery(_newest.values("author")[:1])
CLOCK_BEGAN = Case(
    When(state=State.NEW, then=F("received_at")),
    default=Coalesce(F("last_written"), F("received_at")),
    output_field=DateTimeField(),
)
_IS_URGENT = Q(priority=Priority.URGENT)
_IS_ANSWERED = Q(last_author=Author.STAFF)
TARGET = Case(
    When(_IS_URGENT & Q(state=State.NEW), then=_read_target(Step.URGENT_OPENING)),
    When(state=State.NEW, then=_read_target(Step.OPENING)),
    When(state=State.WAITING, has_unread=False, then=_read_target(Step.REPLY)),
    When(_IS_ANSWERED & Q(has_unread=False), then=_read_target(Step.NEXT_STEP)),
    When(_IS_URGENT, then=_read_target(Step.URGENT_ANSWER)),
    default=_read_target(Step.ANSWER),
    output_field=DurationField(),
)
DUE_AT = ExpressionWrapper(F("clock_began") + F("target"), output_field=DateTimeField())
# A new tip's arrival is known to the hour without opening it, so it is surely late only an hour later.
_SURELY_DUE_AT = ExpressionWrapper(
    F("due_at") + Case(When(state=State.NEW, then=Value(dt.timedelta(hours=1))), default=Value(dt.timedelta())),
    output_field=DateTimeField(),
)
_SOON_AT = ExpressionWrapper(F("surely_due_at") - F("target") / Value(3), output_field=DateTimeField())
LATE, SOON, IN_TIME, WAITING = "late", "soon", "in_time", "waiting"
# As the pie of a line: soon with under a third of the time left.
STANDING = Case(
    When(state=State.WAITING, has_unread=False, then=Value(WAITING)),
    When(is_asleep=True, then=Value(WAITING)),
    When(surely_due_at__lt=Now(), then=Value(LATE)),
    When(Q(soon_at__lt=Now()), then=Value(SOON)),
    default=Value(IN_TIME),
)


def with_due(tips: QuerySet[Tip]) -> QuerySet[Any]:
    """Return tips of worklist.visible_with_unread with the columns named above, and with how they stand against their targets."""
    annotated = tips.alias(last_author=LAST_AUTHOR).annotate(last_written=LAST_WRITTEN)
    annotated = annotated.annotate(clock_began=CLOCK_BEGAN, target=TARGET).alias(due_at=DUE_AT)
    return annotated.alias(surely_due_at=_SURELY_DUE_AT).alias(soon_at=_SOON_AT).alias(standing=STANDING)


@dataclass(frozen=True, slots=True)
class Due:
    """The time left in words, and the share of the target that is used up, in percent (at most 100)."""

    words: str
    target: str
    used_percent: int
    is_late: bool

    @property
    def pie(self) -> str:
        """Return the name of the pie's color: "over", "soon" with under a third left, or ""."""
        if self.is_late:
            return "over"
        return "soon" if self.used_percent * 3 > 200 else ""


def set_exact_arrival(tip: Tip, summary: Summary | None) -> None:
    """Let the clock of a new tip begin at its arrival to the second, which is sealed, and not at the hour of it."""
    if tip.state == State.NEW and summary is not None and summary.arrived_at is not None:
        tip.clock_began = summary.arrived_at  # type: ignore[attr-defined]


def measure(tip: Tip, now: dt.datetime) -> Due | None:
    """Return how much time a tip of the queue has left; None for a closed tip without a new message, and for one asleep."""
    if tip.is_asleep or (tip.state == State.CLOSED and not tip.has_unread):  # type: ignore[attr-defined]
        return None
    target: dt.timedelta = tip.target  # type: ignore[attr-defined]
    left = tip.clock_began + target - now  # type: ignore[attr-defined]
    minutes = ceil(left / _MINUTE)
    used_percent = min(100, max(0, round(100 * (1 - left / target))))
    span = describe_minutes(int(target / _MINUTE))
    if minutes < 0:
        return Due(
            _("%(time)s over") % {"time": describe_span(-left)}, _("target %(time)s") % {"time": span}, 100, True
        )
    if minutes == 0:
        return Due(_("due now"), "", 100, False)
    return Due(
        _("%(time)s left") % {"time": describe_span(minutes * _MINUTE)},
        _("of %(time)s") % {"time": span},
        used_percent,
        False,
    )


def describe_minutes(minutes: int) -> str:
    """Return a target in words: "90 min", "4 h", "5 days"; in hours or days only if these are whole."""
    if minutes % _HOUR:
        return _("%(count)s min") % {"count": minutes}
    if minutes % _DAY:
        return _("%(count)s h") % {"count": minutes // _HOUR}
    return describe_span(minutes * _MINUTE)


def describe_span(span: dt.timedelta) -> str:
    """Return a duration in one unit, rounded down: "45 min", "3 h", "2 days"."""
    minutes = int(span.total_seconds() // 60)
    if minutes < _HOUR:
        return _("%(count)s min") % {"count": max(1, minutes)}
    if minutes < _DAY:
        return _("%(count)s h") % {"count": minutes // _HOUR}
    return ngettext("%(count)s day", "%(count)s days", minutes // _DAY) % {"count": minutes // _DAY}
