"""Response targets: the time in which a tip is to be opened, answered or taken further, and the part of it that is left."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db.models import (
    BooleanField,
    Case,
    CharField,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Field,
    FloatField,
    Func,
    Q,
    QuerySet,
    Value,
    When,
)
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tips.desk.queue.summaries import Summary
from tips.models import Author, Priority, ResponseTarget, State, Tip
from tips.officer_alerts import duty_hours
from tips.officer_alerts.duty_hours import DutyHours

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


# Urgent tips are for any hour, and a source answers at any hour. The other steps count hours on duty.
AROUND_CLOCK = (Step.URGENT_OPENING, Step.URGENT_ANSWER, Step.REPLY)


class _NewestMessage(Func):
    """A column of a tip's newest message. It is in SQL, since Django would work it out a dozen times a page."""

    template = (
        "(SELECT newest.%(function)s FROM tips_message AS newest"
        " WHERE newest.tip_id = %(expressions)s ORDER BY newest.position DESC LIMIT 1)"
    )


# The columns that `with_due` adds to a tip: the time and author of its newest message (None without one), when the clock of its
# next step began, and which step that is.
LAST_WRITTEN = _NewestMessage("pk", function="written_at", output_field=DateTimeField())
LAST_AUTHOR = _NewestMessage("pk", function="author", output_field=CharField())
CLOCK_BEGAN = Case(
    When(state=State.NEW, then=F("received_at")),
    default=Coalesce(F("last_written"), F("received_at")),
    output_field=DateTimeField(),
)
# A tip's arrival is known to the hour without opening it, a message's to the hour in any case. Where targets are minutes, a tip is
# surely late only when an hour more has passed.
_ROUNDED = dt.timedelta(hours=1)
_SURELY_BEGAN = ExpressionWrapper(
    F("clock_began")
    + Case(
        When(Q(last_written=None) | Q(state=State.NEW) | Q(step=Step.URGENT_ANSWER), then=Value(_ROUNDED)),
        default=Value(dt.timedelta()),
    ),
    output_field=DateTimeField(),
)
_IS_URGENT = Q(priority=Priority.URGENT)
_STEPS = (
    (_IS_URGENT & Q(state=State.NEW), Step.URGENT_OPENING),
    (Q(state=State.NEW), Step.OPENING),
    (Q(state=State.WAITING, has_unread=False), Step.REPLY),
    (Q(last_author=Author.STAFF, has_unread=False), Step.NEXT_STEP),
    (_IS_URGENT, Step.URGENT_ANSWER),
)
# Of these tips nobody is late.
_WAITS = Q(state=State.WAITING, has_unread=False) | Q(is_asleep=True)
LATE, SOON, IN_TIME, WAITING = "late", "soon", "in_time", "waiting"


@dataclass(frozen=True, slots=True)
class Due:
    """The time left in words, and the share of the target that is used up, in percent (at most 100).

    `hint` says how the time is counted, "" where it is by the clock.
    """

    words: str
    target: str
    used_percent: int
    is_late: bool
    hint: str

    @property
    def dashes(self) -> str:
        """Return the dash and gap of the pie's line."""
        return f"{self.used_percent} 100"

    @property
    def pie(self) -> str:
        """Return the name of the pie's color: "over", "soon" with under a third left, or ""."""
        if self.is_late:
            return "over"
        return "soon" if self.used_percent * 3 > 200 else ""


def _by_step(choose: Callable[[Step], Any], output_field: Field[Any, Any]) -> Case:
    whens = [When(condition, then=Value(choose(step))) for condition, step in _STEPS]
    return Case(*whens, default=Value(choose(Step.ANSWER)), output_field=output_field)


