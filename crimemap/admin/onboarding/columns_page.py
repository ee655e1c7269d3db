"""The page on which an administrator changes the columns of a source that is published.

The rows of the sample file are sent back and forth with the page; the server stores nothing of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from crimemap.admin import point_map, quirk_names, samples
from crimemap.admin.onboarding import roles_form
from crimemap.admin.onboarding.roles_form import RolesForm
from crimemap.admin.samples import SampleForm
from crimemap.importing import column_mapping
from crimemap.importing.column_mapping import PreviewRow, Sample
from crimemap.importing.header import list_read_columns
from crimemap.importing.profiles import generic
from crimemap.importing.profiles.base import Profile
from crimemap.importing.readers.errors import UnreadableFileError
from crimemap.models import Source

TEMPLATE = "admin/crimemap/column_mapping.html"


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
        form = roles_form.start_form(sample, source) if sample else None
    elif request.method == "POST" and (sample := samples.parse_posted(request.POST.get("rows", ""))):
        form = RolesForm(request.POST, sample=sample, source=source)
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
        context |= preview_context(form, sample, source)
        context |= {"rows": samples.as_json(sample), "reading": samples.describe_reading(sample)}
    has_errors = bool(sample_form.errors or (form and form.errors))
    return TemplateResponse(request, TEMPLATE, context, status=422 if has_errors else 200)


def preview_context(form: RolesForm, sample: Sample, source: Source) -> dict[str, Any]:
    """Preview the sample's rows under the roles in the form."""
    if not form.is_bound:
        values = {name: form[name].value() or "" for name in form.fields}
        form = RolesForm(values, sample=sample, source=source)
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
        "far_warning": point_map.warn_if_incidents_are_far(points),
        "point_count": len(points),
    }


@dataclass(frozen=True, slots=True)
class RowPair:
    """A row as the file has it, by the names of the columns that are read, and what it becomes."""

    raw: list[tuple[str, str]]
    preview: PreviewRow


def side_by_side(sample: Sample, profile: Profile, source: Source) -> dict[str, Any]:
    """Show the sample's first rows beside what they become, and its points on a map."""
    preview_rows, quirks = column_mapping.preview_profile_rows(sample, profile, source)
    points = column_mapping.locate_profile_rows(sample, profile, source)
    read = set(list_read_columns(sample.header, profile))
    shown = [(position, name) for position, name in enumerate(sample.header) if name in read]
    pairs = [
        RowPair([(name, row[position]) for position, name in shown if row[position].strip()], preview)
        for row, preview in zip(sample.rows, preview_rows, strict=False)
    ]
    return {
        "pairs": pairs,
        "has_addresses": any(profile.columns.get(role) for role in ("block", "street_name")),
        "unread_columns": [name for name in sample.header if name not in read],
        "quirks": quirk_names.name_all(quirks),
        "point_map": point_map.draw_points(points),
        "far_warning": point_map.warn_if_incidents_are_far(points),
        "point_count": len(points),
        "row_count": len(sample.rows),
    }


@transaction.atomic
def _save(form: RolesForm, source: Source, by: Account) -> bool:
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
