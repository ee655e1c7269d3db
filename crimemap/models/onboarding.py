"""Sources that administrators are still setting up, and their changes of offense codes."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crimemap.models.incidents import ImportRun, Source


class CodeChangeSet(models.Model):
    """One press that classified codes: what they were before and after, so that it can be taken back. The newest ones stay."""

    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    made_at = models.DateTimeField(default=timezone.now)
    codes = models.JSONField(
        help_text="[code, [category, visibility] before, the same after]; the category is a number, null while held"
    )

    class Meta:
        verbose_name = _("change of codes")
        verbose_name_plural = _("changes of codes")

    def __str__(self) -> str:
        return f"{self.made_at:%Y-%m-%d %H:%M}: {len(self.codes)}"


class SourceDraft(models.Model):
    """The state of a source before its first publication. No file of it is imported but by test runs.

    Its file is in the folder of uploads for some days (crimemap/importing/arrival/draft_files.py).
    """

    source = models.OneToOneField(Source, models.CASCADE, primary_key=True, related_name="draft")
    version = models.PositiveIntegerField(default=1, help_text="rises with each change, so that two people notice")
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    changed_at = models.DateTimeField(_("last changed"), default=timezone.now)
    file_name = models.CharField(_("file"), max_length=200)
    rows_checked = models.BooleanField(default=False, help_text="a person has looked at what the first rows become")
    test_run = models.ForeignKey(
        ImportRun, models.SET_NULL, null=True, related_name="+", help_text="of the columns as they are now"
    )
    code_list = models.CharField(max_length=60, blank=True, help_text="the known list that suggestions come from")

    class Meta:
        verbose_name = _("source being set up")
        verbose_name_plural = _("sources being set up")

    def __str__(self) -> str:
        return str(self.source)
