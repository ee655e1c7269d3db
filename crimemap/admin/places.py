"""Areas, blocks, crossings and the base map in the admin."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from crimemap.admin import area_preview, block_preview
from crimemap.admin.layer_upload import LayerUploadAdmin, LayerUploadForm
from crimemap.layer_files import uploads
from crimemap.layer_files.layer_file import LayerFileError, as_geojson
from crimemap.layer_files.uploads import KeptUpload
from crimemap.models import Area, BaseLayer, Block, Intersection
from crimemap.places import area_import, area_index, block_import, former_codes, lookup
from crimemap.places.areas import layer_geojson
from crimemap.places.base_map import drawable_features
from crimemap.publishing import publication_requests
from crimemap.wording import format_count

MAX_BASE_LAYER_BYTES = 10_000_000


class AreasUploadForm(LayerUploadForm):
    """The boundaries of one layer."""

    layer = forms.ChoiceField(
        label=gettext_lazy("Layer"),
        choices=Area.Layer,
        help_text=gettext_lazy("You first see what would change. Nothing is replaced before you say so."),
    )
    field_order = ["layer", "file"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = _(
            "GeoJSON, or a shapefile with all its parts (.shp, .shx, .dbf, .prj) in one zip file. Up to 50 MB, in any coordinate system."
        )

    def layer_kind(self) -> str:
        return str(self.cleaned_data["layer"])


class BlocksUploadForm(LayerUploadForm):
    """The blocks of the city."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = _(
            "Center lines of streets with house numbers at their ends, or the middle of each block: GeoJSON, a zipped shapefile, or a CSV with"
            " street, hundred, latitude and longitude. Up to 50 MB. You first see what would change."
        )

    def layer_kind(self) -> str:
        return "blocks"


