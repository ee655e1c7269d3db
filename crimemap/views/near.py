"""The page about one place, "My street".

A typed place is posted and answered at once, without a redirect: it is in no address, so in no history, log or cache. Areas and
landmarks have an address of their own, and any place gets one when a reader presses Share.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from crimemap.near import addresses, distances, page_context, periods
from crimemap.near.report import build_report
from crimemap.places import lookup
from crimemap.places.lookup import Place
from crimemap.snapshot import reader
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.street_names import normalize_name

MAX_MATCHES = 24  # as many as a page shows; "school" lists the schools
MAX_SUGGESTIONS = 8
UNPROCESSABLE, NOT_FOUND = 422, 404

NearView = Callable[..., HttpResponse]


def keep_private(view: Callable[..., HttpResponse]) -> NearView:
    """Call view(request, published, ...) and keep its response out of caches, search engines and the Referer header."""

    @wraps(view)
    def respond(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        try:
            response = view(request, reader.current(), **kwargs)
        except NothingPublishedError:
            response = render(request, "crimemap/pages/nothing_published.html")
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex, noarchive"
        response.headers["Referrer-Policy"] = "strict-origin"
        return response

    return respond


@require_http_methods(["GET", "HEAD", "POST"])
@keep_private
def search_page(request: HttpRequest, published: PublishedIncidents) -> HttpResponse:
    """Show the search; answer a posted one with the page about its place, or with the places that it may mean."""
    if request.method != "POST":
        return _render_search(request, published)
    text = request.POST.get("q", "").strip()[:100]
    place = lookup.find_place(request.POST.get("place", ""))
    known = request.POST.get("known", "").strip()
    # The chosen place, unless another text was typed over its name.
    if place is None or (known and known != text):
        found = lookup.search_places(text, MAX_MATCHES)
        place = choose_match(text, found)
        if place is None:
            return _render_search(request, published, text=text, found=found)
    period = periods.find_period(published, request.POST.get("period", "")) or periods.default_period(published)
    distance = distances.find_distance(published, request.POST.get("within", ""))
    page = request.POST.get("page", "")
    report = build_report(
        published, place, period, distance, int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1
    )
    context = page_context.build_context(published, report, typed=True, shared="share" in request.POST)
    return render(request, "crimemap/near/place.html", context)


@require_safe
@keep_private
def place_page(request: HttpRequest, published: PublishedIncidents, place: str, period: str = "") -> HttpResponse:
    """Show the page about a place that an address names."""
    found = addresses.find_places(place)
    if not found:
        problem = _("We don't know a place with this address. Its name may have changed. Search for it here.")
        return _render_search(request, published, problem=problem, status=NOT_FOUND)
    if len(found) > 1:
        return _render_search(request, published, text=found[0].name, found=found)
    days = periods.find_period(published, period) if period else periods.default_period(published)
    if days is None:
        problem = _("We don't have all days of this period. Choose another one.")
        return _render_search(request, published, text=found[0].name, problem=problem, status=NOT_FOUND)
    distance = distances.find_distance(published, request.GET.get("within", ""))
    page = request.GET.get("page", "")
    report = build_report(
        published, found[0], days, distance, int(page) if page.isascii() and page.isdecimal() and len(page) < 6 else 1
    )
    context = page_context.build_context(published, report, typed=False, shared=False)
    return render(request, "crimemap/near/place.html", context)


@require_POST
@keep_private
def matches(request: HttpRequest, published: PublishedIncidents) -> HttpResponse:  # noqa: ARG001  (search needs no incidents)
    """Return the places that a posted text may mean, best first: {"places": [{"ref", "name", "kind", "area"}]}."""
    found = lookup.search_places(request.POST.get("q", ""), MAX_SUGGESTIONS)
    return JsonResponse(
        {
            "places": [
                {"ref": each.ref, "name": each.name, "kind": each.kind_name, "area": each.surroundings}
                for each in found
            ]
        }
    )


def _parse_page(text: str) -> int:
    """Return the number of a page of rows; 1 for anything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else 1


def choose_match(text: str, found: list[Place]) -> Place | None:
    """Return the place that a text means if there is no doubt: the only match, or the only one with this very name."""
    if len(found) == 1:
        return found[0]
    same = [place for place in found if normalize_name(place.name) == normalize_name(text)]
    return same[0] if len(same) == 1 else None


def _render_search(
    request: HttpRequest,
    published: PublishedIncidents,
    *,
    text: str = "",
    found: list[Place] | None = None,
    problem: str = "",
    status: int = 200,
) -> HttpResponse:
    """Render the search with the places it found (None: nothing was searched for)."""
    if found == [] and not text:
        problem, found = _("Enter a street, an intersection, a school, a park or another place."), None
        status = UNPROCESSABLE
    posted = request.POST if request.method == "POST" else request.GET
    form = page_context.build_form(published, text=text)
    context = {
        "form": form,
        "found": found,
        "text": text,
        "problem": problem,
        "within": distances.find_distance(published, posted.get("within", "")).meters,
        "period": periods.find_period(published, posted.get("period", "")) or periods.default_period(published),
    }
    return render(request, "crimemap/near/search.html", context, status=status)
