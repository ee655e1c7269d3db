"""Events residents can come to, and the reminders they asked for."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Event(models.Model):
    """One event. `place_ref` and `areas` are as crimemap.places names them; the point is where it is held."""

    class EventStatus(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        CANCELLED = "cancelled", _("Cancelled")

    slug = models.SlugField(_("address"), unique=True, help_text=_("The last part of its address."))
    title = models.CharField(_("title"), max_length=100)
    body = models.TextField(_("text"), max_length=20_000, blank=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    place = models.CharField(_("place"), max_length=200)
    place_ref = models.CharField(max_length=40, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    areas = models.JSONField(_("areas"), default=list, blank=True)
    status = models.CharField(_("state"), max_length=9, choices=EventStatus, default=EventStatus.DRAFT)
    version = models.PositiveIntegerField(default=1, editable=False)
    changed_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["starts_at", "slug"]
        constraints = [models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="event_ends_after_start")]

    def __str__(self) -> str:
        return self.title


class Reminder(models.Model):
    """Somebody wants a mail before an event. The address is sealed (tipportal/addresses.py) and goes after the event."""

    class ReminderState(models.TextChoices):
        ASKED = "asked", _("Awaits confirmation")
        CONFIRMED = "confirmed", _("Confirmed")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Not sent")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="reminders")
    address = models.BinaryField()
    address_hash = models.BinaryField(max_length=32)
    token_hash = models.BinaryField(max_length=32, unique=True)
    asked_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=9, choices=ReminderState, default=ReminderState.ASKED)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["event", "address_hash"], name="one_reminder_an_address")]

    def __str__(self) -> str:
        return str(self.id)
