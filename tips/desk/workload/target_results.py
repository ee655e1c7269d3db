"""The targets of the desk in the last four weeks: how soon tips were opened, and messages of sources answered.

Over the whole desk and never by officer. Without sensitive and walled tips.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import ceil

from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import Account
from tips.desk import worklist
from tips.desk.queue import targets
from tips.desk.queue.targets import Step, Targets
from tips.desk.queue.views import GENERAL
from tips.models import Author, Message, Priority, State, Tip

WEEKS = 4
# Enough for any agency's four weeks; the newest count.
_MOST_READ = 5000
_HOUR = dt.timedelta(hours=1)


@dataclass(slots=True)
class TargetResult:
    """One target and the times it took, of the tips or messages that were dealt with or are late without."""

    title: str
    target: str
    spans: list[dt.timedelta] = field(default_factory=list)
    met: int = 0
    count: int = 0
    in_duty_hours: bool = False

    def _describe(self, span: dt.timedelta) -> str:
        return targets.describe_hours(span) if self.in_duty_hours else targets.describe_span(span)

    def _find_span(self, share: float) -> str:
        """Return the time within which this share was dealt with, of those that were; "" without any."""
        return self._describe(sorted(self.spans)[ceil(len(self.spans) * share) - 1]) if self.spans else ""

    @property
    def half(self) -> str:
        return self._find_span(0.5)

    @property
    def nine_of_ten(self) -> str:
        return self._find_span(0.9)


def measure_results(supervisor: Account) -> list[TargetResult]:
    """Return the results for opening urgent tips, opening all others, and answering sources. Few queries, whatever the number.

    Tips count by the priority that they have now. The arrival of a tip and the times of messages are known to the hour: of a
    target that counts hours on duty the result may be wrong by an hour.
    """
    since = timezone.now() - dt.timedelta(weeks=WEEKS)
    known = Targets.load(since - _HOUR)
    tips = worklist.visible_with_unread(supervisor).filter(GENERAL).exclude(worklist.SPAM)
    recent = tips.filter(received_at__gte=since)
    urgent = _begin(_("Urgent"), _("opened in %(time)s"), known, Step.URGENT_OPENING)
    other = _begin(_("All others"), _("opened in %(time)s"), known, Step.OPENING)
    answers = _begin(_("Source wrote"), _("answered in %(time)s"), known, Step.ANSWER)
    columns = ("received_at", "opened_after", "priority")
    rows: Iterable[tuple[dt.datetime, dt.timedelta | None, int]]
    rows = recent.order_by("-received_at").values_list(*columns)[:_MOST_READ]
    for began, after, priority in rows:
        is_urgent = priority == Priority.URGENT
        step = Step.URGENT_OPENING if is_urgent else Step.OPENING
        _add(urgent if is_urgent else other, known, step, began, began + after if after is not None else None)
    for began, answered in _list_turns(tips, since):
        _add(answers, known, Step.ANSWER, began, answered)
    return [urgent, other, answers]


def _list_turns(tips: QuerySet[Tip], since: dt.datetime) -> Iterable[tuple[dt.datetime, dt.datetime | None]]:
    """Return when sources wrote after an answer or first, and when they got an answer; None if they wait for it.

    A closed tip waits for none.
    """
    around = Message.objects.filter(tip=OuterRef("tip"))
    before = around.filter(position__lt=OuterRef("position")).order_by("-position").values("author")[:1]
    after = around.filter(author=Author.STAFF, position__gt=OuterRef("position")).order_by("position")
    written = Message.objects.filter(tip__in=tips.order_by().values("pk"), author=Author.SOURCE, written_at__gte=since)
    written = written.annotate(previous=Subquery(before), answered_at=Subquery(after.values("written_at")[:1]))
    turns = written.filter(Q(previous=None) | ~Q(previous=Author.SOURCE)).exclude(
        answered_at=None, tip__state=State.CLOSED
    )
    return turns.order_by("-written_at").values_list("written_at", "answered_at")[:_MOST_READ]


def _begin(title: str, words: str, known: Targets, step: Step) -> TargetResult:
    in_duty_hours = known.counts_duty(step)
    span = targets.describe_minutes(int(known.spans[step] / dt.timedelta(minutes=1)), in_days=not in_duty_hours)
    return TargetResult(title, words % {"time": span}, in_duty_hours=in_duty_hours)


def _add(result: TargetResult, known: Targets, step: Step, began: dt.datetime, ended: dt.datetime | None) -> None:
    """Count one tip or message. One that nobody has dealt with counts once it is surely late, an hour after its target."""

    def measure(end: dt.datetime) -> dt.timedelta:
        return known.hours.count(began, end) if result.in_duty_hours and known.hours else end - began

    if ended is None:
        result.count += measure(known.now) > known.spans[step] + _HOUR
        return
    span = max(measure(ended), dt.timedelta())
    result.count += 1
    result.met += span <= known.spans[step]
    result.spans.append(span)
