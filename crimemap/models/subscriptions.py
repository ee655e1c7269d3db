"""E-mail alerts: subscriptions, new incidents and mails. crimemap/alerts/planning.py has the rules.

No address is stored in clear text: the public side seals it, and only the bulk worker opens it (core/mail/subscriber_addresses.py).
The public side reads and changes these rows only through the functions of tipportal/database/rules.sql, which require a
link's secret.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.mail.outbox import OutboxRow
from core.mail.subscriber_addresses import HASH_BYTES, SealedContactField


class Subscription(models.Model):
    """An alert for one address: incidents of some categories (empty: all) in an area, around a point, or anywhere.

    Until `confirmed_at` is set by following the link, nothing but that link is sent.
    """

    class Rhythm(models.TextChoices):
        DAILY = "daily", _("Every morning")
        WEEKLY = "weekly", _("Every Monday")
        MONTHLY = "monthly", _("On the first of the month")

    sealed_contact = SealedContactField()
    address_hash = models.BinaryField(max_length=HASH_BYTES, db_index=True, help_text="the same for the same address")
    link_hash = models.BinaryField(max_length=HASH_BYTES, unique=True, help_text="sha256 of the secret in its links")
    layer = models.CharField(_("kind of area"), max_length=16, blank=True)
    code = models.CharField(_("area"), max_length=60, blank=True)
    latitude = models.FloatField(null=True)
    longitude = models.FloatField(null=True)
    radius = models.PositiveIntegerField(null=True, help_text="metres")
    place = models.CharField(max_length=160, blank=True, help_text="what the point is called")
    categories = ArrayField(models.CharField(max_length=40), default=list, help_text="slugs; empty: all")
    rhythm = models.CharField(_("rhythm"), max_length=8, choices=Rhythm)
    asked_at = models.DateTimeField(default=timezone.now)
    confirmed_at = models.DateTimeField(_("confirmed"), null=True)
    sent_up_to = models.PositiveIntegerField(default=0, help_text="editions up to this one are told, or in a delivery")
    looked_on = models.DateField(null=True, help_text="start of the day, week or month that was looked at last")

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        indexes = [
            models.Index(fields=["rhythm", "looked_on"], name="subscription_due", condition=~Q(confirmed_at=None))
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(layer="", code="") | (~Q(layer="") & ~Q(code="") & Q(radius=None)),
                name="subscription_area_whole",
            ),
            models.CheckConstraint(
                condition=Q(latitude=None, longitude=None, radius=None)
                | Q(
                    latitude__isnull=False,
                    longitude__isnull=False,
                    radius__isnull=False,
                    latitude__range=(-90, 90),
                    longitude__range=(-180, 180),
                    radius__gt=0,
                ),
                name="subscription_circle_whole",
            ),
            models.CheckConstraint(
                condition=Q(rhythm__in=["daily", "weekly", "monthly"]), name="subscription_rhythm_known"
            ),
            models.CheckConstraint(
                condition=Q(confirmed_at=None) | ~Q(looked_on=None), name="subscription_confirmed_looked_at"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_rhythm_display()} {self.pk}"


class AlertLink(models.Model):
    """A link that acts for an address, one for each alert it confirmed.

    It outlives the alert, because people unsubscribe by links in old mails, and is deleted with the address.
    """

    link_hash = models.BinaryField(max_length=HASH_BYTES, primary_key=True)
    address_hash = models.BinaryField(max_length=HASH_BYTES, db_index=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return "link of an address"


class Edition(models.Model):
    """A publication that alerts have processed, with the incidents it added.

    The first edition holds the incidents known when alerts began; no mail reports it.
    """

    number = models.PositiveIntegerField(primary_key=True)
    version = models.CharField(max_length=64, help_text="Published.version")
    made_at = models.DateTimeField(default=timezone.now)
    public_ids = models.BinaryField(help_text="12 bytes each: those of the last 60 days that no earlier edition has")

    class Meta:
        ordering = ["number"]
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)


class Delivery(OutboxRow):
    """One mail. Its text is written at each try, from `parts` and `up_to` or `confirms`."""

    class DeliveryState(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        EMPTY = "empty", _("Nothing left to say")
        REFUSED = "refused", _("Address refused")
        FAILED = "failed", _("Given up")

    address_hash = models.BinaryField(max_length=HASH_BYTES, db_index=True)
    confirms = models.ForeignKey(
        Subscription, models.CASCADE, null=True, help_text="the subscription that this mail asks to confirm"
    )
    parts = models.JSONField(default=list, help_text="[[subscription, edition after which it is told], ...]")
    up_to = models.PositiveIntegerField(default=0, help_text="the last edition that this mail tells of")
    told = models.BinaryField(default=b"", help_text="public ids, kept for addresses with several subscriptions")
    state = models.CharField(_("state"), max_length=8, choices=DeliveryState, default=DeliveryState.WAITING)
    made_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = _("alert mail")
        verbose_name_plural = _("alert mails")
        indexes = [
            models.Index(fields=["next_attempt_at"], name="delivery_waiting", condition=Q(state="waiting")),
            models.Index(fields=["made_at"], name="delivery_made"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=["waiting", "sent", "empty", "refused", "failed"]), name="delivery_state_known"
            )
        ]

    def __str__(self) -> str:
        return str(self.pk)
