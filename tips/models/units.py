"""Units of officers, and the referrals of tips from one to another."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tips.models.times import current_hour


class Unit(models.Model):
    """A group of officers that handles the tips of some categories, and those referred to it.

    A tip or category without a unit is handled by all officers.
    """

    name = models.CharField(_("name"), max_length=60, unique=True)
    members = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="units", verbose_name=_("members")
    )

    class Meta:
        verbose_name = _("unit")
        verbose_name_plural = _("units")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Referral(models.Model):
    """The handing over of a tip to another unit; no unit stands for all officers. The reason is a sealed note.

    `received_at` is when an officer of the new unit first opened the tip.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tip = models.ForeignKey("tips.Tip", models.CASCADE, related_name="referrals", verbose_name=_("tip"))
    from_unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="referrals_out", verbose_name=_("from"))
    to_unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="referrals_in", verbose_name=_("to"))
    referred_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("referred by")
    )
    referred_at = models.DateTimeField(_("referred"), default=current_hour)
    received_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("received by")
    )
    received_at = models.DateTimeField(_("received"), null=True)

    class Meta:
        verbose_name = _("referral")
        verbose_name_plural = _("referrals")
        default_permissions = ("view",)
        ordering = ["-referred_at", "-id"]
        indexes = [models.Index(fields=["tip"], name="referral_open", condition=models.Q(received_at__isnull=True))]

    def __str__(self) -> str:
        return f"referral of {self.tip_id}"
