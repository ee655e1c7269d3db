"""The page of downloads, and the files of everything that is published."""

from __future__ import annotations

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.web import byte_ranges
from crimemap import http
from crimemap.exports import data_files, downloads
from crimemap.pages.data_downloads import build_context
from crimemap.snapshot import reader
from crimemap.snapshot.filters import PAGE_DAYS, Filter
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.views.selection import catch_filter_errors

WRITING_SECONDS = 300  # a city's files take a minute or two


@require_safe
@catch_filter_errors
@partial(http.with_selection, default_days=PAGE_DAYS)
def downloads_page(request: HttpRequest, published: PublishedIncidents, chosen: Filter) -> HttpResponseBase:
    """Show the files of everything, the selection's own, what the columns mean, the license, and how to cite them."""
    return render(request, "crimemap/exports/page.html", build_context(published, chosen))


@require_safe
def data_file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Send a file of the published version, or a range of it. Its address never changes, and nobody counts who asks."""
    try:
        published = reader.current()
    except NothingPublishedError:
        raise Http404 from None
    being_written = _("These files are being written. Try again in a few minutes.")
    known = data_files.find_data_files(published)
    if known is None:
        return _refuse(request, being_written, WRITING_SECONDS)
    found = known.find(name)
    if found is None:
        raise Http404
    etag = f'"{found.sha256[:32]}"'
    unchanged = get_conditional_response(request, etag=etag)
    if unchanged is not None:
        return unchanged
    try:
        response = byte_ranges.file_response(
            request,
            found.path,
            etag=etag,
            media_type=found.media_type,
            cache_control=f"public, max-age={http.CACHE_SECONDS}",
            wrap=downloads.DownloadStream,
        )
    except downloads.TooManyDownloadsError:
        return refuse_download(request)
    except FileNotFoundError:  # replaced right now
        return _refuse(request, being_written, WRITING_SECONDS)
    response.headers["Content-Disposition"] = f'attachment; filename="{found.dated_name(published.version)}"'
    return response


def refuse_download(request: HttpRequest) -> HttpResponse:
    """Answer that too many people are downloading."""
    return _refuse(
        request, _("Too many people are downloading right now. Try again in a minute."), downloads.RETRY_SECONDS
    )


def _refuse(request: HttpRequest, sentence: str, retry_seconds: int) -> HttpResponse:
    response = render(request, "400.html", {"sentence": sentence}, status=503)
    response.headers["Retry-After"] = str(retry_seconds)
    return response
