"""Views of the queue that officers follow, and the messages that say that something is new in one. Staff side and alerts worker only."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from core.mail.outbox import OutboxRow
from tips.models.alert_channels import AlertChannel
from tips.models.times import current_hour


class FollowedView(models.Model):
    """A view that an officer gets alerts about, and how often. `query` is the part of its address after "?".

    `known` holds a keyed digest of 8 bytes for each tip that was in the view at the last look, so that a stolen database doesn't say
    which tips fit a view. `is_full`: at the last look it had as many tips as the officer asked for. `digest_on`: the day of
    the last digest.
    """

    class Rhythm(models.TextChoices):
        EACH = "each", _("At each new tip in it")
        DIGEST = "digest", _("Once a day, if it has tips")
        FROM = "from", _("When it has many tips")

    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="followed_views")
    query = models.CharField(max_length=300, blank=True)
    rhythm = models.CharField(_("when"), max_length=6, choices=Rhythm, default=Rhythm.EACH)
    hour = models.PositiveSmallIntegerField(_("hour of the day"), null=True, blank=True)
    least = models.PositiveSmallIntegerField(
        _("from how many tips on"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(500)]
    )
    known = models.BinaryField(default=b"")
    is_full = models.BooleanField(default=False)
    digest_on = models.DateField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["officer", "query"], name="followed_view_once"),
            models.CheckConstraint(
                condition=Q(rhythm="each", hour=None, least=None)
                | Q(rhythm="digest", hour__lte=23, least=None)
                | Q(rhythm="from", hour=None, least__gte=1),
                name="followed_view_rhythm_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"followed view {self.pk}"


class ViewAlert(OutboxRow):
    """One message to one officer, by email or on one channel, that something is new in a view. Deleted once it is sent or refused."""

    officer = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    channel = models.ForeignKey(AlertChannel, models.CASCADE, null=True, related_name="+")
    next_attempt_at = models.DateTimeField(default=current_hour)

    class Meta:
        default_permissions = ()
        constraints = [
            # What becomes new while a message waits is covered by it.
            models.UniqueConstraint(
                fields=["officer", "channel"], nulls_distinct=False, name="view_alert_one_a_channel"
            )
        ]

    def __str__(self) -> str:
        return f"view alert {self.pk}"
