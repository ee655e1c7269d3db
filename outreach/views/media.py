"""Serves pictures by the digest of their content, as long as something published or the agency's settings refer to them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from core.agency import current_settings
from core.agency.current_settings import Agency
from outreach.content import pictures
from outreach.models import Guide, PictureFile, PublishedStory


@require_safe
def picture(_request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """One rebuilt file. Row security in the database limits the public role in the same way (grants.sql)."""
    in_story = PublishedStory.pictures.through.objects.filter(picture_id=OuterRef("picture_id"))
    in_guide = Guide.objects.filter(pictures=OuterRef("picture_id"), shown=True)
    public_files = PictureFile.objects.filter(Q(Exists(in_story)) | Q(Exists(in_guide)))
    file = public_files.filter(digest=digest, format=extension).only("content").first()
    if file is None:
        raise Http404
    return file_response(bytes(file.content), extension)


def file_response(content: bytes, extension: str) -> HttpResponse:
    """Return a file that caches keep for a day, and no longer: withdrawn pictures must leave them as well."""
    response = HttpResponse(content, content_type=PictureFile.Format(extension).label)
    response["Cache-Control"] = "public, max-age=86400"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response


@require_safe
def agency_picture(_request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """Send the agency's crest or the picture of its home page, which browsers keep for good; 404 for any other.

    Another process may know a newer edition of the settings than this one: it is asked for before the answer is no.
    """
    if not _is_named(current_settings.current(), digest) and not _is_named(current_settings.read_newest(), digest):
        raise Http404
    try:
        response = file_response(pictures.read_agency_file(digest, extension), extension)
    except PictureFile.DoesNotExist:
        raise Http404 from None
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    return response


def _is_named(agency: Agency, digest: str) -> bool:
    return digest in (agency.crest, agency.home_picture)