@dataclass(frozen=True, slots=True)
class Targets:
    """The agency's targets as of one moment, with the hours on duty that most of them count. `hours` None: day and night."""

    now: dt.datetime
    spans: dict[Step, dt.timedelta]
    hours: DutyHours | None

    @classmethod
    def load(cls, since: dt.datetime | None = None) -> Targets:
        """Read the targets, with the hours on duty since `since`, and at least those that decide which tips are late."""
        stored = dict(ResponseTarget.objects.values_list("step", "minutes"))
        spans = {step: stored[step] * _MINUTE if step in stored else DEFAULTS[step] for step in Step}
        longest = max(span for step, span in spans.items() if step not in AROUND_CLOCK)
        now = timezone.now()
        return cls(now, spans, duty_hours.load(now, longest, since))

    def cover(self, since: dt.datetime) -> Targets:
        """Return the targets with the hours on duty since then: from there on, what a tip is over is exact."""
        return self if self.hours is None or self.hours.covers(since) else Targets.load(since)

    def with_due(self, tips: QuerySet[Tip]) -> QuerySet[Any]:
        """Return tips of worklist.visible_with_unread with the columns named above, and when they are due."""
        annotated = tips.alias(last_author=LAST_AUTHOR).annotate(last_written=LAST_WRITTEN)
        annotated = annotated.annotate(clock_began=CLOCK_BEGAN, step=_by_step(lambda step: step.value, CharField()))
        return annotated.alias(due_at=self._compute_due("clock_began"))

    def with_standing(self, tips: QuerySet[Tip]) -> QuerySet[Any]:
        """Return tips of `with_due` with how they stand: a longer expression than most pages need."""
        annotated = tips.alias(surely_began=_SURELY_BEGAN, surely_due_at=self._compute_due("surely_began"))
        annotated = annotated.alias(soon_at=self._compute_due("surely_began", share=2 / 3))
        return annotated.alias(standing=self._compute_standing())

    def only_late(self, tips: QuerySet[Tip]) -> QuerySet[Any]:
        """Return those of tips of `with_due` that stand late."""
        timed = tips.alias(surely_began=_SURELY_BEGAN, surely_due_at=self._compute_due("surely_began"))
        return timed.filter(~_WAITS, surely_due_at__lt=self.now)

    def _compute_standing(self) -> Case:
        """Return the expression for how a tip stands, as the pie of its line: soon with under a third of the time left."""
        now = Value(self.now, DateTimeField())
        return Case(
            When(_WAITS, then=Value(WAITING)),
            When(surely_due_at__lt=now, then=Value(LATE)),
            When(soon_at__lt=now, then=Value(SOON)),
            default=Value(IN_TIME),
        )

    def _compute_due(self, began: str, share: float = 1) -> Func | ExpressionWrapper:
        """Return the expression for when this share of the target has passed since the time in the column `began`."""
        span = _by_step(lambda step: self.spans[step] * share, DurationField())
        if self.hours is None:
            return ExpressionWrapper(F(began) + span, output_field=DateTimeField())
        return Func(
            F(began),
            span,
            _by_step(lambda step: step in AROUND_CLOCK, BooleanField()),
            Value(self.hours.begins, ArrayField(DateTimeField())),
            Value(self.hours.ends, ArrayField(DateTimeField())),
            Value([each.total_seconds() for each in self.hours.worked], ArrayField(FloatField())),
            function="duty_due",
            output_field=DateTimeField(),
        )

    def counts_duty(self, step: Step) -> bool:
        """Return whether a step's target counts hours on duty, and not day and night."""
        return self.hours is not None and step not in AROUND_CLOCK

    def find_due(self, tip: Tip) -> dt.datetime:
        """Return when a tip of `with_due` is due."""
        began, step = _read_clock(tip)
        if self.hours is None or step in AROUND_CLOCK:
            return began + self.spans[step]
        return self.hours.find_due(began, self.spans[step])

    def measure(self, tip: Tip) -> Due | None:
        """Return how much time a tip has left; None for a closed tip without a new message, and for one asleep."""
        if tip.is_asleep or (tip.state == State.CLOSED and not tip.has_unread):  # type: ignore[attr-defined]
            return None
        began, step = _read_clock(tip)
        target, counts_duty = self.spans[step], self.counts_duty(step)
        used = self.hours.count(began, self.now) if self.hours is not None and counts_duty else self.now - began
        describe = describe_hours if counts_duty else describe_span
        span = describe_minutes(int(target / _MINUTE), in_days=not counts_duty)
        hint = _("Counted in hours in which an officer is on duty.") if counts_duty else ""
        minutes = ceil((target - used) / _MINUTE)
        if minutes < 0:
            over = _("%(time)s over") % {"time": describe(used - target)}
            return Due(over, _("target %(time)s") % {"time": span}, 100, True, hint)
        if minutes == 0:
            return Due(_("due now"), "", 100, False, hint)
        used_percent = min(100, max(0, round(100 * (used / target))))
        left = _("%(time)s left") % {"time": describe(minutes * _MINUTE)}
        return Due(left, _("of %(time)s") % {"time": span}, used_percent, False, hint)


def _read_clock(tip: Tip) -> tuple[dt.datetime, Step]:
    return tip.clock_began, Step(tip.step)  # type: ignore[attr-defined]


def set_exact_arrival(tip: Tip, summary: Summary | None) -> None:
    """Let the clock that runs since a tip's arrival begin at its second, which is sealed, and not at the hour of it.

    Of a message nobody knows the second. A target of minutes then begins with the next hour: no line says "over" by mistake.
    """
    if tip.state == State.NEW or tip.last_written is None:  # type: ignore[attr-defined]
        if summary is not None and summary.arrived_at is not None:
            tip.clock_began = summary.arrived_at  # type: ignore[attr-defined]
    elif tip.step == Step.URGENT_ANSWER:  # type: ignore[attr-defined]
        tip.clock_began = min(timezone.now(), tip.clock_began + _ROUNDED)  # type: ignore[attr-defined]


def describe_minutes(minutes: int, *, in_days: bool = True) -> str:
    """Return a target in words: "90 min", "4 h", "5 days"; in hours or days only if these are whole."""
    if minutes % _HOUR:
        return _("%(count)s min") % {"count": minutes}
    if minutes % _DAY or not in_days:
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


def describe_hours(span: dt.timedelta) -> str:
    """Return a duration in hours on duty, rounded down: "45 min", "30 h". Never in days: a day on duty may be 8 hours."""
    minutes = int(span.total_seconds() // 60)
    if minutes < _HOUR:
        return _("%(count)s min") % {"count": max(1, minutes)}
    return _("%(count)s h") % {"count": minutes // _HOUR}
