"""Where publications are told of, and what became of each telling."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from outreach.models.stories import Story


class Channel(models.Model):
    """One of the agency's accounts. `url` is a secret in apprise's notation: never shown in full."""

    name = models.CharField(_("name"), max_length=60, unique=True)
    kind = models.CharField(_("kind"), max_length=40, blank=True, editable=False)
    url = models.CharField(_("address and key"), max_length=1000)
    enabled = models.BooleanField(_("in use"), default=True)
    template = models.CharField(_("text"), max_length=500, default="{title} {link}")
    longest = models.PositiveIntegerField(_("longest text"), default=500)

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """One telling of a story on a channel."""

    class PostState(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENDING = "sending", _("Being sent")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        UNSURE = "unsure", _("Unsure: look at the channel")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    story = models.ForeignKey(Story, on_delete=models.PROTECT, related_name="posts")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="posts")
    state = models.CharField(_("state"), max_length=8, choices=PostState, default=PostState.WAITING)
    text = models.TextField(_("text"), blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    problem = models.CharField(_("last problem"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        ordering = ["-next_attempt_at"]
        constraints = [models.UniqueConstraint(fields=["story", "channel"], name="one_post_a_story_and_channel")]

    def __str__(self) -> str:
        return f"{self.channel}: {self.story}"
