"""Officers' duty: the switch of each officer, the calendar of shifts, and days without them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from tips.models.categories import Category


class Duty(models.Model):
    """An officer's duty and how they are alerted: for which categories (none stands for all), and when it is quiet.

    `on_duty` is the switch of an officer who has no shifts. Those who have (tips/officer_alerts/duty_calendar.py) may be on duty
    until `extended_until` besides, and are off duty until `left_until`.
    """

    officer = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="duty", verbose_name=_("officer")
    )
    on_duty = models.BooleanField(_("on duty"), default=False)
    categories = models.ManyToManyField(Category, blank=True, related_name="duties", verbose_name=_("categories"))
    extended_until = models.DateTimeField(_("on duty until"), null=True, blank=True)
    left_until = models.DateTimeField(_("off duty until"), null=True, blank=True)
    quiet_from = models.TimeField(_("quiet from"), null=True, blank=True)
    quiet_until = models.TimeField(_("quiet until"), null=True, blank=True)

    class Meta:
        verbose_name = _("duty")
        verbose_name_plural = _("duties")
        constraints = [
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None) | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="duty_quiet_hours_whole",
            )
        ]

    def __str__(self) -> str:
        return str(self.officer)


class Shift(models.Model):
    """The hours of an officer that come every week, by the agency's clock. One that ends before it starts ends on the next day."""

    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="shifts", verbose_name=_("officer")
    )
    weekday = models.PositiveSmallIntegerField(_("starts on"), choices=WEEKDAYS.items())
    starts_at = models.TimeField(_("from"))
    ends_at = models.TimeField(_("to"))

    class Meta:
        verbose_name = _("shift")
        verbose_name_plural = _("shifts")
        ordering = ["weekday", "starts_at", "officer"]
        constraints = [
            models.UniqueConstraint(fields=["officer", "weekday", "starts_at"], name="shift_once"),
            models.CheckConstraint(condition=Q(weekday__lte=6), name="shift_on_a_weekday"),
        ]

    def __str__(self) -> str:
        return f"{self.officer}, {WEEKDAYS[self.weekday]} {self.starts_at:%H:%M}"


class DayOff(models.Model):
    """Days on which no shift starts: a holiday of the agency, or the leave of one officer."""

    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="days_off",
        verbose_name=_("officer"),
        help_text=_("Leave empty for a day on which nobody has a shift."),
    )
    first_day = models.DateField(_("first day"))
    last_day = models.DateField(_("last day"))

    class Meta:
        verbose_name = _("days off")
        verbose_name_plural = _("days off")
        ordering = ["first_day", "officer"]
        constraints = [
            models.CheckConstraint(condition=Q(last_day__gte=models.F("first_day")), name="days_off_in_order")
        ]

    def __str__(self) -> str:
        return f"{self.first_day} - {self.last_day}"
