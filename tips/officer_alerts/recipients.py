"""Chooses the officers that an alert goes to, first and when nobody has acknowledged it."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from core.staff.groups import SUPERVISOR
from tips import readers
from tips.models import Duty, Notification
from tips.officer_alerts.duty_calendar import DutyCalendar

NotificationState = Notification.NotificationState


def choose_recipients(category_id: int, unit_id: int | None, alert_id: UUID) -> list[int]:
    """Return the first non-empty group of: officers on duty for the category, all its officers, supervisors, the rest.

    Only of those who may see the tip (tips/readers.py). An officer who chose no category has all. An officer whose mail was refused for good over this alert is left out, so
    that the next group gets it.
    """
    return next((sorted(group) for group in list_groups(category_id, unit_id, alert_id) if group), [])


def list_groups(category_id: int, unit_id: int | None, alert_id: UUID) -> list[set[int]]:
    """Return the groups of `choose_recipients` in order, each whole: officers of an earlier one may be in a later one."""
    away = Notification.objects.filter(alert=alert_id, state=NotificationState.FAILED, officer_id=OuterRef("pk"))
    reachable = readers.readers_of(category_id, unit_id).exclude(email="").filter(~Exists(away))
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
