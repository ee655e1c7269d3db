"""The agency's accounts on other services (channels), and the posts of stories on them."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.mail.subscriber_addresses import SealedContactField
from outreach.models.stories import Story


class Channel(models.Model):
    """One of the agency's accounts. Its address, in apprise's notation, holds its secret: staff type it and never see it
    again, and the bulk worker alone opens it."""

    name = models.CharField(_("name"), max_length=60, unique=True, help_text=_("For example: Mastodon, press office."))
    kind = models.CharField(_("kind"), max_length=10, editable=False)  # a key of outreach.channels.transport.KINDS
    host = models.CharField(_("server"), max_length=253, blank=True, editable=False)
    # outreach/channels/channel_addresses.py
    sealed_address = SealedContactField(null=True, editable=False)
    # As version 0.9.0 stored it, until the bulk worker has sealed it.
    address = models.CharField(_("address and secret"), max_length=1000, blank=True, default="", editable=False)
    enabled = models.BooleanField(_("in use"), default=True)
    template = models.CharField(
        _("text"),
        max_length=500,
        default="{title} {link}",
        help_text=_(
            "The text we post unless someone changes it for a story. We fill in {title}, {summary} and {link}."
        ),
    )

    class Meta:
        verbose_name = _("channel")
        verbose_name_plural = _("channels")
        ordering = ["name"]
        constraints = [models.CheckConstraint(condition=~Q(kind=""), name="channel_has_kind")]

    def __str__(self) -> str:
        return self.name


class Post(models.Model):
    """A story's post on one channel: prepared with the story, sent by the bulk worker after publication."""

    class PostState(models.TextChoices):
        PREPARED = "prepared", _("Will be posted with the story")
        LEFT_OUT = "left_out", _("Not posted here")
        WAITING = "waiting", _("Waiting to be posted")
        SENDING = "sending", _("Posting now")
        SENT = "sent", _("Posted")
        FAILED = "failed", _("Not posted")
        UNSURE = "unsure", _("Not sure: check the channel")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    story = models.ForeignKey(Story, on_delete=models.PROTECT, related_name="posts")
    channel = models.ForeignKey(Channel, on_delete=models.PROTECT, related_name="posts")
    state = models.CharField(_("state"), max_length=8, choices=PostState, default=PostState.PREPARED)
    text = models.TextField(_("text"), blank=True)
    key = models.UUIDField(default=uuid.uuid4, editable=False, help_text="the same at each attempt to post it once")
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    begun_at = models.DateTimeField(null=True, help_text="the first attempt that may have arrived, under this key")
    problem = models.CharField(_("last problem"), max_length=300, blank=True)
    sent_at = models.DateTimeField(_("posted"), null=True)

    class Meta:
        verbose_name = _("post")
        verbose_name_plural = _("posts")
        default_permissions = ()
        ordering = ["channel__name"]
        constraints = [
            models.UniqueConstraint(fields=["story", "channel"], name="one_post_a_story_and_channel"),
            models.CheckConstraint(
                condition=Q(state="sent", sent_at__isnull=False) | ~Q(state="sent") & Q(sent_at__isnull=True),
                name="post_sent_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(state__in=["sending", "unsure"]) | Q(begun_at__isnull=False), name="post_begun_has_time"
            ),
        ]
        indexes = [
            models.Index(fields=["next_attempt_at"], condition=Q(state__in=["waiting", "sending"]), name="post_waiting")
        ]

    def __str__(self) -> str:
        return f"{self.channel}: {self.story}"
