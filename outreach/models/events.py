"""Public events and residents' subscriptions to reminders of them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.mail.outbox import OutboxRow
from core.mail.subscriber_addresses import SealedContactField


class Event(models.Model):
    """One event. `place_ref` and `areas`, a list of [layer, code], are keys of crimemap.places.lookup.

    `version` counts saves and is checked against edit conflicts. `moves` counts changes of time or place after publication.
    """

    class EventStatus(models.TextChoices):
        DRAFT = "draft", _("Draft")
        PUBLISHED = "published", _("Published")
        CANCELLED = "cancelled", _("Canceled")

    slug = models.SlugField(
        _("address"),
        unique=True,
        help_text=_("The last part of the web address. You can't change it after publishing."),
    )
    uid = models.UUIDField(unique=True, default=uuid.uuid4, editable=False, help_text="names it in calendars for good")
    title = models.CharField(_("title"), max_length=100)
    body = models.TextField(_("text"), max_length=20_000, blank=True)
    starts_at = models.DateTimeField(_("starts"))
    ends_at = models.DateTimeField(_("ends"))
    place = models.CharField(_("place"), max_length=200, help_text=_("The name residents know, with the street."))
    place_ref = models.CharField(max_length=40, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    areas = models.JSONField(default=list, blank=True, editable=False)
    status = models.CharField(_("state"), max_length=9, choices=EventStatus, default=EventStatus.DRAFT, editable=False)
    cancelled_because = models.CharField(_("reason for canceling"), max_length=300, blank=True, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    moves = models.PositiveIntegerField(default=0, editable=False)
    changed_at = models.DateTimeField(_("last changed"), default=timezone.now, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["starts_at", "slug"]
        constraints = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="event_ends_after_start"),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "published", "cancelled"]), name="event_status_known"
            ),
            models.CheckConstraint(
                condition=Q(status="cancelled") & ~Q(cancelled_because="")
                | ~Q(status="cancelled") & Q(cancelled_because=""),
                name="event_cancelled_says_why",
            ),
            models.CheckConstraint(
                condition=Q(latitude__isnull=True, longitude__isnull=True)
                | Q(latitude__isnull=False, longitude__isnull=False)
                & Q(latitude__range=(-90, 90), longitude__range=(-180, 180)),
                name="event_point_whole",
            ),
        ]
        indexes = [models.Index(fields=["ends_at"], name="event_by_end")]

    def __str__(self) -> str:
        return self.title


class Reminder(models.Model):
    """A resident's subscription to mails about one event. It is deleted when the event is over.

    The address is sealed (core/mail/subscriber_addresses.py). The public side creates, confirms and deletes reminders through
    database functions (rules.sql); the bulk worker mails and deletes them.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="reminders")
    sealed_contact = SealedContactField(editable=False)
    address_hash = models.BinaryField(max_length=32, editable=False)
    link_hash = models.BinaryField(
        unique=True, max_length=32, editable=False, help_text="of the secret in the mails' links"
    )
    asked_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(null=True)
    moves = models.PositiveIntegerField(default=0, help_text="the event's, as last told to this address")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["event", "address_hash"], name="one_reminder_an_address")]
        indexes = [
            models.Index(fields=["asked_at"], condition=Q(confirmed_at__isnull=True), name="reminder_unconfirmed")
        ]

    def __str__(self) -> str:
        return f"reminder {self.id}"


class ReminderMail(OutboxRow):
    """One mail about an event to one address."""

    class MailKind(models.TextChoices):
        CONFIRM = "confirm", _("asks to confirm the reminder")
        REMIND = "remind", _("reminds")
        MOVED = "moved", _("says the time or place changed")
        CANCELLED = "cancelled", _("says it's canceled")

    class MailState(models.TextChoices):
        WAITING = "waiting", _("waiting")
        SENT = "sent", _("sent to the mail server")

    reminder = models.ForeignKey(Reminder, on_delete=models.CASCADE, related_name="mails")
    kind = models.CharField(max_length=9, choices=MailKind)
    starts_at = models.DateTimeField(help_text="the start of the event that it speaks of")
    raised_at = models.DateTimeField(default=timezone.now)
    state = models.CharField(max_length=8, choices=MailState, default=MailState.WAITING)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["reminder", "starts_at"], condition=Q(kind="remind"), name="one_reminder_a_start"
            ),
            models.UniqueConstraint(
                fields=["reminder", "kind"], condition=Q(state="waiting"), name="one_waiting_mail_a_kind"
            ),
        ]
        indexes = [models.Index(fields=["next_attempt_at"], condition=Q(state="waiting"), name="reminder_mail_waiting")]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"
