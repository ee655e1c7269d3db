"""Uploading a layer in the admin: the file is kept for a day, looked at on a page of its own, and only then replaces a layer."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.models import Account
from core.staff.audited_admin import AuditedAdmin
from crimemap.admin import coordinate_systems
from crimemap.importing.columns import projections
from crimemap.layer_files import uploads
from crimemap.layer_files.layer_file import MAX_UPLOAD_BYTES, LayerFacts, LayerFileError
from crimemap.layer_files.uploads import KeptUpload, UploadGoneError
from crimemap.models import Source
from crimemap.places.area_import import LayerImportResult
from crimemap.places.area_index import area_indexes, middle_of
from crimemap.publishing import publication_requests


class LayerUploadForm(forms.Form):
    """The file of a layer. Subclasses say for which."""

    file = forms.FileField(label=gettext_lazy("File"))

    def clean_file(self) -> Any:
        file = self.cleaned_data["file"]
        if file.size > MAX_UPLOAD_BYTES:
            raise forms.ValidationError(
                _("The file is larger than %(most)d MB. Pack it with zip, or export the layer with fewer details.")
                % {"most": MAX_UPLOAD_BYTES // 1_000_000}
            )
        return file

    def layer_kind(self) -> str:
        raise NotImplementedError


class ReadingForm(forms.Form):
    """The choices for reading a file: which layer of an archive, and in which coordinate system."""

    def __init__(self, *args: Any, facts: LayerFacts, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if len(facts.layers) > 1:
            self.fields["layer"] = forms.ChoiceField(
                label=_("Layer of the archive"), choices=[(name, name) for name in facts.layers], initial=facts.layer
            )
        if facts.needs_system:
            suggested = _suggest_systems(facts)
            if suggested:
                self.fields["suggested"] = forms.ChoiceField(
                    label=_("These look like meters or feet, not degrees. Where is your city?"),
                    choices=[*((each.system.code, _describe(each)) for each in suggested), ("", _("The system below"))],
                    widget=forms.RadioSelect,
                    required=False,
                    help_text=_("Choose one, and see on the map whether the areas lie in your city."),
                )
            self.fields["system"] = forms.CharField(
                label=_("Coordinate system"),
                required=False,
                max_length=80,
                help_text=_(
                    "Its EPSG number, such as 26910, or words of its name, such as UTM zone 10N. The people who made the file know it."
                ),
            )

    def clean_system(self) -> str:
        """Return the code of the one system that the text means, or of the suggested one that was chosen."""
        text = " ".join(self.cleaned_data["system"].split())
        if not text:
            if not self.cleaned_data.get("suggested"):
                raise forms.ValidationError(_("Choose the coordinate system of the file, or type its number."))
            return str(self.cleaned_data["suggested"])
        return coordinate_systems.find_code(text)


def _suggest_systems(facts: LayerFacts) -> list[projections.Suggestion]:
    """Return the systems under which the file lies near the agency's areas or, without any, in the time zone of a source."""
    if city := middle_of(area_indexes().values()):
        return projections.suggest_systems(facts.sample, city, projections.CITY_KILOMETERS)
    source = Source.objects.order_by("pk").first()
    zone = projections.city_of_time_zone(source.time_zone) if source else None
    return projections.suggest_systems(facts.sample, zone, projections.ZONE_KILOMETERS) if zone else []


def _describe(suggestion: projections.Suggestion) -> str:
    return _("%(name)s (%(code)s): near %(latitude).4f, %(longitude).4f, %(distance)d km from the middle of your city") % {
        "name": suggestion.system.name,
        "code": suggestion.system.code,
        "latitude": suggestion.middle[0],
        "longitude": suggestion.middle[1],
        "distance": round(suggestion.kilometers),
    }  # fmt: skip


