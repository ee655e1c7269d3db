"""Imports in the admin: upload files, watch a run, read its report, and decide on one that a sanity check stopped."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import Account
from core.sign_in.fresh_factor import require_fresh_factor_for_posts
from crimemap.admin import point_map, quirk_names
from crimemap.admin.point_map import PointMap
from crimemap.importing import import_undo
from crimemap.importing.arrival import jobs
from crimemap.importing.periods import snapshot_coverage
from crimemap.models import ImportRun, OffenceCode, ReportedValue, Source
from crimemap.privacy import area_names

MAX_PROBLEMS_SHOWN = 200
State = ImportRun.RunState
_CHIP_CLASSES = {
    State.STOPPED: "chip-red",
    State.FAILED: "chip-red",
    State.DONE: "chip-green",
    State.RUNNING: "chip-gold",
}


class _MultipleFileInput(forms.ClearableFileInput):
    allow_multiple_selected = True


class FilesField(forms.FileField):
    """A field of one or more files; its cleaned value is a list."""

    widget = _MultipleFileInput

    def clean(self, data: Any, initial: Any = None) -> list[Any]:
        clean_file = super().clean
        return (
            [clean_file(file, initial) for file in data]
            if isinstance(data, list) and data
            else [clean_file(data, initial)]
        )


class UploadForm(forms.Form):
    source = forms.ModelChoiceField(Source.objects.all(), label=gettext_lazy("Source"))
    sent = FilesField(
        label=gettext_lazy("Files"),
        help_text=gettext_lazy(
            "In the format of the source's profile: CSV, JSON or a workbook (.xlsx, .xls, .xlsb, .ods), also as gzip or zip."
        ),
    )
    dry_run = forms.BooleanField(
        label=gettext_lazy("Test run"),
        required=False,
        help_text=gettext_lazy("Reads and counts everything, but stores nothing."),
    )
    full_snapshot = forms.BooleanField(
        label=gettext_lazy("The files contain everything for their period"),
        required=False,
        help_text=gettext_lazy("Stored incidents of that period that are no longer in the files are withdrawn."),
    )
    snapshot_from = forms.DateField(
        label=gettext_lazy("First day of that period"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text=gettext_lazy(
            "The period that you exported, not the first and last date in the file: late reports are older."
        ),
    )
    snapshot_to = forms.DateField(
        label=gettext_lazy("Last day of that period"), required=False, widget=forms.DateInput(attrs={"type": "date"})
    )

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        first, last = cleaned.get("snapshot_from"), cleaned.get("snapshot_to")
        if not cleaned.get("full_snapshot"):
            if first or last:
                self.add_error(
                    "full_snapshot",
                    _("Check this box if the files contain everything for the period, or leave out its days."),
                )
            return cleaned
        for name, day in (("snapshot_from", first), ("snapshot_to", last)):
            if day is None and name not in self.errors:
                self.add_error(
                    name, _("Say which period the files contain everything for. Nothing outside it is withdrawn.")
                )
        if first and last and first > last:
            self.add_error("snapshot_to", _("The last day must not be before the first day."))
        return cleaned

    def snapshot_period(self) -> tuple[dt.date, dt.date] | None:
        data = self.cleaned_data
        return (data["snapshot_from"], data["snapshot_to"]) if data["full_snapshot"] else None


class UndoForm(forms.Form):
    sure = forms.BooleanField(
        label=gettext_lazy("I have read the numbers, and want to take this import back"),
        error_messages={"required": gettext_lazy("Check this box if you want to take the import back.")},
    )


class DryRunFilter(admin.SimpleListFilter):
    """Filters the list by real imports and test runs."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("real", _("Real imports")), ("dry", _("Test runs"))]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:  # noqa: ARG002
        return queryset.filter(dry_run=self.value() == "dry") if self.value() in ("real", "dry") else queryset


