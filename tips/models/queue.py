"""Models of the officers' queue: the record of the lines that were shown in it, saved views, and targets. Staff side only."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tips.models.times import current_hour
from tips.models.tips import AgencyKey, Tip
from tips.models.units import Unit


class SummaryList(models.Model):
    """The lines of tips that one officer was shown during a shift, sealed to the agency.

    It is one row a shift, written again as more is shown: neither the number of rows nor their order tells when a tip arrived.
    `audit_entry` is the number of the line in the audit trail that ended it, None while it goes on.
    """

    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    began_at = models.DateTimeField(default=current_hour)
    content = models.BinaryField(help_text="the list, sealed under a key of its own")
    agency_key = models.ForeignKey(AgencyKey, models.PROTECT, related_name="+")
    key_for_agency = models.BinaryField(help_text="that key sealed to the agency")
    audit_entry = models.BigIntegerField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["officer"], condition=Q(audit_entry__isnull=True), name="summary_list_one_a_shift"
            )
        ]

    def __str__(self) -> str:
        return f"summaries shown to {self.officer_id} since {self.began_at}"


class TipReading(models.Model):
    """The place to which an officer has read a tip: up to the source's message at `position`, 0 for the report alone.

    No time: a row says less than the lines "opened" of the audit trail. Erased with the tip.
    """

    tip = models.ForeignKey(Tip, models.CASCADE, related_name="readings")
    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    position = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["tip", "officer"], name="tip_reading_one_an_officer")]

    def __str__(self) -> str:
        return f"reading of {self.tip_id} by {self.officer_id}"


class SavedView(models.Model):
    """An officer's own view of the queue: a name for a view with its filters, and the unit it is shared with.

    `query` is the part of its address after "?". Each officer who opens it sees those of its tips that they may see.
    """

    class SharedWith(models.TextChoices):
        NOBODY = "nobody", _("Only me")
        UNIT = "unit", _("My unit")
        EVERYONE = "everyone", _("All officers")

    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_views")
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(max_length=300, blank=True)
    shared_with = models.CharField(_("who has this view"), max_length=8, choices=SharedWith, default=SharedWith.NOBODY)
    unit = models.ForeignKey(Unit, models.CASCADE, null=True, related_name="+")

    class Meta:
        default_permissions = ()
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(shared_with="unit", unit__isnull=False) | ~Q(shared_with="unit") & Q(unit=None),
                name="saved_view_shared_with_a_unit",
            )
        ]

    def __str__(self) -> str:
        return self.name


class ResponseTarget(models.Model):
    """The time that a step of the work on a tip may take. A migration makes the rows; the desk's settings change their minutes."""

    class Step(models.TextChoices):
        URGENT_OPENING = "urgent_opening", _("Open an urgent tip")
        URGENT_ANSWER = "urgent_answer", _("Answer an urgent tip")
        OPENING = "opening", _("Open any other tip")
        ANSWER = "answer", _("Answer any other tip")
        NEXT_STEP = "next_step", _("Take the next step after an answer")
        REPLY = "reply", _("Wait for the source's reply")

    step = models.CharField(_("step"), primary_key=True, max_length=14, choices=Step, editable=False)
    minutes = models.PositiveIntegerField(
        _("minutes"), validators=[MinValueValidator(1), MaxValueValidator(60 * 24 * 90)]
    )

    class Meta:
        verbose_name = _("response target")
        verbose_name_plural = _("response targets")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return str(self.get_step_display())
