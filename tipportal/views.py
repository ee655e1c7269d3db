"""Pages that belong to no app: home, privacy, safety and error pages."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.staff import tip_access
from core.web import error_pages, page_cache
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
    return HttpResponse(page_cache.render_cached(request, "pages/privacy.html", _privacy_context))


def _privacy_context() -> dict[str, Any]:
    """Return whether two supervisors check each other; nothing if the database is away, which must not hide the page."""
    try:
        return {"has_four_eyes": tip_access.has_four_eyes()}
    except (DatabaseError, InterfaceError):
        return {}


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
    return HttpResponse(ROBOTS, content_type="text/plain; charset=utf-8")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_pages.render_error(request, 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_pages.render_error(request, 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    return error_pages.render_error(request, 404)


def server_error(request: HttpRequest) -> HttpResponse:
    return error_pages.render_error(request, 500)
