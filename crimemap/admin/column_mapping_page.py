"""The page on which an administrator maps the columns of a source's files to fields (crimemap/importing/column_mapping.py).

The rows of the sample file are sent back and forth with the page; the server stores nothing of them.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.models import Account
from crimemap.admin import point_map, quirk_names, samples
from crimemap.admin.samples import SampleForm
from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import Sample
from crimemap.importing.columns import projections
from crimemap.importing.columns.projections import Suggestion
from crimemap.importing.profiles import generic
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import Source
from crimemap.models.incidents import validate_time_zone
from crimemap.offences import catalogue

_MAX_SYSTEMS_NAMED = 6
TEMPLATE = "admin/crimemap/column_mapping.html"
_FIELDS: dict[str, tuple[Any, Any]] = {
    "occurred": (gettext_lazy("Date and time"), gettext_lazy("If both are in one column. Otherwise choose the two below.")),
    "occurred_date": (gettext_lazy("Date"), ""),
    "occurred_time": (gettext_lazy("Time"), ""),
    "year": (gettext_lazy("Year"), gettext_lazy("If each part of the date has its own column.")),
    "month": (gettext_lazy("Month"), ""),
    "day": (gettext_lazy("Day"), ""),
    "hour": (gettext_lazy("Hour"), ""),
    "minute": (gettext_lazy("Minute"), ""),
    "reported": (gettext_lazy("Date of the report"), gettext_lazy("Its day is used where the date of the incident is blank.")),
    "occurred_end": (gettext_lazy("End, date and time"), ""),
    "external_id": (gettext_lazy("Row id"), gettext_lazy("Never the case number. Without an id, the portal tells rows apart by their content.")),
    "updated": (gettext_lazy("Last changed"), gettext_lazy("The portal uses it to tell older files from newer ones.")),
    "code": (gettext_lazy("Offense"), gettext_lazy("A code, or the offense in words.")),
    "code2": (gettext_lazy("Offense, second part"), gettext_lazy("If two columns together make the code.")),
    "label": (gettext_lazy("Offense in words"), ""),
    "count": (gettext_lazy("How many offenses"), gettext_lazy("If a row stands for several. Each becomes an incident.")),
    "domestic": (gettext_lazy("Domestic"), gettext_lazy("Never public: these incidents appear only in yearly totals.")),
    "block": (gettext_lazy("Block or address"), gettext_lazy("House numbers are rounded to the hundred block before anything is stored.")),
    "street_number": (gettext_lazy("House or block number"), gettext_lazy("If each part of the address has its own column.")),
    "street_direction": (gettext_lazy("Direction before the street"), ""),
    "street_name": (gettext_lazy("Street"), ""),
    "street_type": (gettext_lazy("Type of street"), ""),
    "street_suffix": (gettext_lazy("Direction after the street"), ""),
    "latitude": (gettext_lazy("Latitude"), ""),
    "longitude": (gettext_lazy("Longitude"), ""),
    "point": (gettext_lazy("Latitude and longitude"), gettext_lazy("If both are in one column.")),
    "district": (gettext_lazy("District"), ""),
    "beat": (gettext_lazy("Beat"), ""),
    "neighbourhood": (gettext_lazy("Neighborhood"), ""),
    "location_description": (gettext_lazy("Kind of place"), ""),
    "outcome": (gettext_lazy("Outcome"), ""),
}  # fmt: skip


class ColumnsForm(forms.Form):
    """One <select> for each field, offering the columns of the sample."""

    def __init__(self, *args: Any, sample: Sample, source: Source, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reading = sample.chosen
        choices = [("", "---------"), *((name, _column_label(name, sample)) for name in sample.header)]
        for name, (label, help_text) in _FIELDS.items():
            self.fields[name] = forms.ChoiceField(label=label, help_text=help_text, choices=choices, required=False)
        date_column = self["occurred"].value() or self["occurred_date"].value() or ""
        examples = column_mapping.compare_date_orders(sample, date_column, source.time_zone)
        self.fields |= {
            "time_zone": forms.CharField(
                label=_("Time zone"), max_length=40, validators=[validate_time_zone], help_text=_("The time zone of the times in the files.")
            ),
            "day_first": forms.ChoiceField(
                label=_("Order of dates"),
                choices=[("", _order_label(_("Month first"), examples.get(False))), ("1", _order_label(_("Day first"), examples.get(True)))],
                required=False,
                help_text=_("Used only if the file doesn't show it. A day from 13 to 31 in the file decides by itself."),
            ),
            "times_are_local": forms.BooleanField(
                label=_("All times are local"), required=False,
                help_text=_("Check this if the file marks its times as UTC (Z, +00:00), but they are the local time. Compare the first rows with your records."),
            ),
            "scheme": forms.ChoiceField(
                label=_("Code list"),
                choices=[("", _("This source's own list: you classify each code")), *((name, name) for name in catalogue.schemes())],
                required=False,
                help_text=_("Choose a known list only if the offense column has the codes of that list."),
            ),
            "code_width": forms.IntegerField(
                label=_("Digits of a code"), required=False, min_value=0, max_value=20,
                help_text=_("If a spreadsheet drops leading zeros: with 4 digits, 486 becomes 0486 again."),
            ),
            "domestic_pattern": forms.CharField(
                label=_("Words that mean domestic"), required=False, max_length=100,
                help_text=_("Leave blank for a column of yes and no. Otherwise enter a word, or several separated by |."),
            ),
            **self._coordinate_fields(sample, source),
            "points_are_public": forms.BooleanField(
                label=_("The points are already public"), required=False,
                help_text=_("Check this only if the publisher has moved the points away from addresses. Otherwise they are moved to the middle of a block or of a 250 m cell."),
            ),
        }  # fmt: skip

    def _coordinate_fields(self, sample: Sample, source: Source) -> dict[str, forms.Field]:
        """Ask for the coordinate system where the columns hold more than degrees, and offer those that fit the city."""
        northing, easting = self["latitude"].value() or "", self["longitude"].value() or ""
        suggested = column_mapping.suggest_systems(sample, northing, easting, source) if northing and easting else []
        choices = [
            ("", _("Degrees, or the system below")),
            *((each.system.code, _describe_system(each)) for each in suggested),
        ]
        text = forms.CharField(
            label=_("Coordinate system"), required=False, max_length=80,
            help_text=_("Leave blank for degrees. Coordinates in meters or feet have a system: its EPSG number, such as 26910, or words of its name, such as UTM zone 10N."),
        )  # fmt: skip
        if (
            not suggested
            and column_mapping.is_projected(northing, sample)
            and not source.profile_config.get("coordinate_system")
        ):
            text.help_text = _(
                "These look like meters or feet, but no system puts them near your areas. Ask the people who made the file for its EPSG number, such as 26910, or type words of its name, such as UTM zone 10N."
            )
        if not suggested:
            return {"coordinate_system": text}
        radio = forms.ChoiceField(
            label=_("These look like meters or feet, not degrees. Where is your city?"),
            choices=choices,
            widget=forms.RadioSelect,
            required=False,
            help_text=_("Choose one, show the result, and see on the map whether the points lie in your city."),
        )
        return {"suggested_system": radio, "coordinate_system": text}

    def clean_coordinate_system(self) -> str:
        """Return the code of the one system that the text means, or of the suggested one that was chosen."""
        text = " ".join(self.cleaned_data["coordinate_system"].split())
        if not text:
            return str(self.cleaned_data.get("suggested_system", ""))
        found = projections.find_systems(text)
        if len(found) == 1:
            return found[0].code
        names = "; ".join(f"{each.code} {each.name}" for each in found[:_MAX_SYSTEMS_NAMED])
        if found:
            raise forms.ValidationError(_("Several systems fit. Type the number of one: %(names)s.") % {"names": names})
        raise forms.ValidationError(
            _("There is no coordinate system “%(text)s” in meters or feet. Type its EPSG number, or fewer words.")
            % {"text": text}
        )

    def profile_config(self, current: dict[str, Any]) -> dict[str, Any]:
        """Return the new Source.profile_config; keys that this page does not show keep their current value."""
        data = self.cleaned_data
        columns: dict[str, str | list[str]] = {name: data[name] for name in _FIELDS if name != "code2" and data[name]}
        if data["code2"] and data["code"]:
            columns["code"] = [data["code"], data["code2"]]
        edited = {
            "columns": columns,
            "day_first": bool(data["day_first"]),
            "times_are_local": data["times_are_local"],
            "scheme": data["scheme"],
            "code_width": data["code_width"] or 0,
            "domestic_pattern": data["domestic_pattern"],
            "coordinate_system": data["coordinate_system"],
            "points_are_public": data["points_are_public"],
        }
        return {**current, **edited, **asdict(self.reading)}


def _column_label(name: str, sample: Sample) -> str:
    cell = next((cell for cell in sample.cells(name) if cell.strip()), "")
    return f"{name} ({cell[:30]})" if cell else name


def _order_label(order: str, example: str | None) -> str:
    return f"{order}: {example}" if example else order


def _describe_system(suggestion: Suggestion) -> str:
    unit = _("meters") if suggestion.system.unit == "metre" else _("feet")
    return _("%(name)s (%(code)s, %(unit)s): near %(latitude).4f, %(longitude).4f, %(distance)d km from the middle of your city") % {
        "name": suggestion.system.name,
        "code": suggestion.system.code,
        "unit": unit,
        "latitude": suggestion.middle[0],
        "longitude": suggestion.middle[1],
        "distance": round(suggestion.kilometers),
    }  # fmt: skip


def mapping_response(request: HttpRequest, source: Source, by: Account, context: dict[str, Any]) -> HttpResponse:
    """Answer GET or POST on the column page of a source: show a sample, preview its rows, or save the mapping."""
    sample: Sample | None = None
    sample_form = SampleForm(initial=samples.initial_values(generic.stored_reading_options(source.profile_config)))
    if request.method == "POST" and "sample" in request.FILES:
        sample_form = SampleForm(request.POST, request.FILES)
        try:
            if sample_form.is_valid():
                sample = samples.read_uploaded(request.FILES["sample"], sample_form.reading_options())
        except UnreadableFileError as error:
            sample_form.add_error("sample", str(error))
        form = _initial_form(sample, source) if sample else None
    elif request.method == "POST" and (sample := samples.parse_posted(request.POST.get("rows", ""))):
        form = ColumnsForm(request.POST, sample=sample, source=source)
        if form.is_valid() and "save" in request.POST and _save(form, source, by):
            messages.success(
                request,
                _("The columns are saved. Try them with a test run of a whole file. A test run stores nothing."),
            )
            return HttpResponseRedirect(f"{reverse('admin:crimemap_importrun_add')}?source={source.pk}&dry=1")
    else:
        form = None
        if request.method == "POST":
            sample_form = SampleForm(request.POST, request.FILES)
            sample_form.is_valid()
    context |= {
        "sample_form": sample_form,
        "form": form,
        "sample": sample,
        "current_columns": source.profile_config.get("columns"),
    }
    if form and sample:
        context |= _preview_context(form, sample, source)
        context |= {"rows": samples.as_json(sample), "reading": samples.describe_reading(sample)}
    has_errors = bool(sample_form.errors or (form and form.errors))
    return TemplateResponse(request, TEMPLATE, context, status=422 if has_errors else 200)


def _initial_form(sample: Sample, source: Source) -> ColumnsForm:
    """Fill in the form from the source's configuration or, without one, by guessing; columns the sample lacks stay empty."""
    config = source.profile_config or column_mapping.guess_columns(sample.header, sample)
    columns = dict(config.get("columns", {}))
    code = columns.get("code", "")
    if isinstance(code, list):
        columns |= {"code": code[0], "code2": code[1] if len(code) > 1 else ""}
    if isinstance(columns.get("label"), list):
        columns["label"] = columns["label"][0]
    initial = {name: column for name, column in columns.items() if column in sample.header}
    initial |= {name: value for name, value in config.items() if name != "columns"}
    initial |= {"time_zone": source.time_zone, "day_first": "1" if config.get("day_first") else ""}
    return ColumnsForm(initial=initial, sample=sample, source=source)


