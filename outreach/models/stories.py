"""Stories at the desk, and as residents read them.

`Story` is the desk's row, with its state; the public role cannot read it. `PublishedStory` is a copy made at publication
(outreach/stories/publication.py), and the only part of a story that the public role may read. So no query can leak a
draft, and a published story can be edited while residents go on reading the approved text.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector, SearchVectorField
from django.db import models
from django.db.models import Q
from django.db.models.expressions import CombinedExpression
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.plain_text import fold_text
from outreach.models.pictures import Picture
from outreach.models.story_content import StoryContent


class Status(models.TextChoices):
    """The state of a story's text at the desk. Residents meanwhile read its PublishedStory, if there is one."""

    DRAFT = "draft", _("Draft")
    IN_REVIEW = "in_review", _("In review")
    APPROVED = "approved", _("Approved")
    SCHEDULED = "scheduled", _("Scheduled")
    PUBLISHED = "published", _("Published")
    CORRECTED = "corrected", _("Published, with a correction")
    WITHDRAWN = "withdrawn", _("Withdrawn")


def _account_field(label: Any, *, required: bool = False) -> models.ForeignKey:
    return models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=label, null=not required, on_delete=models.PROTECT, related_name="+"
    )


class Story(StoryContent):
    """A story at the desk. Only outreach/stories/workflow.py changes its text and its state.

    `version` counts the changes of the text and is checked against edit conflicts.
    """

    Status = Status

    slug = models.SlugField(
        _("address"),
        unique=True,
        help_text=_("The last part of the web address. You can't change it after publishing."),
    )
    status = models.CharField(_("state"), max_length=10, choices=Status, default=Status.DRAFT, editable=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    author = _account_field(_("author"), required=True)
    edited_by = _account_field(_("last changed by"), required=True)
    edited_at = models.DateTimeField(_("last changed"), default=timezone.now, editable=False)
    approved_by = _account_field(_("approved by"))
    publish_at = models.DateTimeField(_("scheduled for"), null=True, blank=True, editable=False)
    # For the next scheduled publication, if residents have read the story before
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
    """The copy that residents read: the approved text and the day. No public table has the hour of publication."""

    story = models.OneToOneField(Story, primary_key=True, on_delete=models.PROTECT, related_name="published")
    slug = models.SlugField(_("address"), unique=True)
    published_on = models.DateField(_("published on"))
    corrected_on = models.DateField(_("corrected on"), null=True, blank=True)
    # The pictures in the text, and the lead
    pictures = models.ManyToManyField(Picture, related_name="published_stories", editable=False, blank=True)
    search = SearchVectorField(null=True, editable=False)  # written by save()

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

    def save(self, **options: Any) -> None:
        self.search = build_search_vector(self.title, self.summary, self.body)
        super().save(**options)


def build_search_vector(title: str, summary: str, body: str) -> CombinedExpression:
    """Return the words of a story, folded as queries are (outreach/stories/search.py); those of the title weigh most."""
    return _weigh(title, "A") + _weigh(summary, "B") + _weigh(body, "C")


def _weigh(text: str, weight: str) -> SearchVector:
    return SearchVector(models.Value(fold_text(text)), weight=weight, config="english")


class Withdrawal(models.Model):
    """The address of a story that was public and was withdrawn: it answers 410 Gone. The text is deleted."""

    slug = models.SlugField(_("address"), primary_key=True)
    on = models.DateField(_("withdrawn on"))

    class Meta:
        verbose_name = _("withdrawal")
        verbose_name_plural = _("withdrawals")

    def __str__(self) -> str:
        return self.slug


class Correction(models.Model):
    """A dated note under a published story. Deleted with the published copy."""

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
    """One saved version of a text. `snapshot` holds its fields as JSON.

    A text that lost an edit conflict is stored as well, with `aside` set, under the number of the version it was based on.
    """

    number = models.PositiveIntegerField(_("version"))
    at = models.DateTimeField(_("when"), default=timezone.now)
    by = _account_field(_("who"))  # None: shipped with the portal
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
    """One action on a story: the desk's own record, beside the audit trail. `by` is None for the clock."""

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
    """One person's answer to a publishing check (outreach/stories/checks.py) about one version, before one action."""

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
    """A colleague's comment on a version of a story."""

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
    """A link that shows a story as it is now until it expires or is revoked. Only a hash of its token is stored."""

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
