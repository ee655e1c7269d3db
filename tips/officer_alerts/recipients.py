"""Chooses the officers that an alert goes to, first and when nobody has the tip after some minutes, and writes their notifications."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from core.models import Account
from core.staff.groups import SUPERVISOR
from tips import readers
from tips.models import Alert, AlertChannel, Duty, Notification, current_hour
from tips.officer_alerts import channels
from tips.officer_alerts.duty_calendar import DutyCalendar, find_quiet_end, is_quiet

NotificationState = Notification.NotificationState


def choose_recipients(category_id: int, unit_id: int | None, alert_id: UUID) -> list[int]:
    """Return the first non-empty group of: officers on duty for the category, all its officers, supervisors, the rest.

    Only of those who may see the tip (tips/readers.py). An officer who chose no category has all. An officer whose mail and channels
    all refused this alert for good is left out, so that the next group gets it.
    """
    return next((sorted(group) for group in list_groups(category_id, unit_id, alert_id) if group), [])


def list_groups(category_id: int, unit_id: int | None, alert_id: UUID) -> list[set[int]]:
    """Return the groups of `choose_recipients` in order, each whole: officers of an earlier one may be in a later one."""
    reachable = only_reachable(readers.readers_of(category_id, unit_id), alert_id)
    duty = Duty.objects.filter(officer=OuterRef("pk"))
    of_category = Q(Exists(duty.filter(categories=category_id))) | ~Exists(duty.filter(categories__isnull=False))
    on_duty = DutyCalendar.load().list_on_duty(timezone.now())
    groups = (
        reachable.filter(of_category, pk__in=on_duty),
        reachable.filter(of_category),
        reachable.filter(groups__name=SUPERVISOR),
        reachable,
    )
    return [set(group.values_list("pk", flat=True)) for group in groups]


def only_reachable(accounts: QuerySet[Account], alert_id: UUID | None = None) -> QuerySet[Account]:
    """Return those of the accounts that have an address or a channel which has not refused this alert for good."""
    refused = Notification.objects.filter(alert=alert_id, state=NotificationState.FAILED)
    own = AlertChannel.objects.exclude(kind=channels.EMAIL).filter(officer=OuterRef("pk"))
    working = own.exclude(Exists(refused.filter(channel=OuterRef("pk"))))
    has_mail = ~Q(email="") & ~Exists(refused.filter(officer=OuterRef("pk"), channel=None))
    return accounts.filter(has_mail | Q(Exists(working)))


def write_notifications(
    alert: Alert,
    officer_ids: Iterable[int],
    unit_id: int | None = None,
    *,
    is_sent: bool = False,
    not_before: dt.datetime | None = None,
) -> None:
    """Write a notification for the mail of each officer and each of their channels, and for the channels of a unit, once each.

    They are sent from `not_before` on, by default now. With `is_sent` they are settled already, and nothing is sent.
    """
    chosen = set(officer_ids)
    soonest = not_before or current_hour()
    now, on_duty = timezone.now(), DutyCalendar.load().list_on_duty(timezone.now())
    due = {
        duty.officer_id: find_quiet_end(duty, now)
        for duty in Duty.objects.filter(officer__in=chosen - on_duty)
        if not alert.urgent and is_quiet(duty, now)
    }
    state = NotificationState.SENT if is_sent else NotificationState.WAITING
    with_mail = Account.objects.filter(pk__in=chosen).exclude(email="").values_list("pk", flat=True)
    rows = [
        Notification(alert_id=alert.pk, officer_id=pk, state=state, next_attempt_at=due.get(pk) or soonest)
        for pk in with_mail
    ]
    owned = Q(officer__in=chosen) | (Q(unit=unit_id) if unit_id is not None else Q(pk__in=[]))
    for channel in AlertChannel.objects.exclude(kind=channels.EMAIL).filter(owned).defer("address"):
        at = due.get(channel.officer_id or 0)
        rows.append(
            Notification(
                alert_id=alert.pk,
                officer_id=channel.officer_id,
                channel_id=channel.pk,
                state=state,
                next_attempt_at=_next_time(channel, alert.urgent, at or not_before or now)
                if at or _is_cloud(channel)
                else soonest,
            )
        )
    Notification.objects.bulk_create(sorted(rows, key=lambda row: row.pk), ignore_conflicts=True)


def _is_cloud(channel: AlertChannel) -> bool:
    return channels.KINDS[channel.kind].is_cloud


def _next_time(channel: AlertChannel, is_urgent: bool, at: dt.datetime) -> dt.datetime:
    return channels.next_beat(at) if _is_cloud(channel) and not is_urgent else at
