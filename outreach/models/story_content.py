"""The content of a story: the fields shared by the desk's row and the public copy."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class StoryCategory(models.TextChoices):
    """The subject of a story."""

    ARREST = "arrest", _("An arrest")
    WEAPONS = "weapons", _("Weapons off the street")
    PROPERTY = "property", _("Property returned")
    PREVENTION = "prevention", _("Prevention")
    YOU_SAID = "you_said_we_did", _("You said, we did")
    OTHER = "other", _("Something else")


class HowSoon(models.TextChoices):
    """How soon after a tip it happened, in steps too wide to point to a single tip."""

    UNSAID = "", _("Don't say")
    QUARTER_HOUR = "quarter_hour", _("Within 15 minutes")
    HOUR = "hour", _("Within an hour")
    DAY = "day", _("The same day")
    WEEK = "week", _("Within a week")
    LATER = "later", _("Later")


class Tag(models.Model):
    """A keyword for finding stories."""

    slug = models.SlugField(_("short name"), max_length=40, unique=True, help_text=_("Part of web addresses."))
    name = models.CharField(_("name"), max_length=40, unique=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class StoryContent(models.Model):
    """The text and facts of a story. `areas` is a list of [layer, code], keys of crimemap.places.lookup.

    The place stays coarse, an area and no point, and there is no time: a story must not point to a source.
    """

    title = models.CharField(_("title"), max_length=100)
    summary = models.CharField(_("summary"), max_length=300, help_text=_("One or two sentences. They show in lists."))
    body = models.TextField(_("text"), max_length=100_000, blank=True)
    category = models.CharField(_("category"), max_length=16, choices=StoryCategory, default=StoryCategory.OTHER)
    tags = models.ManyToManyField(Tag, verbose_name=_("tags"), blank=True, related_name="%(class)s_set")
    areas = models.JSONField(_("areas"), default=list, blank=True)
    lead = models.ForeignKey(
        "outreach.Picture",
        verbose_name=_("lead picture"),
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
    )
    # The panel of facts
    what_happened = models.CharField(_("what happened"), max_length=80, blank=True, help_text=_("A few words."))
    how_soon = models.CharField(_("how soon after the tip"), max_length=12, choices=HowSoon, blank=True)
    arrests = models.PositiveIntegerField(_("arrests"), null=True, blank=True)
    weapons = models.PositiveIntegerField(_("weapons off the street"), null=True, blank=True)
    property_returned = models.PositiveIntegerField(_("items returned"), null=True, blank=True)
    property_words = models.CharField(
        _("what was returned"), max_length=80, blank=True, help_text=_("For example: bicycles.")
    )
    quote = models.CharField(_("quote"), max_length=300, blank=True)
    quote_by = models.CharField(_("who said it"), max_length=100, blank=True)
    you_said = models.CharField(_("you said"), max_length=200, blank=True)
    we_did = models.CharField(_("we did"), max_length=200, blank=True)

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.title
