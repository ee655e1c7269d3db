"""Success stories: what became of it when residents spoke up. Editing and publishing come with issue 7."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class Story(models.Model):
    """One published story. Place, exact time and wording that could point to a source stay out of it."""

    slug = models.SlugField(_("short name"), unique=True)
    title = models.CharField(_("title"), max_length=100)
    summary = models.CharField(_("summary"), max_length=300)
    outcomes = models.JSONField(_("outcomes"), default=list, blank=True, help_text=_("A list of a few words each."))
    picture = models.SlugField(_("picture"), blank=True, help_text=_("A drawing in static/img/stories."))
    picture_text = models.CharField(_("picture in words"), max_length=120, blank=True)
    published_on = models.DateField(_("published on"))

    class Meta:
        verbose_name = _("story")
        verbose_name_plural = _("stories")
        ordering = ["-published_on", "slug"]

    def __str__(self) -> str:
        return self.title