def _preview_context(form: ColumnsForm, sample: Sample, source: Source) -> dict[str, Any]:
    """Preview the sample's rows under the mapping in the form."""
    if not form.is_bound:
        values = {name: form[name].value() or "" for name in form.fields}
        form = ColumnsForm(values, sample=sample, source=source)
    if not form.is_valid():
        return {}
    source.time_zone = form.cleaned_data["time_zone"]
    config = form.profile_config(source.profile_config)
    try:
        preview_rows, quirks = column_mapping.preview_rows(sample, config, source)
        points = column_mapping.locate_rows(sample, config, source)
    except generic.ConfigError as error:
        return {"preview_problem": str(error)}
    return {
        "preview": preview_rows,
        "quirks": quirk_names.name_all(quirks),
        "point_map": point_map.draw_points(points),
        "point_count": len(points),
    }


@transaction.atomic
def _save(form: ColumnsForm, source: Source, by: Account) -> bool:
    config = form.profile_config(source.profile_config)
    try:
        generic.GenericConfig.parse(config)
    except generic.ConfigError as error:
        form.add_error(None, str(error))
        return False
    Source.objects.filter(pk=source.pk).update(profile_config=config, time_zone=form.cleaned_data["time_zone"])
    public = ", points are public already" if config["points_are_public"] else ""
    detail = ", ".join(f"{name}: {column}" for name, column in config["columns"].items())
    audit.record(by, "changed columns", f"source {source.slug}", f"{form.cleaned_data['time_zone']}{public}; {detail}")
    return True
