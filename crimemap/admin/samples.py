"""The sample of a source's file in the admin: uploaded, read, and carried by the page. The server stores nothing of it."""

from __future__ import annotations

import json
import tempfile
from dataclasses import asdict, astuple
from pathlib import Path
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.readers.files import ReadingOptions

_MAX_SAMPLE_CHARACTERS = 1_500_000  # as JSON inside the page
_DELIMITERS: dict[str, Promise] = {
    ",": gettext_lazy("Commas"),
    ";": gettext_lazy("Semicolons"),
    "\t": gettext_lazy("Tabs"),
    "|": gettext_lazy("Vertical bars |"),
}
# Names of Python's codecs, and what people call them.
_ENCODINGS: dict[str, str | Promise] = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "windows-1252": gettext_lazy("Windows-1252 (Western Europe)"),
    "iso8859-15": gettext_lazy("ISO 8859-15 (Western Europe)"),
    "windows-1250": gettext_lazy("Windows-1250 (Central Europe)"),
    "windows-1251": gettext_lazy("Windows-1251 (Cyrillic)"),
    "cp437": gettext_lazy("DOS 437"),
    "cp850": gettext_lazy("DOS 850"),
    "mac-roman": "Mac Roman",
}


class SampleForm(forms.Form):
    """A sample file, and how to read it where that is not recognized by itself."""

    sample = forms.FileField(
        label=gettext_lazy("A sample file"),
        help_text=gettext_lazy(
            "Any file from this source: CSV, JSON or a workbook, also in a zip archive. You see its first rows here. The file isn't stored."
        ),
    )
    delimiter = forms.ChoiceField(
        label=gettext_lazy("Between the cells"),
        choices=[("", gettext_lazy("Find out")), *_DELIMITERS.items()],
        required=False,
    )
    encoding = forms.ChoiceField(
        label=gettext_lazy("Letters are written in"),
        choices=[("", gettext_lazy("Find out")), *_ENCODINGS.items()],
        required=False,
        help_text=gettext_lazy("Choose one if accents look wrong."),
    )
    header_line = forms.IntegerField(
        label=gettext_lazy("Line with the names of the columns"),
        required=False,
        min_value=1,
        max_value=20,
        help_text=gettext_lazy("Counted from the top of the file or sheet. Leave blank to find out."),
    )
    sheet = forms.CharField(
        label=gettext_lazy("Sheet of the workbook"),
        required=False,
        max_length=80,
        help_text=gettext_lazy("Leave blank to take the sheet whose columns fit."),
    )

    def reading_fields(self) -> list[forms.BoundField]:
        return [self[name] for name in self.fields if name != "sample"]

    def has_choices(self) -> bool:
        """Return whether something was chosen, or is wrong: then the fields stand open."""
        return any(field.value() or field.errors for field in self.reading_fields())

    def reading_options(self) -> ReadingOptions:
        data = self.cleaned_data
        return ReadingOptions(
            data["delimiter"], data["encoding"], data["header_line"] or 0, " ".join(data["sheet"].split())
        )


def initial_values(options: ReadingOptions) -> dict[str, Any]:
    """Return what the form of samples shows of a source's options: nothing for what is recognized."""
    return {name: value for name, value in asdict(options).items() if value}


def read_uploaded(file: Any, options: ReadingOptions) -> Sample:
    """Read an uploaded sample. Raises UnreadableFileError."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / Path(file.name).name
        with path.open("wb") as copy:
            for chunk in file.chunks():
                copy.write(chunk)
        sample = column_mapping.read_sample(path, options)
    while len(json.dumps(sample.rows)) > _MAX_SAMPLE_CHARACTERS:
        sample = sample.without_last_rows()
    return sample


def as_json(sample: Sample) -> str:
    """Return the sample as the page carries it."""
    reading, chosen = astuple(sample.reading), astuple(sample.chosen)
    return json.dumps([sample.name, sample.header, sample.rows, reading, chosen, sample.sheets])


def parse_posted(text: str) -> Sample | None:
    """Parse the sample that the page posts back; None if it is malformed."""
    try:
        name, header, rows, reading, chosen, sheets = json.loads(text)
        sample = Sample(
            str(name),
            [str(each) for each in header],
            [[str(cell) for cell in row] for row in rows],
            _parse_options(reading),
            _parse_options(chosen),
            [str(each) for each in sheets],
        )
    except (ValueError, TypeError):
        return None
    return sample if sample.rows and all(len(row) == len(sample.header) for row in sample.rows) else None


def _parse_options(values: Any) -> ReadingOptions:
    """Raises ValueError for what the form of samples does not offer."""
    delimiter, encoding, header_line, sheet = values
    if delimiter not in ("", *_DELIMITERS) or encoding not in ("", *_ENCODINGS):
        raise ValueError("no choice of the form")
    return ReadingOptions(str(delimiter), str(encoding), int(header_line), str(sheet))


def describe_reading(sample: Sample) -> list[tuple[str, str]]:
    """Return how the sample was read, for people: names of facts, and their values."""
    reading = sample.reading
    facts = []
    if reading.sheet:
        count = len(sample.sheets)
        of_several = ngettext("%(name)s, the only sheet", "%(name)s, one of %(count)d sheets", count)
        facts.append((_("Sheet"), of_several % {"name": reading.sheet, "count": count}))
    elif reading.delimiter:
        facts.append((_("Between the cells"), str(_DELIMITERS[reading.delimiter])))
    if reading.encoding:
        facts.append((_("Letters"), str(_ENCODINGS[reading.encoding])))
    if reading.header_line:
        facts.append((_("Names of the columns"), _("in line %(line)d") % {"line": reading.header_line}))
    return facts
