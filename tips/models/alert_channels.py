"""Where officers and units get alerts besides email."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tips.models.units import Unit


class AlertChannelManager(models.Manager["AlertChannel"]):
    """Leaves addresses in the database, since the staff role has no right to read them. They are read when they are used."""

    def get_queryset(self) -> models.QuerySet[AlertChannel]:
        return super().get_queryset().defer("sealed_address", "address")


class AlertChannel(models.Model):
    """A channel of an officer or of a unit. Its address holds a secret: it is typed once, and the alerts worker alone opens it.

    An officer's email has a row too, of kind "email" and without an address, so that its tests have a place.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="alert_channels")
    unit = models.ForeignKey(Unit, models.CASCADE, null=True, related_name="alert_channels")
    kind = models.CharField(max_length=10)  # a key of tips.officer_alerts.channels.KINDS, or "email"
    host = models.CharField(_("server"), max_length=253, blank=True)
    # What the owner calls it, to tell it from others on the same server.
    label = models.CharField(_("name"), max_length=40, blank=True, default="", db_default="")
    # tips/officer_alerts/channel_addresses.py; empty for email. No default of the database: an insert would ask for the column back,
    # which the staff role can't read.
    sealed_address = models.BinaryField(null=True)
    # As version 0.9.0 stored it, until the alerts worker has sealed it.
    address = models.CharField(max_length=1000, blank=True, editable=False)
    tested_on = models.DateField(_("last test"), null=True)
    works = models.BooleanField(_("works"), null=True)
    problem = models.CharField(_("problem"), max_length=300, blank=True)

    objects = AlertChannelManager()

    class Meta:
        verbose_name = _("alert channel")
        verbose_name_plural = _("alert channels")
        default_permissions = ()
        base_manager_name = "objects"
        ordering = ["kind", "host"]
        constraints = [
            models.CheckConstraint(
                condition=Q(officer=None, unit__isnull=False) | Q(officer__isnull=False, unit=None),
                name="alert_channel_has_one_owner",
            ),
            models.UniqueConstraint(fields=["officer"], condition=Q(kind="email"), name="alert_channel_one_email"),
        ]

    def __str__(self) -> str:
        return f"alert channel {self.pk}"
