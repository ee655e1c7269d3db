"""Priorities of an area's team: what residents asked for, what was done, and what came of it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class AreaPriority(models.Model):
    """One priority. `layer` and `code` name an area of the crime map.

    It comes from what people said in public. Tips are no source: a number of tips by place and time would confirm to others that
    someone there talks to the police.
    """

    class AskedAt(models.TextChoices):
        MEETING = "meeting", _("At a meeting")
        QUESTION = "question", _("A question to us")
        SURVEY = "survey", _("In a survey")

    layer = models.CharField(max_length=16, editable=False)
    code = models.CharField(max_length=60, editable=False)
    title = models.CharField(_("title"), max_length=100, help_text=_("For example: Bikes taken at the school racks."))
    asked_at = models.CharField(_("where residents said it"), max_length=8, choices=AskedAt)
    asked_on = models.DateField(_("when"), help_text=_("The day of the meeting, the question or the survey."))
    asked = models.CharField(
        _("you said"), max_length=300, blank=True, help_text=_("What people asked for. Name no person and no house.")
    )
    action = models.CharField(
        _("we did"), max_length=300, blank=True, help_text=_("Leave blank while you are still planning.")
    )
    result = models.CharField(
        _("result"),
        max_length=300,
        blank=True,
        help_text=_("Say it also if the numbers are too few to tell. Leave blank until you know."),
    )
    done_on = models.DateField(_("finished"), null=True, blank=True, help_text=_("Leave blank while you work on it."))
    shown = models.BooleanField(_("shown to residents"), default=False)
    updated_on = models.DateField(_("last changed"), default=timezone.localdate, editable=False)

    class Meta:
        verbose_name = _("priority")
        verbose_name_plural = _("priorities")
        ordering = [F("done_on").desc(nulls_first=True), "-asked_on", "-pk"]
        indexes = [models.Index(fields=["layer", "code"], name="priority_by_area")]
        constraints = [
            models.CheckConstraint(
                condition=Q(asked_at__in=["meeting", "question", "survey"]), name="priority_source_known"
            ),
            models.CheckConstraint(
                condition=Q(done_on__isnull=True) | Q(done_on__gte=F("asked_on")), name="priority_done_after_asked"
            ),
        ]

    def __str__(self) -> str:
        return self.title
