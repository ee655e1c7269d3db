"""Pages that belong to no app: home, privacy, safety, and what is shown when something went wrong."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from core.web import page_cache
from outreach.stories import impact
from tips import statistics

ROBOTS = f"User-agent: *\nDisallow: /tips/\nSitemap: {settings.PORTAL_URL}/sitemap.xml\n"


@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """What one can do here; public figures only where there are any."""
    return HttpResponse(page_cache.rendered(request, "pages/home.html", _home))


def _home() -> dict[str, Any]:
    return {
        "figures": statistics.figures(),
        "outcomes": impact.total_outcomes(),
        "stories": impact.list_latest_stories(),
    }


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """What is kept of a source, what is not, and what nobody can promise."""
    return render(request, "pages/privacy.html")


@require_safe
def safety(request: HttpRequest) -> HttpResponse:
    """How to stay safe while reporting."""
    return render(request, "pages/safety.html")


@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    """Search engines stay away from tip pages."""
    return HttpResponse(ROBOTS, content_type="text/plain")


@require_safe
def healthy(_request: HttpRequest) -> HttpResponse:
    """For the process manager: this process answers."""
    return HttpResponse("ok", content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "404.html", status=404)


def server_error(_request: HttpRequest) -> HttpResponse:
    """Rendered without the request: whatever failed may fail again in a context processor."""
    return HttpResponse(render_to_string("500.html"), status=500)


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """The admin's answer to a failed CSRF check; `reason` is for developers and not shown."""
    sentence = _(
        "This page was open too long, or cookies are off. Go back, keep what you wrote if it is safe to, "
        "then reload the page and send it again."
    )
    return render(request, "403.html", {"sentence": sentence}, status=403)
