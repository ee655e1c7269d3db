"""An officer goes on duty, stays on longer, or hands their open tips over and goes off duty."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import QuerySet
from django.utils import formats, timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.web.asked_once import forget_answers
from tips import readers
from tips.conversation import TipGoneError
from tips.desk import permissions, triage
from tips.models import Duty, State, Tip
from tips.officer_alerts.duty_calendar import EXTENSION, DutyCalendar, OfficerDuty, read_calendar


@dataclass(frozen=True, slots=True)
class DescribedDuty:
    """An officer's duty for a page: a sentence, the few words of a button, whether it can be extended, and the shifts as text."""

    is_on: bool
    can_extend: bool
    sentence: str
    brief: str
    shifts: list[str]


def describe_duty(officer: Account) -> DescribedDuty:
    now, calendar = timezone.now(), read_calendar()
    duty = calendar.of(officer.pk)
    is_on = duty.is_on_duty(now)
    other = duty.find_end(now) if is_on else calendar.find_next_start(now, [officer.pk])
    when = formats.date_format(timezone.localtime(other), "D P") if other else ""
    brief = _("On duty") if is_on else _("Off duty")
    if is_on and other:
        brief = _("On duty to %(time)s") % {"time": formats.date_format(timezone.localtime(other), "P")}
    if is_on:
        sentence = _("You're on duty (until %(when)s).") % {"when": when} if when else _("You're on duty.")
    elif when:
        sentence = _("You're off duty (next shift: %(when)s).") % {"when": when}
    else:
        sentence = _("You're off duty.")
    shifts = [
        _("%(weekday)s, %(start)s to %(end)s")
        % {
            "weekday": shift.get_weekday_display(),
            "start": formats.time_format(shift.starts_at),
            "end": formats.time_format(shift.ends_at),
        }
        for shift in sorted(duty.shifts, key=lambda shift: (shift.weekday, shift.starts_at))
    ]
    return DescribedDuty(is_on, bool(duty.shifts) and is_on, sentence, brief, shifts)


@dataclass(slots=True)
class Handover:
    """`moved`: how many tips went; `kept`: numbers of the tips that stay, since the next officer may not see them."""

    moved: int = 0
    kept: list[int] = field(default_factory=list)


def find_duty(officer: Account) -> OfficerDuty:
    return DutyCalendar.load(officer.pk).of(officer.pk)


def go_on_duty(officer: Account) -> None:
    """Turn on the switch; for an officer with shifts, begin duty that lasts as long as an extension, or the rest of the shift."""
    now, present = timezone.now(), find_duty(officer)
    if present.is_on_duty(now):
        return
    if not present.shifts:
        _change(officer, on_duty=True)
    elif present.find_shift(now) is not None:
        _change(officer, left_until=None)
    else:
        _change(officer, extended_until=_floor_minute(now + EXTENSION))


def extend_duty(officer: Account) -> None:
    """Stay on duty for EXTENSION longer than planned."""
    now, present = timezone.now(), find_duty(officer)
    if present.shifts and present.is_on_duty(now):
        _change(officer, extended_until=_floor_minute((present.find_end(now) or now) + EXTENSION))


def go_off_duty(officer: Account) -> None:
    """Turn off the switch; an officer with shifts is off duty until the present ones have ended."""
    now, present = timezone.now(), find_duty(officer)
    if not present.is_on_duty(now):
        return
    if not present.shifts:
        _change(officer, on_duty=False, extended_until=None)
        return
    present.extended_until = None
    _change(officer, extended_until=None, left_until=present.find_end(now))


def _floor_minute(moment: dt.datetime) -> dt.datetime:
    return moment.replace(second=0, microsecond=0)


@transaction.atomic
def _change(officer: Account, **columns: bool | dt.datetime | None) -> None:
    duty, _created = Duty.objects.select_for_update().get_or_create(officer=officer)
    changes = {name: value for name, value in columns.items() if getattr(duty, name) != value}
    described = []
    for name, value in sorted(changes.items()):
        described.append(f"{name}: {_describe(getattr(duty, name))} -> {_describe(value)}")
        setattr(duty, name, value)
    if changes:
        duty.save(update_fields=list(changes))
        forget_answers()
        audit.record(officer, "changed duty", f"duty {officer}", ", ".join(described))


def _describe(value: bool | dt.datetime | None) -> str:
    if isinstance(value, dt.datetime):
        return timezone.localtime(value).isoformat(" ", "minutes")
    return "-" if value is None else str(value)


# Handover


def list_open_tips(officer: Account) -> QuerySet[Tip]:
    """Return the tips that the officer has and that are not closed, of those that they may see."""
    return permissions.visible_tips(officer).filter(assigned_to=officer).exclude(state=State.CLOSED)


def list_colleagues(officer: Account) -> QuerySet[Account]:
    return readers.desk_accounts().exclude(pk=officer.pk).order_by("first_name", "last_name", "username")


def hand_over(officer: Account, colleague: Account | None, word: str, form_id: bytes) -> Handover:
    """Assign all open tips of the officer to a colleague, or to nobody. Opens none.

    The word becomes a note on each tip that has been opened: nobody writes on a tip that nobody has read. A tip that the colleague
    may not see stays where it is.
    """
    done = Handover()
    for tip in list_open_tips(officer).defer("report").order_by("number"):
        try:
            triage.assign(tip, officer, colleague, word if tip.state != State.NEW else "", form_id)
        except triage.TransitionError:
            done.kept.append(tip.number)
        except TipGoneError:  # erased or walled meanwhile
            continue
        else:
            done.moved += 1
    return done
