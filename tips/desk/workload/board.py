"""Counts open tips by officer, against their targets, and finds those that have waited longest."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import F, Q, QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from tips import readers
from tips.desk import permissions, worklist
from tips.desk.queue import targets
from tips.desk.queue.views import GENERAL
from tips.desk.workload.reminders import was_reminded_today
from tips.models import Priority, Tip
from tips.officer_alerts.duty_calendar import DutyCalendar

# In units of the bar's drawing. A tip is one step wide; a bar with more tips than fit is drawn to scale.
_BAR_WIDTH, _TIP_WIDTH = 120.0, 10.0


@dataclass(slots=True)
class OfficerLoad:
    """The open tips of one account, or of nobody (`officer` None).

    `is_away`: the account has a day off or no longer works on tips; `duty` says so in words. `standing` counts them by "late", "soon", "in_time" and "waiting"; `reminded` are the late ones of which the officer was reminded today; `oldest` is the id, number and waiting time of the one
    whose clock has run longest.
    """

    officer: Account | None
    is_on_duty: bool = False
    is_away: bool = False
    duty: str = ""
    urgent: int = 0
    reminded: int = 0
    standing: dict[str, int] = field(default_factory=lambda: dict.fromkeys(("late", "soon", "in_time", "waiting"), 0))
    oldest: tuple[UUID, int, dt.timedelta] | None = None

    @property
    def name(self) -> str:
        return (self.officer.get_full_name() or self.officer.get_username()) if self.officer else _("Nobody")

    @property
    def who(self) -> str:
        """Return the value of the queue's filter by officer."""
        return str(self.officer.pk) if self.officer else "nobody"

    @property
    def open(self) -> int:
        return sum(self.standing.values())

    @property
    def late(self) -> int:
        return self.standing["late"]

    @property
    def can_be_reminded(self) -> bool:
        """Return whether there is a late tip of which the officer was not reminded today; not while they are away."""
        return self.officer is not None and not self.is_away and self.late > self.reminded

    @property
    def oldest_wait(self) -> str:
        return targets.describe_span(self.oldest[2]) if self.oldest else ""

    @property
    def words(self) -> str:
        """Return the bar in words: "1 late, 3 in time"."""
        late, soon, in_time, waiting = self.standing.values()
        parts = (
            (late, ngettext("%(count)s late", "%(count)s late", late)),
            (soon, ngettext("%(count)s soon", "%(count)s soon", soon)),
            (in_time, ngettext("%(count)s in time", "%(count)s in time", in_time)),
            (waiting, ngettext("%(count)s waiting", "%(count)s waiting", waiting)),
        )
        return ", ".join(words % {"count": count} for count, words in parts if count)

    @property
    def bar(self) -> list[tuple[str, str, str]]:
        """Return the parts of the bar as (class, x, width) of an SVG that is 120 units wide."""
        step = min(_TIP_WIDTH, _BAR_WIDTH / max(1, self.open))
        parts, start = [], 0.0
        for index, count in enumerate(self.standing.values()):
            if count:
                parts.append((f"l{index}", f"{start:.1f}", f"{max(0.5, count * step - 1.5):.1f}"))
                start += count * step
        return parts


@dataclass(frozen=True, slots=True)
class Board:
    """The loads in the order of names, nobody's last, and their sums."""

    loads: list[OfficerLoad]

    def _sum(self, name: str) -> int:
        return sum(load.standing[name] for load in self.loads)

    @property
    def late(self) -> int:
        return self._sum("late")

    @property
    def waiting(self) -> int:
        return self._sum("waiting")

    @property
    def urgent(self) -> int:
        return sum(load.urgent for load in self.loads)

    @property
    def open(self) -> int:
        return sum(load.open for load in self.loads)

    @property
    def nobodys(self) -> int:
        return sum(load.open for load in self.loads if load.officer is None)

    @property
    def off_duty(self) -> int:
        return sum(load.open for load in self.loads if load.officer is not None and not load.is_on_duty)


def load_board(supervisor: Account) -> Board:
    """Return the loads of all officers who have tips that this supervisor may know of, and of officers without any.

    Times of arrival are known to the hour without opening a tip, so a new tip counts as late here up to an hour after its
    line in the queue does.
    """
    now, calendar = timezone.now(), DutyCalendar.load()
    tips = worklist.visible_with_unread(supervisor).filter(GENERAL, worklist.ACTIVE)
    loads: dict[int | None, OfficerLoad] = {None: OfficerLoad(None, duty=_("on the desk"))}
    for account in _list_accounts(tips):
        loads[account.pk] = _begin_load(account, calendar, now)
    its_targets = targets.Targets.load()
    rows = its_targets.with_standing(its_targets.with_due(tips)).annotate(stands=F("standing"))
    columns = ("id", "number", "assigned_to", "priority", "stands", "clock_began")
    reminders = ("desk_state__reminded_officer", "desk_state__reminded_on")
    for tip_id, number, officer_id, priority, standing, began, *reminded in rows.values_list(
        *columns, *reminders
    ).iterator():
        if officer_id not in loads:  # assigned since the accounts were read
            continue
        load = loads[officer_id]
        load.standing[standing] += 1
        load.urgent += priority == Priority.URGENT
        load.reminded += standing == targets.LATE and was_reminded_today(officer_id, *reminded)
        waited = max(now - began, dt.timedelta())
        if load.oldest is None or waited > load.oldest[2]:
            load.oldest = tip_id, number, waited
    nobody = loads.pop(None)
    return Board([*sorted(loads.values(), key=lambda load: load.name.casefold()), nobody])


def _list_accounts(tips: QuerySet[Tip]) -> QuerySet[Account]:
    """Return the officers and supervisors, and every other account that still has one of these tips."""
    people = Q(pk__in=readers.desk_accounts().values("pk")) | Q(pk__in=tips.values("assigned_to"))
    return Account.objects.filter(people).prefetch_related("groups")


def _begin_load(account: Account, calendar: DutyCalendar, now: dt.datetime) -> OfficerLoad:
    """Return a load without tips yet, with what the board says under the name."""
    if not permissions.is_desk_account(account):
        words = _("no longer an officer") if account.is_active else _("account turned off")
        return OfficerLoad(account, is_away=True, duty=words)
    duty, today = calendar.of(account.pk), timezone.localdate(now)
    if duty.is_on_duty(now):
        end = duty.find_end(now)
        until = formats.date_format(timezone.localtime(end), "D P") if end else ""
        words = _("on duty until %(time)s") % {"time": until} if end else _("on duty")
        return OfficerLoad(account, is_on_duty=True, duty=words)
    days_off = [off for off in duty.days_off if off.officer_id == account.pk and off.first_day <= today <= off.last_day]
    if days_off:
        last = formats.date_format(max(off.last_day for off in days_off), "MONTH_DAY_FORMAT")
        return OfficerLoad(account, is_away=True, duty=_("away until %(day)s") % {"day": last})
    start = calendar.find_next_start(now, [account.pk])
    until = formats.date_format(timezone.localtime(start), "D P") if start else ""
    return OfficerLoad(account, duty=_("off duty until %(time)s") % {"time": until} if start else _("off duty"))
