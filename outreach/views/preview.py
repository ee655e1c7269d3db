"""The page of a preview link: a story before it is published. Search engines do not list it, and no cache stores it."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from outreach.content import markdown
from outreach.stories import previews, search
from outreach.views import media


@require_safe
def preview(request: HttpRequest, token: str) -> HttpResponse:
    """The story as it is at the desk now, under a banner."""
    picture_url = reverse("outreach:preview", args=[token]) + "media/"
    opened = previews.open_preview(token, picture_url)
    if opened is None:
        return _keep_private(render(request, "outreach/stories/preview_expired.html", status=404))
    story = opened.story
    try:
        text = markdown.render(story.body, opened.pictures)
    except markdown.TextTooComplexError as error:
        text = markdown.render(str(error))
    context = {
        "story": story,
        "text": text,
        "picture_address": picture_url,
        "places": search.named_areas(story.areas),
    }
    return _keep_private(render(request, "outreach/stories/preview.html", context))


@require_safe
def picture(_request: HttpRequest, token: str, digest: str, extension: str) -> HttpResponse:
    """A picture file of the story that the link shows."""
    content = previews.read_picture_file(token, digest, extension)
    if content is None:
        raise Http404
    return _keep_private(media.file_response(content, extension))


def _keep_private(response: HttpResponse) -> HttpResponse:
    response["Cache-Control"] = "no-store"
    response["X-Robots-Tag"] = "noindex, nofollow"
    return response