class LayerUploadAdmin(AuditedAdmin):
    """A list that an uploaded file can replace: a page for the file, and one that shows what would become of the list."""

    upload_form: type[LayerUploadForm]
    upload_title: Any
    upload_kinds: tuple[str, ...]
    may_add_one = True  # on a page of its own, without a file
    preview_template: str

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        pages = [
            path("import/", self.admin_site.admin_view(self.import_view), name=f"{name}_import"),
            path("import/<str:secret>/", self.admin_site.admin_view(self.preview_view), name=f"{name}_preview"),
        ]
        return [*pages, *super().get_urls()]

    def page_address(self, page: str, *args: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=args)

    def has_import_permission(self, request: HttpRequest) -> bool:
        return self.has_add_permission(request) and self.has_delete_permission(request)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {
            "may_import": self.has_import_permission(request),
            "import_title": self.upload_title,
            "may_add_one": self.may_add_one,
        }
        return super().changelist_view(request, context | (extra_context or {}))

    def import_view(self, request: HttpRequest) -> HttpResponse:
        """Take a file, read it in its confined process, and lead on to its preview."""
        account = self._account(request)
        form = self.upload_form(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                upload = uploads.keep(form.cleaned_data["file"], form.layer_kind(), account.pk)
            except LayerFileError as error:
                form.add_error("file", str(error))
            except OSError:
                form.add_error("file", _("The server has no space for this file. Tell the person who runs it."))
            else:
                return HttpResponseRedirect(self.page_address("preview", upload.secret))
        context = self._page_context(request) | {"form": form}
        return TemplateResponse(
            request, "admin/crimemap/import_layer.html", context, status=422 if form.errors else 200
        )

    def preview_view(self, request: HttpRequest, secret: str) -> HttpResponse:
        """Show what a file would make of the list; read it another way, replace the list, or give the file up."""
        account = self._account(request)
        try:
            upload = uploads.find(secret, account.pk, self.upload_kinds)
        except UploadGoneError:
            messages.warning(request, _("This file is not here anymore. Files are kept for a day. Send it again."))
            return HttpResponseRedirect(self.page_address("import"))
        if request.method == "POST" and "give_up" in request.POST:
            uploads.remove(upload)
            messages.success(request, _("The file was removed. Nothing has changed."))
            return HttpResponseRedirect(self.page_address("changelist"))
        if request.method == "POST" and "read" in request.POST:
            return self._read_again(request, upload)
        if request.method == "POST" and "replace" in request.POST and not upload.facts.needs_system:
            return self.replace(request, upload)
        return self.render_preview(request, upload, {})

    def _account(self, request: HttpRequest) -> Account:
        if not self.has_import_permission(request):
            raise PermissionDenied
        assert isinstance(request.user, Account)
        return request.user

    def _page_context(self, request: HttpRequest) -> dict[str, Any]:
        return {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": self.upload_title,
            "may_import": True,
        }

    def _read_again(self, request: HttpRequest, upload: KeptUpload) -> HttpResponse:
        form = ReadingForm(request.POST, facts=upload.facts)
        if form.is_valid():
            data = form.cleaned_data
            layer = data.get("layer", upload.layer)
            try:
                uploads.read_again(upload, layer=layer, system=data.get("system", ""))
            except LayerFileError as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(self.page_address("preview", upload.secret))
        return self.render_preview(request, upload, {"reading_form": form}, status=422)

    def render_preview(
        self, request: HttpRequest, upload: KeptUpload, context: dict[str, Any], status: int = 200
    ) -> HttpResponse:
        reading = context.get("reading_form") or ReadingForm(facts=upload.facts)
        shared = self._page_context(request) | {"upload": upload, "reading_form": reading}
        if not upload.facts.needs_system:
            try:
                shared |= self.preview_context(request, upload)
            except LayerFileError as error:
                shared["problem"] = str(error)
        return TemplateResponse(request, self.preview_template, shared | context, status=status)

    def preview_context(self, request: HttpRequest, upload: KeptUpload) -> dict[str, Any]:
        """Return what the template shows of the file beyond its facts. Raises LayerFileError."""
        raise NotImplementedError

    def replace(self, request: HttpRequest, upload: KeptUpload) -> HttpResponse:
        raise NotImplementedError

    def finish(self, request: HttpRequest, upload: KeptUpload, subject: str, result: LayerImportResult) -> HttpResponse:
        """Record a replaced list, tell its numbers, and publish; within the transaction that replaced it."""
        summary = result.summarize().split("\n")
        audit.record(self._account(request), "imported a layer", subject, f"{upload.name}: {summary[0]}")
        publication_requests.request_publication()
        uploads.remove(upload)
        for number, note in enumerate(summary):
            messages.add_message(request, messages.WARNING if number else messages.SUCCESS, note)
        return HttpResponseRedirect(self.page_address("changelist"))
