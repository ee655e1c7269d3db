"""Walls: tips that name members of staff, and what has arrived but was not compared with their names yet.

The public side has no right on these tables; triggers (rules.sql) write the arrivals.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Arrival(models.Model):
    """A tip or message that must be compared with the names of staff before anybody sees its tip. Deleted once that is done.

    Without a message it stands for the whole tip. `is_recheck`: the tip was compared before, and is compared once more
    because names of staff have changed, or because it could not be opened; it stays visible meanwhile.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tip = models.ForeignKey("tips.Tip", models.CASCADE, related_name="arrivals")
    message = models.ForeignKey("tips.Message", models.CASCADE, null=True, related_name="+")
    is_recheck = models.BooleanField(default=False)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"arrival of {self.tip_id}"


class Wall(models.Model):
    """The wall around a tip that names members of staff: those who are named never see the tip while it stands.

    The people named and the reasons of decisions are in `record` (tips/walls/records.py), sealed under the key of the tip's notes. No
    record: the tip can't be opened, so nobody knows whom it names.
    """

    class Decision(models.TextChoices):
        NONE = "", _("No decision yet")
        RELEASED = "released", _("Released to its unit")
        KEPT = "kept", _("Kept walled for named people")
        OUTSIDE = "outside", _("Referred outside")

    tip = models.OneToOneField("tips.Tip", models.CASCADE, primary_key=True, related_name="wall")
    decision = models.CharField(_("decision"), max_length=8, choices=Decision, blank=True)
    readers = models.ManyToManyField(
        settings.AUTH_USER_MODEL, blank=True, related_name="walled_tips", verbose_name=_("people who see this tip")
    )
    record = models.BinaryField(null=True, editable=False)

    class Meta:
        verbose_name = _("wall")
        verbose_name_plural = _("walls")
        default_permissions = ()
        permissions = [("decide_wall", _("Can decide about walled tips that don't name them"))]

    def __str__(self) -> str:
        return f"wall of {self.tip_id}"
