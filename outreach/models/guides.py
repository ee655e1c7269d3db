"""Guides, such as how to describe a person. Shipped as starter texts; afterwards the agency's own."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from outreach.models.pictures import Picture
from outreach.models.stories import Revision


class Guide(models.Model):
    """One guide. If it is shown, each save is public at once."""

    class Place(models.TextChoices):
        """The page that links to the guide, besides the list of guides."""

        NOWHERE = "", _("Only in the list of guides")
        TIP_FORM = "tip_form", _("Tip form")
        RECEIPT = "receipt", _("Tip receipt")
        MAP = "map", _("Crime map")

    slug = models.SlugField(_("address"), unique=True, help_text=_("The last part of the web address."))
    title = models.CharField(_("title"), max_length=100)
    summary = models.CharField(_("summary"), max_length=300, help_text=_("One or two sentences. They show in lists."))
    body = models.TextField(_("text"), max_length=100_000)
    place = models.CharField(_("linked from"), max_length=10, choices=Place, blank=True)
    order = models.PositiveSmallIntegerField(_("order"), default=100)
    shown = models.BooleanField(_("shown to residents"), default=False)
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_on = models.DateField(_("last changed"), default=timezone.localdate, editable=False)
    pictures = models.ManyToManyField(Picture, related_name="guides", editable=False, blank=True)

    class Meta:
        verbose_name = _("guide")
        verbose_name_plural = _("guides")
        ordering = ["order", "title"]
        constraints = [models.CheckConstraint(condition=~Q(body=""), name="guide_says_something")]

    def __str__(self) -> str:
        return self.title


class GuideRevision(Revision):
    guide = models.ForeignKey(Guide, on_delete=models.CASCADE, related_name="revisions")

    class Meta(Revision.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["guide", "number"], condition=Q(aside=False), name="one_guide_revision_a_version"
            )
        ]