@admin.register(Area)
class AreaAdmin(FoldedSearch, LayerUploadAdmin):
    """The areas of all layers. Their outlines have thousands of points, so they come and change by a file alone."""

    fields = ["layer", "code", "name", "contact", "latitude", "longitude"]
    list_display = ["name", "layer", "code"]
    list_filter = ["layer"]
    search_fields = ["name", "code"]
    change_list_template = "admin/crimemap/layer_list.html"
    upload_form = AreasUploadForm
    upload_title = gettext_lazy("Import a layer of areas")
    upload_kinds = tuple(Area.Layer.values)
    may_add_one = False
    preview_template = "admin/crimemap/preview_areas.html"

    def get_urls(self) -> list[URLPattern]:
        download = self.admin_site.admin_view(self.download_view)
        return [path("download/", download, name="crimemap_area_download"), *super().get_urls()]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:  # noqa: ARG002
        if not self.has_import_permission(request):
            raise PermissionDenied
        return HttpResponseRedirect(reverse("admin:crimemap_area_import"))

    def save_model(self, request: HttpRequest, obj: Area, form: Any, change: bool) -> None:
        """Save an area; one with a new code keeps the links, alerts and records that name the old one."""
        super().save_model(request, obj, form, change)
        if change and "code" in form.changed_data and "layer" not in form.changed_data:
            former_codes.record(obj.layer, {form.initial["code"]: obj.code})
        if {"code", "layer"} & set(form.changed_data):
            for layer in {obj.layer, form.initial.get("layer", obj.layer)}:
                area_import.assign_areas(layer)
            publication_requests.request_publication()

    def download_view(self, request: HttpRequest) -> HttpResponse:
        """Send a layer as it is now, which can be imported again."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        layer = request.GET.get("layer", "")
        if layer not in Area.Layer.values:
            raise Http404
        response = HttpResponse(layer_geojson(layer), content_type="application/geo+json")
        response.headers["Content-Disposition"] = (
            f'attachment; filename="{layer}-{timezone.localdate():%Y-%m-%d}.geojson"'
        )
        return response

    def preview_context(self, request: HttpRequest, upload: KeptUpload) -> dict[str, Any]:
        return area_preview.preview_context(request.GET or request.POST, upload)

    def replace(self, request: HttpRequest, upload: KeptUpload) -> HttpResponse:
        file = uploads.load(upload)
        with transaction.atomic():
            if area_index.table_state() != request.POST.get("state", ""):
                problem = _("Someone changed the areas while you were looking. See below what would change now.")
                return self.render_preview(request, upload, {"problem": problem}, status=409)
            try:
                columns = area_preview.chosen_columns(request.POST, file, upload.kind)
                plan = area_import.plan_layer(upload.kind, file.features, columns)
                successors = area_preview.chosen_successors(request.POST, plan)
            except LayerFileError as error:
                return self.render_preview(request, upload, {"problem": str(error)}, status=422)
            result = area_import.replace_layer(plan, successors)
            result.notes[:0] = file.facts.notes()
            return self.finish(request, upload, f"layer {upload.kind}", result)


class AreasByPoint:
    """Places that are typed by hand: the areas that contain one follow from its point."""

    def save_model(self, request: HttpRequest, obj: Block | Intersection, form: Any, change: bool) -> None:
        obj.areas = dict(lookup.areas_at(obj.latitude, obj.longitude))
        super().save_model(request, obj, form, change)  # type: ignore[misc]


@admin.register(Block)
class BlockAdmin(AreasByPoint, LayerUploadAdmin):
    fields = ["street", "hundred", "latitude", "longitude"]
    list_display = ["__str__", "street", "hundred"]
    search_fields = ["street"]
    show_full_result_count = False
    change_list_template = "admin/crimemap/layer_list.html"
    upload_form = BlocksUploadForm
    upload_title = gettext_lazy("Import the blocks")
    upload_kinds = ("blocks",)
    preview_template = "admin/crimemap/preview_blocks.html"

    def preview_context(self, request: HttpRequest, upload: KeptUpload) -> dict[str, Any]:
        return block_preview.preview_context(request.GET or request.POST, upload)

    def replace(self, request: HttpRequest, upload: KeptUpload) -> HttpResponse:
        file = uploads.load(upload)
        try:
            parsed = block_import.parse_blocks(file, block_preview.chosen_columns(request.POST, file))
        except LayerFileError as error:
            return self.render_preview(request, upload, {"problem": str(error)}, status=422)
        with transaction.atomic():
            result = block_import.replace_blocks(parsed.blocks)
            result.notes += [*file.facts.notes(), *parsed.notes]
            return self.finish(request, upload, "layer blocks", result)


@admin.register(Intersection)
class IntersectionAdmin(AreasByPoint, AuditedAdmin):
    fields = ["first", "second", "latitude", "longitude"]
    list_display = ["__str__", "first", "second"]
    search_fields = ["first", "second"]


class BaseLayerForm(forms.ModelForm):
    """A layer of the base map from a file, which is read as those of areas are."""

    file = forms.FileField(label=gettext_lazy("File"))

    class Meta:
        model = BaseLayer
        fields = ["name", "order"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].required = self.instance.pk is None
        self.fields["file"].help_text = _(
            "GeoJSON, or a zipped shapefile, in degrees (WGS 84), up to %(most)d MB: lines or areas; for labels, points. Their properties"
            " “name” and “rank” are used. Leave this blank to keep the shapes that are there."
        ) % {"most": MAX_BASE_LAYER_BYTES // 1_000_000}  # fmt: skip

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        file, layer = cleaned.get("file"), cleaned.get("name")
        if file and layer:
            try:
                self.instance.geojson = _read_base_layer(file, layer)
            except LayerFileError as error:
                self.add_error("file", str(error))
        return cleaned


def _read_base_layer(file: Any, layer: str) -> dict[str, Any]:
    """Return the shapes of a file that can be drawn. Raises LayerFileError."""
    if file.size > MAX_BASE_LAYER_BYTES:
        raise LayerFileError(
            _(
                "The file is larger than %(most)d MB. Build the base map of a whole city from OpenStreetMap: manage.py base_map build."
            )
            % {"most": MAX_BASE_LAYER_BYTES // 1_000_000}
        )
    upload = uploads.keep(file, f"base-{layer}", account=0)
    try:
        if upload.facts.needs_system:
            raise LayerFileError(_("This file isn't in degrees. Export it in WGS 84 (EPSG:4326), and choose it again."))
        geojson = as_geojson(uploads.load(upload).features, ("name", "rank"))
    finally:
        uploads.remove(upload)
    if not any(drawable_features(geojson, layer)):
        points = _("There is nothing to draw in this file. It needs points for this layer.")
        lines = _("There is nothing to draw in this file. It needs lines or areas for this layer.")
        raise LayerFileError(points if layer == BaseLayer.Name.LABELS else lines)
    return geojson


@admin.register(BaseLayer)
class BaseLayerAdmin(AuditedAdmin):
    form = BaseLayerForm
    fields = ["name", "order", "file"]
    list_display = ["name", "order", "shapes"]

    @admin.display(description=gettext_lazy("shapes"))
    def shapes(self, layer: BaseLayer) -> str:
        return format_count(sum(1 for _each in drawable_features(layer.geojson, layer.name)))
