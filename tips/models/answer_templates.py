"""Answers that officers send often, kept ready by supervisors."""

from __future__ import annotations

from typing import ClassVar

from django.conf.locale import LANG_INFO
from django.core.validators import MaxLengthValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tips.models.categories import Category

MAX_TEMPLATE_LENGTH = 2_000


def list_languages() -> list[tuple[str, str]]:
    """Return code and own name of each language that a template can be written in."""
    return sorted((code, info["name_local"]) for code, info in LANG_INFO.items() if "name_local" in info)


class AnswerTemplate(models.Model):
    """A text that an officer puts into an answer and changes before it is sent. Placeholders stand in square brackets."""

    title = models.CharField(_("title"), max_length=80, help_text=_("Officers choose the template by it."))
    category = models.ForeignKey(
        Category,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="answer_templates",
        verbose_name=_("category"),
        help_text=_("Leave it empty to offer the template for all tips."),
    )
    language = models.CharField(_("language"), max_length=12, choices=list_languages, default="en")
    text = models.TextField(
        _("text"),
        max_length=MAX_TEMPLATE_LENGTH,
        validators=[MaxLengthValidator(MAX_TEMPLATE_LENGTH)],
        help_text=_(
            "{number} becomes the tip's number, {category} its category. Write [like this] what the officer has to fill"
            " in: an answer with such brackets isn't sent."
        ),
    )
    order = models.PositiveSmallIntegerField(_("order"), default=100)

    class Meta:
        verbose_name = _("answer template")
        verbose_name_plural = _("answer templates")
        ordering: ClassVar = ["order", "title", "id"]

    def __str__(self) -> str:
        return self.title