@admin.register(ImportRun)
class ImportRunAdmin(admin.ModelAdmin):
    list_display = ("number", "status", "asked_at", "rows_summary")
    list_filter = ("state", "source", "origin", DryRunFilter, "asked_at")
    list_select_related = ("source",)
    list_per_page = 50
    search_fields = ("file_name", "=id")
    search_help_text = gettext_lazy("File name or import number")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    change_list_template = "admin/crimemap/import_run_list.html"

    # Runs are requested on a separate page, and never changed or deleted by hand.

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Imports"), **(extra_context or {})})

    @admin.display(description=gettext_lazy("import"), ordering="id")
    def number(self, run: ImportRun) -> SafeString:
        origin = " · ".join(filter(None, (run.get_origin_display(), run.file_name)))
        return format_html("{} {}<br><bdi class=quiet>{}</bdi>", run.pk, run.source, origin)

    @admin.display(description=gettext_lazy("rows"))
    def rows_summary(self, run: ImportRun) -> str:
        """Return the counts that are not zero: "1,200 read, 1,190 new, 10 rejected"."""
        names = ("read", "created", "updated", "rejected", "removed", "held")
        counts = ((getattr(run, name), str(run._meta.get_field(name).verbose_name)) for name in names)  # type: ignore[union-attr]
        return ", ".join(f"{number_format(count, force_grouping=True)} {label}" for count, label in counts if count)

    @admin.display(description=gettext_lazy("status"), ordering="state")
    def status(self, run: ImportRun) -> SafeString:
        return format_html(
            '<span class="chip {}">{}</span>{}', _CHIP_CLASSES.get(State(run.state), ""), run.get_state_display(),
            format_html(' <span class="chip">{}</span>', _("Test run")) if run.dry_run else "",
        )  # fmt: skip

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view
        return [
            path("<int:pk>/state/", view(self.state_view), name="crimemap_importrun_state"),
            path("<int:pk>/undo/", view(self.undo_view), name="crimemap_importrun_undo"),
            path("<int:pk>/decide/", view(self.decide_view), name="crimemap_importrun_decide"),
            *super().get_urls(),
        ]

    # Upload

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        if not self.has_add_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        initial = {"source": request.GET.get("source", ""), "dry_run": "dry" in request.GET}
        form = UploadForm(request.POST or None, request.FILES or None, initial=initial)
        if request.method == "POST" and form.is_valid():
            data = form.cleaned_data
            try:
                run = jobs.request_import(
                    data["source"], data["sent"], origin=ImportRun.Origin.UPLOAD, by=request.user,
                    dry_run=data["dry_run"], full_snapshot=data["full_snapshot"],
                    snapshot_period=form.snapshot_period(),
                )  # fmt: skip
                return HttpResponseRedirect(_run_url(run))
            except jobs.ImportNotPossibleError as error:
                form.add_error(None, str(error))
            except OSError:
                form.add_error(None, _("The server has no space for these files. Tell the person who runs the server."))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": _("Import files"), "form": form}
        return TemplateResponse(
            request, "admin/crimemap/upload_files.html", context, status=422 if form.errors else 200
        )

    # One run

    def change_view(self, request: HttpRequest, object_id: str, *_args: Any, **_kwargs: Any) -> HttpResponse:
        run = self._get_run(request, object_id)
        problems = list(run.problems.all()[: MAX_PROBLEMS_SHOWN + 1])
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Import %(number)s") % {"number": run.pk},
            "run": run,
            "chip": _CHIP_CLASSES.get(State(run.state), ""),
            "is_open": run.state in jobs.OPEN_STATES,
            "percent": progress_percent(run),
            "counts": [(run._meta.get_field(name).verbose_name, getattr(run, name)) for name in COUNTS],  # type: ignore[union-attr]
            "quirks": quirk_names.name_all(run.report.get("quirks", {})),
            "kept_count": sum(span[2] for span in run.report.get("kept", [])),
            "kept": snapshot_coverage.describe_spans(snapshot_coverage.read_spans(run.report.get("kept", []))),
            "crowded_map": _crowded_map(run) if run.state == State.STOPPED else None,
            "unread": run.report.get("unread", 0),
            "streets": run.report.get("streets", []),
            "undecided": run.report.get("undecided", 0),
            "cells": quirk_names.name_all(run.report.get("cells", {})),
            "problems": problems[:MAX_PROBLEMS_SHOWN],
            "problem_columns": any(problem.column for problem in problems),
            "more_problems": len(problems) > MAX_PROBLEMS_SHOWN,
            "may_undo": self.has_add_permission(request) and import_undo.find_undoable(run.source) == run,
            "may_decide": run.state == State.STOPPED and not run.dry_run and self.has_add_permission(request),
            "named_areas": ReportedValue.objects.filter(field__in=area_names.COLUMNS).count(),
            "unknown_codes": OffenceCode.objects.filter(category=None).exists() if run.held else False,
        }
        return TemplateResponse(request, "admin/crimemap/import_run.html", context)

    def state_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Return the progress for the page's script: whether the run is open, its percentage and a text."""
        run = self._get_run(request, str(pk))
        words = _("%(read)s rows read") % {"read": f"{run.read:,}"}
        return JsonResponse({"open": run.state in jobs.OPEN_STATES, "percent": progress_percent(run), "words": words})

    def decide_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        run = self._get_run(request, str(pk))
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_add_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        try:
            if request.POST.get("act") == "release":
                jobs.release_run(run, request.user)
                messages.success(request, _("The import continues. Its incidents are published when it is done."))
            elif request.POST.get("act") == "real_place":
                jobs.confirm_real_place(run, request.user)
                messages.success(
                    request, _("The import continues. Imports of this source don't stop at this place again.")
                )
            else:
                jobs.discard_run(run, request.user)
                messages.success(request, _("The import is discarded. Nothing from it was stored."))
        except jobs.ImportNotPossibleError as error:
            messages.warning(request, str(error))
        return HttpResponseRedirect(_run_url(run))

    @require_fresh_factor_for_posts
    def undo_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show what taking an import back does, and do it once a person has confirmed that."""
        run = self._get_run(request, str(pk))
        if not self.has_add_permission(request) or not isinstance(request.user, Account):
            raise PermissionDenied
        form = UndoForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            try:
                undo = jobs.request_undo(run, request.user)
                return HttpResponseRedirect(_run_url(undo))
            except jobs.ImportNotPossibleError as error:
                form.add_error(None, str(error))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Take import %(number)s back") % {"number": run.pk},
            "run": run,
            "form": form,
            "is_undoable": import_undo.find_undoable(run.source) == run,
            "preview": import_undo.preview_undo(run),
        }
        return TemplateResponse(request, "admin/crimemap/undo_import.html", context, status=422 if form.errors else 200)

    def _get_run(self, request: HttpRequest, number: str) -> ImportRun:
        if not self.has_view_permission(request):
            raise PermissionDenied
        run = (
            ImportRun.objects.select_related("source", "by", "undoes")
            .filter(pk=number if number.isdecimal() else 0)
            .first()
        )
        if run is None:
            raise Http404
        return run


def _crowded_map(run: ImportRun) -> PointMap | None:
    """Draw the point that stopped the import, where there is one; None for other imports."""
    crowded = run.report.get("crowded")
    return point_map.draw_points([(crowded["latitude"], crowded["longitude"])]) if crowded else None


COUNTS = ("read", "created", "updated", "unchanged", "rejected", "removed", "held")


def progress_percent(run: ImportRun) -> int | None:
    return min(100, run.read * 100 // run.rows_total) if run.rows_total else None


def _run_url(run: ImportRun) -> str:
    return reverse("admin:crimemap_importrun_change", args=[run.pk])
