"""Pictures of stories and guides, and of the agency itself: an upload waits for the media worker; pages show only the files that it rebuilt.

The files are in the database so that row security applies to each of them (grants.sql): the public role reads only the
files of pictures that something published, or the agency's settings, refer to.
"""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class StoryPictureManager(models.Manager["Picture"]):
    """Pictures of stories and guides alone: texts can't show the agency's own, which come in other sizes."""

    def get_queryset(self) -> models.QuerySet[Picture]:
        return super().get_queryset().filter(purpose=Picture.Purpose.STORY)


class Picture(models.Model):
    """One picture. `variants` is a list of {"width", "height", "format", "digest", "size"}, the narrowest first.

    The agency's own, its crest and the home page's picture, have one file each; its settings name that by its digest
    (core/agency/). `all_purposes` has these as well.
    """

    class Purpose(models.TextChoices):
        STORY = "story", _("stories and guides")
        CREST = "crest", _("crest")
        HOME = "home", _("home page")

    class PictureState(models.TextChoices):
        WAITING = "waiting", _("Processing")
        READY = "ready", _("Ready")
        REFUSED = "refused", _("Refused")

    alt = models.CharField(
        _("what it shows"), max_length=200, help_text=_("One plain sentence, for people who can't see it.")
    )
    credit = models.CharField(_("credit"), max_length=100, help_text=_("Who took or drew the picture."))
    state = models.CharField(
        _("state"), max_length=8, choices=PictureState, default=PictureState.WAITING, editable=False
    )
    reason = models.CharField(_("reason"), max_length=20, blank=True, editable=False)
    variants = models.JSONField(default=list, editable=False)
    purpose = models.CharField(max_length=8, choices=Purpose, default=Purpose.STORY, db_default="story", editable=False)
    original_digest = models.CharField(max_length=64, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    started_at = models.DateTimeField(null=True, editable=False)
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, verbose_name=_("added by"), null=True, on_delete=models.PROTECT, related_name="+",
        editable=False,
    )  # fmt: skip
    added_at = models.DateTimeField(_("added"), default=timezone.now, editable=False)

    objects = StoryPictureManager()
    all_purposes = models.Manager["Picture"]()

    class Meta:
        verbose_name = _("picture")
        verbose_name_plural = _("pictures")
        ordering = ["-pk"]  # the public role may not read when one was added
        constraints = [
            models.CheckConstraint(condition=~Q(alt="") & ~Q(credit=""), name="picture_has_alt_and_credit"),
            models.CheckConstraint(
                condition=Q(state__in=("waiting", "refused")) | ~Q(variants=[]), name="picture_ready_has_variants"
            ),
        ]
        indexes = [models.Index(fields=["added_at"], condition=Q(state="waiting"), name="picture_waiting")]

    def __str__(self) -> str:
        return self.alt


class PictureOriginal(models.Model):
    """The file as staff uploaded it. Deleted once the media worker has rebuilt it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    picture = models.OneToOneField(Picture, on_delete=models.CASCADE, related_name="original")
    content = models.BinaryField()

    def __str__(self) -> str:
        return str(self.id)


class PictureFile(models.Model):
    """One rebuilt file, named by the SHA-256 of its content in hex digits."""

    class Format(models.TextChoices):
        WEBP = "webp", "image/webp"
        JPEG = "jpg", "image/jpeg"
        PNG = "png", "image/png"

    picture = models.ForeignKey(Picture, on_delete=models.CASCADE, related_name="files")
    digest = models.CharField(max_length=64)
    format = models.CharField(max_length=4, choices=Format)
    content = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["digest", "picture"], name="one_file_a_digest")]

    def __str__(self) -> str:
        return f"{self.digest}.{self.format}"
