"""Stories at the desk, and as residents read them.

`Story` is what the desk works on, with its state; the public never reads it. `PublishedStory` is the copy that publication
makes (outreach/stories/workflow.py), and all that the public role may read of a story. So a draft cannot leak through a query, and
a published story can be worked on while residents go on reading what was approved.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from outreach.models.pictures import Picture
from outreach.models.story_content import StoryContent


class Status(models.TextChoices):
    """Where a story's working text stands. What residents read meanwhile is its PublishedStory, if there is one."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    APPROVED = "approved", _("Approved")
    SCHEDULED = "scheduled", _("Scheduled")
    PUBLISHED = "published", _("Published")
    CORRECTED = "corrected", _("Published, with a correction")
    WITHDRAWN = "withdrawn", _("Withdrawn")


def _account_field(name: Any, *, required: bool = False) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=name, null=not required, on_delete=models.PROTECT, related_name="+"
    )


class Story(StoryContent):
    """A story at the desk. Only outreach/stories/workflow.py changes its text and its state.

    `version` counts the changes of the text: whoever saves says which they changed.
    """

    Status = Status

    slug = models.SlugField(
        _("address"), unique=True, help_text=_("The last part of its address. Stays as it is once published.")
    )
    status = models.CharField(_("state"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    author = _account_field(_("author"), required=True)
    edited_by = _account_field(_("last changed by"), required=True)
    edited_at = models.DateTimeField(_("last changed"), default=timezone.now, editable=False)
    approved_by = _account_field(_("approved by"))
    publish_at = models.DateTimeField(_("planned for"), null=True, blank=True, editable=False)
    # Of the next publication, where residents have read the story before
    correction = models.CharField(_("correction"), max_length=500, blank=True, editable=False)
    pictures = models.ManyToManyField(Picture, related_name="stories", editable=False, blank=True)

    class Meta:
        verbose_name = _("story")
        verbose_name_plural = _("stories")
        ordering = ["-edited_at"]
        permissions = [("approve_story", "Can approve stories"), ("withdraw_story", "Can withdraw stories")]
        constraints = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="story_status_known"),
            models.CheckConstraint(
                condition=Q(status="scheduled", publish_at__isnull=False)
                | (~Q(status="scheduled") & Q(publish_at__isnull=True)),
                name="story_scheduled_has_time",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=("approved", "scheduled", "published", "corrected"))
                | Q(approved_by__isnull=False),
                name="story_approved_by_somebody",
            ),
        ]
        indexes = [models.Index(fields=["publish_at"], condition=Q(status="scheduled"), name="story_due")]


class PublishedStory(StoryContent):
    """What residents read of a story: the approved text and the day. The exact time of publication is in no public table."""

    story = models.OneToOneField(Story, primary_key=True, on_delete=models.PROTECT, related_name="published")
    slug = models.SlugField(_("address"), unique=True)
    published_on = models.DateField(_("published on"))
    corrected_on = models.DateField(_("corrected on"), null=True, blank=True)
    # Those of the text and the lead
    pictures = models.ManyToManyField(Picture, related_name="published_stories", editable=False, blank=True)
    search = models.GeneratedField(
        expression=SearchVector("title", weight="A", config="english")
        + SearchVector("summary", weight="B", config="english")
        + SearchVector("body", weight="C", config="english"),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    class Meta:
        verbose_name = _("published story")
        verbose_name_plural = _("published stories")
        ordering = ["-published_on", "-story_id"]
        indexes = [
            models.Index(fields=["-published_on", "-story_id"], name="published_newest_first"),
            models.Index(fields=["category", "-published_on"], name="published_by_category"),
            GinIndex(fields=["areas"], opclasses=["jsonb_path_ops"], name="published_by_area"),
            GinIndex(fields=["search"], name="published_search"),
        ]


class Withdrawal(models.Model):
    """A story that residents could read and no longer can: its address answers 410. No word of it is left to read."""

    slug = models.SlugField(_("address"), primary_key=True)
    on = models.DateField(_("withdrawn on"))

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")

    def __str__(self) -> str:
        return self.slug


class Correction(models.Model):
    """A dated note under a published story. Goes with the published copy when that is withdrawn."""

    published = models.ForeignKey(PublishedStory, on_delete=models.CASCADE, related_name="corrections")
    on = models.DateField(_("corrected on"))
    note = models.CharField(_("correction"), max_length=500)

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        ordering = ["-on", "-pk"]

    def __str__(self) -> str:
        return self.note


class Revision(models.Model):
    """One version of what is told, as it was saved. `snapshot` is JSON of its fields.

    Who saves what somebody else has changed meanwhile has their text set `aside`, under the number it was begun from.
    """

    number = models.PositiveIntegerField(_("version"))
    at = models.DateTimeField(_("when"), default=timezone.now)
    by = _account_field(_("who"))  # nobody: shipped with the portal
    note = models.CharField(_("note"), max_length=200, blank=True)
    aside = models.BooleanField(default=False)
    snapshot = models.JSONField()

    class Meta:
        abstract = True
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return str(self.number)


class StoryRevision(Revision):
    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="revisions")

    class Meta(Revision.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(fields=["story", "number"], condition=Q(aside=False), name="one_revision_a_version")
        ]


class StoryStep(models.Model):
    """One thing that was done with a story: the desk's own record, beside the audit trail. `by` is None for the clock."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="steps")
    at = models.DateTimeField(_("when"), default=timezone.now)
    by = _account_field(_("who"))
    action = models.CharField(_("did"), max_length=20)
    version = models.PositiveIntegerField(_("version"))
    note = models.CharField(_("note"), max_length=500, blank=True)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return self.action


class StoryCheck(models.Model):
    """One answer to a publishing check (outreach/stories/checks.py): of one person, about one version, before one action."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="checks")
    version = models.PositiveIntegerField(_("version"))
    action = models.CharField(_("before"), max_length=20)
    key = models.CharField(_("check"), max_length=20)
    answer = models.CharField(_("answer"), max_length=200)
    by = _account_field(_("who"), required=True)
    at = models.DateTimeField(_("when"), default=timezone.now)

    class Meta:
        ordering = ["-at", "-pk"]

    def __str__(self) -> str:
        return f"{self.key}: {self.answer}"


class ReviewComment(models.Model):
    """What somebody at the desk says about a version of a story."""

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="comments")
    version = models.PositiveIntegerField(_("version"))
    by = _account_field(_("who"), required=True)
    at = models.DateTimeField(_("when"), default=timezone.now)
    text = models.TextField(_("comment"), max_length=2000)
    settled = models.BooleanField(_("settled"), default=False)

    class Meta:
        verbose_name = _("comment")
        verbose_name_plural = _("comments")
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return self.text[:60]


class PreviewLink(models.Model):
    """Shows a story as it is now to whoever has the link, until it expires or is revoked. The link itself is not kept."""

    DAYS: ClassVar[int] = 7

    story = models.ForeignKey(Story, on_delete=models.CASCADE, related_name="preview_links")
    token_hash = models.BinaryField(max_length=32, unique=True)
    made_by = _account_field(_("made by"), required=True)
    made_at = models.DateTimeField(_("made"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        verbose_name = _("preview link")
        verbose_name_plural = _("preview links")
        ordering = ["-made_at"]

    def __str__(self) -> str:
        return f"{self.expires_at:%Y-%m-%d}"

    @property
    def is_open(self) -> bool:
        return self.expires_at > timezone.now()
