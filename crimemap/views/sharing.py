"""Downloads, feeds, and the map embedded in other sites."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from csp.decorators import csp_replace
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.http import require_safe

from crimemap import freshness, http
from crimemap.exports import atom, downloads
from crimemap.exports.fields import COLUMNS, AreaLabels, label_areas
from crimemap.offence_families import BY_SLUG
from crimemap.pages import map_marks, server_map
from crimemap.pages.filter_form import build_panel
from crimemap.places import areas, base_map, former_codes
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter, FilterError
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.views.downloads import refuse_download

FileWriter = Callable[[PublishedIncidents, Filter, AreaLabels], Iterator[bytes]]
# While nothing is published: a program must not save the page that says so as its file.
_with_file_selection = partial(http.with_selection, unpublished_status=404)


@require_safe
@_with_file_selection
def download_csv(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    media_type = "text/csv; charset=utf-8; header=present"
    return _download(
        request, published, chosen, extension="csv", media_type=media_type, write_file=downloads.iterate_csv
    )


@require_safe
@_with_file_selection
def download_geojson(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    media_type = "application/geo+json"
    return _download(
        request, published, chosen, extension="geojson", media_type=media_type, write_file=downloads.iterate_geojson
    )


def _download(
    request: HttpRequest,
    published: PublishedIncidents,
    chosen: Filter,
    *,
    extension: str,
    media_type: str,
    write_file: FileWriter,
) -> HttpResponseBase:
    def compute() -> HttpResponseBase:
        try:
            # HEAD must not occupy one of the limited download slots: its stream would never be read to the end.
            pieces = (
                downloads.DownloadStream(write_file(published, chosen, label_areas(published)))
                if request.method == "GET"
                else iter(())
            )
        except downloads.TooManyDownloadsError:
            return refuse_download(request)
        response = StreamingHttpResponse(pieces, content_type=media_type)
        name = downloads.file_name(published, chosen, extension)
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    return http.cached_response(request, published.version, chosen.query_string(), compute)


@require_safe
@_with_file_selection
def describe_columns(request: HttpRequest, published: PublishedIncidents, _chosen: Filter) -> HttpResponseBase:
    """Describe the columns of the files, and what the files leave out."""

    def compute() -> HttpResponse:
        context = {"published": published, "columns": COLUMNS}
        return render(request, "crimemap/exports/columns.txt", context, content_type="text/plain; charset=utf-8")

    return http.cached_response(request, published.version, published.made_on.isoformat(), compute)


@require_safe
def atom_feed(request: HttpRequest, layer: str = "", code: str = "", category: str = "") -> HttpResponseBase:
    """Serve the newest incidents of an area, of a category, or of everything, as Atom.

    It takes no other filter, because feed readers keep a URL for years.
    """
    try:
        published = reader.current()
    except NothingPublishedError:
        raise Http404 from None
    current = former_codes.current_code(layer, code)
    is_known = _has_area(published, layer, current)  # names may be read a minute before codes
    if current != code and code not in published.areas[layer] and is_known:  # else published before the code changed
        return redirect("crimemap:feed_area", layer, current, permanent=True)
    area = (layer, code) if layer else None
    if (area and not _has_area(published, *area)) or (category and category not in published.families):
        raise Http404

    def compute() -> HttpResponse:
        body = atom.build_feed(published, area=area, category=category)
        return HttpResponse(body, content_type="application/atom+xml; charset=utf-8")

    return http.cached_response(request, published.version, published.made_on.isoformat(), compute)


def _has_area(published: PublishedIncidents, layer: str, code: str) -> bool:
    """Return whether the area exists, with or without published incidents."""
    return (
        layer in published.areas and bool(code) and (code in published.areas[layer] or code in areas.area_names(layer))
    )


@require_safe
@xframe_options_exempt
@csp_replace({"frame-ancestors": ["*"]})
def embedded_map(request: HttpRequest) -> HttpResponseBase:
    """Serve the map for a frame in another site: a drawing, counts, and links that leave the frame."""
    try:
        published, chosen = http.read_selection(request)
        late = freshness.describe_freshness(published).late
        response = http.cached_response(
            request,
            published.version,
            _embed_cache_key(chosen, late),
            lambda: _render_embedded_map(request, published, chosen, late),
        )
    except FilterError as error:
        context = {"error": error, "query": error.filter.query_string()}
        response = render(request, "crimemap/pages/embed.html", context, status=400)
    except NothingPublishedError:
        response = render(request, "crimemap/pages/embed.html")
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _render_embedded_map(
    request: HttpRequest, published: PublishedIncidents, chosen: Filter, late: list[str]
) -> HttpResponse:
    by_family = map_marks.count_by_family(published, published.count_by_category(chosen))
    context = {
        "late": late,
        "families": [{"family": BY_SLUG[slug], "count": count} for slug, count in by_family.items()],
        "published": published,
        "query": chosen.query_string(),
        "panel": build_panel(published, chosen),
        "map": server_map.draw_map(published, chosen, ""),
    }
    return render(request, "crimemap/pages/embed.html", context)


def _embed_cache_key(chosen: Filter, late: list[str]) -> str:
    """Return everything a cached frame depends on: filter, late feeds, base map, and style sheets, whose old URLs stop working."""
    sheets = [static(f"css/{name}.css") for name in ("common", "map", "embed")]
    return "&".join([chosen.query_string(), *late, base_map.city_map_version(), *sheets])
