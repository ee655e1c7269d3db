"""Serves pictures by the digest of their content, as long as something published refers to them."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

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
