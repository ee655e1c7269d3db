"""Categories of tips and their follow-up questions."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from tips.models.units import Unit


class Category(models.Model):
    """The subject of a tip, editable by administrators. Decides which officers are alerted and which questions are asked."""

    slug = models.SlugField(
        _("short name"), max_length=40, unique=True, help_text=_("You can't change it once a tip uses it.")
    )
    name = models.CharField(_("name"), max_length=60, unique=True)
    hint = models.CharField(_("hint"), max_length=80, blank=True, help_text=_("A few examples, shown below the name."))
    icon = models.SlugField(_("icon"), max_length=40, default="dots", help_text=_("Name of a symbol in icons.svg."))
    order = models.PositiveSmallIntegerField(_("order"), default=100)
    active = models.BooleanField(_("offered on the form"), default=True)
    safety_note = models.TextField(
        _("safety note"),
        max_length=600,
        blank=True,
        help_text=_(
            "Residents see it when they choose this category: how to stay safe, and which numbers to call. Write"
            " {emergency} for your emergency number."
        ),
    )
    unit = models.ForeignKey(
        Unit,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="categories",
        verbose_name=_("unit"),
        help_text=_("New tips in this category go to this unit. Tips that are already here stay where they are."),
    )
    is_sensitive = models.BooleanField(
        _("sensitive"),
        default=False,
        db_default=False,
        help_text=_("Only the people named below see these tips. Nobody else's lists or counts include them."),
    )
    concerns_life = models.BooleanField(
        _("about life or a school"),
        default=False,
        db_default=False,
        help_text=_("Closing such a tip without action needs a reason and a second person."),
    )
    readers = models.ManyToManyField(
        settings.AUTH_USER_MODEL,
        blank=True,
        related_name="sensitive_categories",
        verbose_name=_("people who see these tips"),
    )

    class Meta:
        verbose_name = _("category")
        verbose_name_plural = _("categories")
        ordering = ["order", "name"]

    def __str__(self) -> str:
        return self.name


class Question(models.Model):
    """An optional follow-up question of one category."""

    class Kind(models.TextChoices):
        SHORT = "short", _("One line")
        LONG = "long", _("Several lines")

    category = models.ForeignKey(Category, models.CASCADE, related_name="questions", verbose_name=_("category"))
    label = models.CharField(_("question"), max_length=120)
    hint = models.CharField(_("hint"), max_length=160, blank=True)
    kind = models.CharField(_("answer"), max_length=8, choices=Kind, default=Kind.SHORT)
    order = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("follow-up question")
        verbose_name_plural = _("follow-up questions")
        ordering = ["order", "id"]
        constraints = [models.UniqueConstraint(fields=["category", "label"], name="question_once_a_category")]

    def __str__(self) -> str:
        return self.label
