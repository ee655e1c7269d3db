"""Pages that belong to no app: home, privacy, safety and error pages."""

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
    """Show what visitors can do here, with public figures if there are any."""
    return HttpResponse(page_cache.render_cached(request, "pages/home.html", _home_context))


def _home_context() -> dict[str, Any]:
    return {
        "figures": statistics.read_figures(),
        "outcomes": impact.total_outcomes(),
        "stories": impact.list_latest_stories(),
    }


@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    """Explain which data of a source are stored, which are not, and what nobody can promise."""
    return render(request, "pages/privacy.html")


@require_safe
def security(_request: HttpRequest) -> HttpResponse:
    """Show SECURITY.md as plain text: what is protected from whom, and the results of the theft test."""
    return HttpResponse((settings.BASE_DIR / "SECURITY.md").read_bytes(), content_type="text/plain; charset=utf-8")


@require_safe
def safety(request: HttpRequest) -> HttpResponse:
    """Explain how to stay safe while reporting."""
    return render(request, "pages/safety.html")


@require_safe
def robots(_request: HttpRequest) -> HttpResponse:
    """Keep search engines away from tip pages."""
    return HttpResponse(ROBOTS, content_type="text/plain")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return render(request, "404.html", status=404)


def server_error(_request: HttpRequest) -> HttpResponse:
    """Render the page without the request: the fault may repeat in a context processor."""
    return HttpResponse(render_to_string("500.html"), status=500)


def form_too_old(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    """Answer a failed CSRF check in the admin. `reason` is for developers and is not shown."""
    sentence = _(
        "This page was open too long, or cookies are off. Go back, keep what you wrote if it is safe to, "
        "then reload the page and send it again."
    )
    return render(request, "403.html", {"sentence": sentence}, status=403)
