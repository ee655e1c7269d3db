"""Pictures of what is published. Each is asked for by the digest of its content, and answered while something names it."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from outreach.models import Guide, PictureFile, PublishedStory


@require_safe
def picture(_request: HttpRequest, digest: str, extension: str) -> HttpResponse:
    """One rebuilt picture. The database's own policy says the same of what the public role may read (grants.sql)."""
    told = PublishedStory.pictures.through.objects.filter(picture_id=OuterRef("picture_id"))
    guided = Guide.objects.filter(pictures=OuterRef("picture_id"), shown=True)
    found = PictureFile.objects.filter(Q(Exists(told)) | Q(Exists(guided)), digest=digest, format=extension)
    file = found.only("content").first()
    if file is None:
        raise Http404
    return file_response(bytes(file.content), extension)


def file_response(content: bytes, extension: str) -> HttpResponse:
    """A day in caches and no longer: what is withdrawn must go from there, too."""
    response = HttpResponse(content, content_type=PictureFile.Format(extension).label)
    response["Cache-Control"] = "public, max-age=86400"
    response["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return response
