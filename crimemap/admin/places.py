"""Areas, blocks, crossings and the base map in the admin."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.models import Account
from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from crimemap.models import Area, BaseLayer, Block, Intersection
from crimemap.places import area_import, block_import
from crimemap.places.area_import import LayerImportResult
from crimemap.places.base_map import drawable_features, is_drawable


class LayerForm(forms.Form):
    layer = forms.ChoiceField(
        label=gettext_lazy("Layer"), choices=Area.Layer, help_text=gettext_lazy("The file replaces the whole layer.")
    )
    file = forms.FileField(
        label=gettext_lazy("File"), help_text=gettext_lazy("GeoJSON in WGS 84 degrees, also as gzip.")
    )
    code = forms.CharField(
        label=gettext_lazy("Property with the code"),
        required=False,
        help_text=gettext_lazy(
            "The property that incidents use for the area, such as DIST_NUM. If you leave it blank, the portal guesses."
        ),
    )
    name = forms.CharField(
        label=gettext_lazy("Property with the name"),
        required=False,
        help_text=gettext_lazy(
            "The name that residents see. If you leave it blank, the portal guesses. Without names, areas are called “District 9”."
        ),
    )


class BlocksForm(forms.Form):
    file = forms.FileField(
        label=gettext_lazy("File"),
        help_text=gettext_lazy(
            "A CSV or GeoJSON of midpoints (street, hundred, latitude, longitude), or GeoJSON of street center lines with"
            " address ranges. It replaces all blocks. Blocks that stay keep their links."
        ),
    )


class _ReplaceableAdmin(AuditedAdmin):
    """A list that an uploaded file can replace, on a page beside the list."""

    import_form: type[forms.Form]
    import_title: Any

    def get_urls(self) -> list[URLPattern]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_import"
        return [path("import/", self.admin_site.admin_view(self.import_view), name=name), *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponse:
        if not (self.has_add_permission(request) and self.has_delete_permission(request)):
            raise PermissionDenied
        form = self.import_form(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            try:
                result = self.replace_from_file(request, form.cleaned_data)
            except area_import.LayerFileError as error:
                form.add_error("file", str(error))
            else:
                for number, note in enumerate(result.summarize().split("\n")):
                    messages.add_message(request, messages.WARNING if number else messages.SUCCESS, note)
                return HttpResponseRedirect(reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"))
        context = {**self.admin_site.each_context(request), "opts": self.opts, "title": self.import_title, "form": form}
        return TemplateResponse(
            request, "admin/crimemap/import_layer.html", context, status=422 if form.errors else 200
        )

    def replace_from_file(self, request: HttpRequest, data: dict[str, Any]) -> LayerImportResult:
        raise NotImplementedError

    def replace_and_record(
        self, request: HttpRequest, subject: str, file_name: str, replace: Callable[[], LayerImportResult]
    ) -> LayerImportResult:
        """Call `replace` and record it in the audit trail; a rejected file leaves no entry."""
        assert isinstance(request.user, Account)
        result = replace()
        audit.record(request.user, "imported a layer", subject, f"{file_name}: {result.summarize().splitlines()[0]}")
        return result

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        may_import = self.has_add_permission(request) and self.has_delete_permission(request)
        return super().changelist_view(
            request, {"may_import": may_import, "import_title": self.import_title, **(extra_context or {})}
        )


class AreaForm(forms.ModelForm):
    def clean_outline(self) -> Any:
        outline = self.cleaned_data["outline"]
        if not is_drawable(outline) or outline["type"] not in ("Polygon", "MultiPolygon"):
            raise forms.ValidationError(
                _("This isn't the outline of an area. Paste a GeoJSON Polygon or MultiPolygon in degrees (WGS 84).")
            )
        return outline


@admin.register(Area)
class AreaAdmin(FoldedSearch, _ReplaceableAdmin):
    form = AreaForm
    list_display = ["name", "layer", "code"]
    list_filter = ["layer"]
    search_fields = ["name", "code"]
    change_list_template = "admin/crimemap/layer_list.html"
    import_form = LayerForm
    import_title = gettext_lazy("Import a layer of areas")

    def get_fields(self, request: HttpRequest, obj: Area | None = None) -> Any:  # noqa: ARG002
        """Show the outline only for a new area: thousands of points are changed by a file, not in a text box."""
        fields = ["layer", "code", "name", "contact", "latitude", "longitude"]
        return fields if obj else [*fields, "outline"]

    def replace_from_file(self, request: HttpRequest, data: dict[str, Any]) -> LayerImportResult:
        def replace() -> LayerImportResult:
            features = area_import.parse_features(data["file"].read())
            columns = area_import.choose_columns(features, data["layer"], data["code"], data["name"] or None)
            result = area_import.replace_layer(data["layer"], features, columns)
            name_note = (
                _("Names are from “%(name)s”.") % {"name": columns.name} if columns.name else _("No names were found.")
            )
            result.notes.insert(0, _("Codes are from “%(code)s”.") % {"code": columns.code} + " " + name_note)
            return result

        return self.replace_and_record(request, f"layer {data['layer']}", data["file"].name, replace)


@admin.register(Block)
class BlockAdmin(_ReplaceableAdmin):
    list_display = ["__str__", "street", "hundred"]
    search_fields = ["street"]
    show_full_result_count = False
    change_list_template = "admin/crimemap/layer_list.html"
    import_form = BlocksForm
    import_title = gettext_lazy("Import the blocks")

    def replace_from_file(self, request: HttpRequest, data: dict[str, Any]) -> LayerImportResult:
        def replace() -> LayerImportResult:
            parsed = block_import.parse_blocks(data["file"].read())
            result = block_import.replace_blocks(parsed.blocks)
            result.notes += parsed.notes
            return result

        return self.replace_and_record(request, "layer blocks", data["file"].name, replace)


@admin.register(Intersection)
class IntersectionAdmin(AuditedAdmin):
    list_display = ["__str__", "first", "second"]
    search_fields = ["first", "second"]


_UNSTORABLE = re.compile(r"\\u0000|(?<!\")\b(?:NaN|Infinity)\b(?!\")")  # in PostgreSQL's JSON


class BaseLayerForm(forms.ModelForm):
    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        geojson, layer = cleaned.get("geojson"), cleaned.get("name")
        if _UNSTORABLE.search(json.dumps(geojson)):
            self.add_error(
                "geojson", _("This GeoJSON has a number or a character that can't be stored. Export it again.")
            )
            return cleaned
        if geojson is not None and layer and not any(drawable_features(geojson, layer)):
            is_labels = layer == BaseLayer.Name.LABELS
            points = _(
                "There is nothing to draw in it. Paste a GeoJSON FeatureCollection of points in degrees (WGS 84)."
            )
            lines = _(
                "There is nothing to draw in it. Paste a GeoJSON FeatureCollection of lines or areas in degrees (WGS 84)."
            )
            self.add_error("geojson", points if is_labels else lines)
        return cleaned


@admin.register(BaseLayer)
class BaseLayerAdmin(AuditedAdmin):
    form = BaseLayerForm
    list_display = ["name", "order"]
