"""The forms of the steps of adding a source."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap.admin.samples import SampleForm
from crimemap.models.incidents import validate_time_zone

_MAX_PASTED = 1_000_000  # characters
MAX_EMBARGO_DAYS = 365


class FileForm(SampleForm):
    """The name of a source and its first file, uploaded or pasted."""

    name = forms.CharField(
        label=gettext_lazy("Name of the source"),
        max_length=80,
        help_text=gettext_lazy(
            "Residents see it on the page about the data. For example: the police department, reported incidents."
        ),
    )
    time_zone = forms.CharField(
        label=gettext_lazy("Time zone of its times"),
        max_length=40,
        validators=[validate_time_zone],
        initial=lambda: settings.TIME_ZONE,
    )
    pasted = forms.CharField(
        label=gettext_lazy("Or paste rows"),
        required=False,
        max_length=_MAX_PASTED,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=gettext_lazy("Copied from a spreadsheet, with the line of column names."),
    )
    field_order = ("name", "sample", "pasted", "time_zone")

    def __init__(self, *args: Any, has_file: bool = False, **kwargs: Any) -> None:
        """`has_file`: the source has one, which stays unless another is chosen."""
        super().__init__(*args, **kwargs)
        self.has_file = has_file
        self.fields["sample"].required = False
        self.fields["sample"].label = _("Another file") if has_file else _("Its first file")
        self.fields["sample"].help_text = _(
            "CSV, JSON or a workbook (.xlsx, .xls, .xlsb, .ods), also in a zip archive. The server keeps it readable, with all its columns, until you publish or delete the source, for 7 days at most. Leave names and narratives out of it if you can."
        )

    def reading_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in ("delimiter", "encoding", "header_line", "sheet")]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        pasted = cleaned.get("pasted", "")
        if cleaned.get("sample") and pasted:
            self.add_error("pasted", _("Choose a file or paste rows, not both."))
        elif pasted:
            cleaned["sample"] = SimpleUploadedFile("pasted.txt", pasted.encode())
        elif not cleaned.get("sample") and not self.has_file and "sample" not in self.errors:
            self.add_error("sample", _("Choose a file, or paste some rows below."))
        return cleaned


class PublishForm(forms.Form):
    embargo_days = forms.IntegerField(
        label=gettext_lazy("Days to wait before an incident is published"),
        validators=[MinValueValidator(1), MaxValueValidator(MAX_EMBARGO_DAYS)],
        help_text=gettext_lazy("Whole days, at least 1. A wait protects people who have just reported."),
    )
    expected_interval = forms.IntegerField(
        label=gettext_lazy("Hours between two files"),
        required=False,
        validators=[MinValueValidator(1), MaxValueValidator(24 * 366)],
        help_text=gettext_lazy(
            "If a file is later than this, administrators get an email. Leave blank if files come now and then."
        ),
    )
    sure = forms.BooleanField(
        label=gettext_lazy("I have read the report of the test run"),
        error_messages={"required": gettext_lazy("Read the report, then check this box.")},
    )


class DiscardForm(forms.Form):
    sure = forms.BooleanField(
        label=gettext_lazy("Delete this source and its file"),
        error_messages={"required": gettext_lazy("Check this box if you want to delete the source.")},
    )
