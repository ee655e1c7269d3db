"""Reading a filter from a request and refusing it, in one way for pages and for programs; conditional caching of responses.

    @require_safe
    @with_selection
    def list_page(request, published, chosen): ...

An invalid filter gets status 400 with its problems and the nearest valid filter. While nothing is published, the visitor gets
a page that says so.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import get_conditional_response, patch_vary_headers
from django.utils.translation import gettext as _

from core.agency import current_settings
from crimemap.pages.filter_form import parse_form
from crimemap.places import former_codes
from crimemap.snapshot import reader
from crimemap.snapshot.filters import DEFAULT_DAYS, MAX_VALUE_CHARACTERS, PARTS, Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.snapshot.row_scan import Box

MAX_QUERY_CHARACTERS = 4096  # the longest useful filter is a fifth of it
LEAST_COMPRESSED = 200  # bytes, as in Django's middleware
CACHE_SECONDS = 60  # so a new version is on all screens a minute later

SelectionView = Callable[..., HttpResponseBase]


def with_selection(
    view: Callable[..., HttpResponseBase], *, unpublished_status: int = 200, default_days: int = DEFAULT_DAYS
) -> SelectionView:
    """Call view(request, published, chosen, ...) with the request's filter.

    `default_days` is the period where the request names none, `unpublished_status` is the status of the page shown while nothing is published.
    """

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            published, chosen = read_selection(request, default_days)
        except NothingPublishedError:
            return render(request, "crimemap/pages/nothing_published.html", status=unpublished_status)
        except FilterError as error:
            return render_filter_error(request, error)
        return view(request, published, chosen, *args, **kwargs)

    return respond


def read_selection(request: HttpRequest, default_days: int = DEFAULT_DAYS) -> tuple[PublishedIncidents, Filter]:
    """Return the current publication and the filter, which comes as a canonical URL or as a submitted form ("set").

    Raises NothingPublishedError, FilterError.
    """
    published = reader.current()
    length = len(request.META.get("QUERY_STRING", ""))
    parameters = parse_form(request.GET, published.families) if "set" in request.GET else request.GET
    try:
        chosen, problems = Filter.parse(with_current_area(parameters, published), published, default_days), []
    except FilterError as error:
        chosen, problems = error.filter, error.problems
    if length > MAX_QUERY_CHARACTERS:
        message = _("The web address is too long: %(length)d characters. The most we can read is %(most)d.")
        problems.append(FilterProblem(_("address"), message % {"length": length, "most": MAX_QUERY_CHARACTERS}, ""))
    if problems:
        raise FilterError(problems, chosen)
    return published, chosen


def with_current_area(query: QueryDict, published: PublishedIncidents) -> QueryDict:
    """Return the query; an area under a code that it had before stands there under the code that it has now."""
    layer, _colon, code = query.get("area", "").strip()[:MAX_VALUE_CHARACTERS].partition(":")
    current = former_codes.current_code(layer, code)
    if current == code or code in published.areas.get(layer, []):  # published before the code changed
        return query
    result = query.copy()
    result["area"] = f"{layer}:{current}"
    return result


def render_filter_error(request: HttpRequest, error: FilterError) -> HttpResponseBase:
    """Render the page that names the invalid parts and links to the nearest valid filter."""
    return render(
        request,
        "crimemap/pages/unusable_filter.html",
        {"error": error, "nearest": nearest_url(request, error)},
        status=400,
    )


def nearest_url(request: HttpRequest, error: FilterError) -> str:
    """Return the path and query of the same view with the nearest valid filter.

    Of the view's own parameters only the suggested replacements are included.
    """
    replacements = [(each.part, each.offer) for each in error.problems if each.part not in PARTS and each.offer]
    return f"{request.path}?{'&'.join(filter(None, [error.filter.query_string(), urlencode(replacements, safe=',:')]))}"


def filter_error_json(error: FilterError, request: HttpRequest) -> JsonResponse:
    """Return the same problems as JSON."""
    problems = [{"part": each.part, "message": each.message, "offer": each.offer} for each in error.problems]
    return JsonResponse({"problems": problems, "nearest": nearest_url(request, error)}, status=400)


# Query parameters that are not part of the filter


def parse_view_box(request: HttpRequest, chosen: Filter) -> Box:
    """Parse `view`, the box that a map shows. Raises FilterError."""
    numbers = request.GET.get("view", "")[:100].split(",")
    if len(numbers) == 4 and all(re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,15})?", number) for number in numbers):
        south, west, north, east = map(float, numbers)
        if -90 <= south <= north <= 90 and -180 <= west <= east <= 180:
            return south, west, north, east
    example = "41.45000,-38.55000,41.55000,-38.45000"
    message = _("A view must be south,west,north,east in degrees, for example %(example)s.") % {"example": example}
    raise FilterError([FilterProblem("view", message, "")], chosen)


def parse_whole_number(request: HttpRequest, chosen: Filter, part: str, allowed: range, default: int) -> int:
    """Parse the query parameter `part` as a whole number. Raises FilterError with the nearest allowed number."""
    text = request.GET.get(part, str(default))
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
    if number in allowed:
        return number
    nearest_allowed = default if number < 0 else min(max(number, allowed[0]), allowed[-1])
    message = _("This must be a whole number from %(first)d to %(last)d.") % {"first": allowed[0], "last": allowed[-1]}
    raise FilterError([FilterProblem(part, message, str(nearest_allowed))], chosen)


def encoded_response(
    request: HttpRequest, body: bytes, content_type: str, compress: Callable[[bytes], bytes]
) -> HttpResponse:
    """Return the body, by gzip if it is long and the client reads that. Django would compress what is kept for each of them."""
    response = HttpResponse(content_type=content_type)
    patch_vary_headers(response, ["Accept-Encoding"])
    if len(body) >= LEAST_COMPRESSED and "gzip" in request.headers.get("Accept-Encoding", ""):
        body = compress(body)
        response.headers["Content-Encoding"] = "gzip"
    response.content = body
    return response


def cached_response(
    request: HttpRequest, version: str, canonical_query: str, compute: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Return compute() with an ETag and a short cache lifetime, or 304, without computing, if the client has this response.

    `version` names the data (PublishedIncidents.version). `canonical_query` has everything else that the response depends on
    besides the path, always written in the same way (Filter.query_string).
    """
    # Also files name the agency and the city.
    agency = repr(current_settings.current())
    digest = hashlib.sha256("\n".join([version, agency, request.path, canonical_query]).encode()).hexdigest()
    etag = f'"{digest[:24]}"'
    response = get_conditional_response(request, etag=etag) or compute()
    if response.status_code in (200, 304):
        # A compressed body is another one of the same content.
        response.headers["ETag"] = f"W/{etag}" if response.has_header("Content-Encoding") else etag
        response.headers["Cache-Control"] = f"public, max-age={CACHE_SECONDS}"
    return response
