"""How a page or an answer for programs asks the published incidents: one reading of the request, one kind of refusal.

    @require_safe
    @asked
    def listing(request, published, chosen): ...

A filter that cannot be used is answered by 400 with what is wrong and the nearest that can; without anything published the
page says so kindly.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _

from crimemap.pages.filter_form import parse_form
from crimemap.snapshot import reader
from crimemap.snapshot.filters import PARTS, Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents
from crimemap.snapshot.row_scan import Box

LONGEST_QUERY = 4096  # characters: the longest filter that anyone can mean is a fifth of it
KEPT = 60  # seconds that caches keep data: a new version is on all screens a minute later

Asked = Callable[..., HttpResponseBase]


def asked(view: Callable[..., HttpResponseBase], *, before_anything: int = 200) -> Asked:
    """Calls view(request, published, chosen, ...) of a page. `before_anything`: the status while nothing is published."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            published, chosen = read(request)
        except NothingPublishedError:
            return render(request, "crimemap/pages/nothing_published.html", status=before_anything)
        except FilterError as error:
            return refused(request, error)
        return view(request, published, chosen, *args, **kwargs)

    return answer


def read(request: HttpRequest) -> tuple[PublishedIncidents, Filter]:
    """What is published now, and the filter asked for, as an address or as the form says it ("set").

    Raises NothingPublishedError, FilterError.
    """
    published = reader.current()
    length = len(request.META.get("QUERY_STRING", ""))
    sent = parse_form(request.GET, published.families) if "set" in request.GET else request.GET
    try:
        chosen, problems = Filter.parse(sent, published), []
    except FilterError as error:
        chosen, problems = error.filter, error.problems
    if length > LONGEST_QUERY:
        message = _("It has %(length)d characters, and no selection needs more than %(most)d.")
        problems.append(FilterProblem(_("address"), message % {"length": length, "most": LONGEST_QUERY}, ""))
    if problems:
        raise FilterError(problems, chosen)
    return published, chosen


def refused(request: HttpRequest, error: FilterError) -> HttpResponseBase:
    """The page that says which parts are wrong, with a link to the nearest view; other parts of the address stay."""
    return render(
        request, "crimemap/pages/unusable_filter.html", {"error": error, "nearest": nearest(request, error)}, status=400
    )


def nearest(request: HttpRequest, error: FilterError) -> str:
    """The path of the same view with the nearest filter; of what is not the filter's, only what is offered instead."""
    own = [(each.part, each.offer) for each in error.problems if each.part not in PARTS and each.offer]
    return f"{request.path}?{'&'.join(filter(None, [error.filter.query_string(), urlencode(own, safe=',:')]))}"


def as_json(error: FilterError, request: HttpRequest) -> JsonResponse:
    """The same refusal for programs."""
    problems = [{"part": each.part, "message": each.message, "offer": each.offer} for each in error.problems]
    return JsonResponse({"problems": problems, "nearest": nearest(request, error)}, status=400)


# Parts of the address that are not the filter's


def view_box(request: HttpRequest, chosen: Filter) -> Box:
    """`view` of an address: what a map shows. Raises FilterError."""
    numbers = request.GET.get("view", "")[:100].split(",")
    if len(numbers) == 4 and all(re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,15})?", number) for number in numbers):
        south, west, north, east = map(float, numbers)
        if -90 <= south <= north <= 90 and -180 <= west <= east <= 180:
            return south, west, north, east
    example = "41.45000,-38.55000,41.55000,-38.45000"
    message = _("A view is south,west,north,east in degrees, such as %(example)s.") % {"example": example}
    raise FilterError([FilterProblem("view", message, "")], chosen)


def whole(request: HttpRequest, chosen: Filter, part: str, allowed: range, default: int) -> int:
    """A whole number. Raises FilterError with the nearest that is allowed."""
    text = request.GET.get(part, str(default))
    number = int(text) if re.fullmatch(r"[0-9]{1,9}", text) else -1
    if number in allowed:
        return number
    nearest = default if number < 0 else min(max(number, allowed[0]), allowed[-1])
    message = _("This is a whole number from %(first)d to %(last)d.") % {"first": allowed[0], "last": allowed[-1]}
    raise FilterError([FilterProblem(part, message, str(nearest))], chosen)


def cached(
    request: HttpRequest, version: str, asked_for: str, compute: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """compute(), to be kept for a minute; 304 for a client that has this very answer, and then nothing is computed.

    `version` is what the answer is made of (Published.version), `asked_for` all that it depends on besides the path, always
    written in the same way (Filter.query_string).
    """
    digest = hashlib.sha256("\n".join([version, request.path, asked_for]).encode()).hexdigest()
    etag = f'"{digest[:24]}"'
    response = get_conditional_response(request, etag=etag) or compute()
    if response.status_code in (200, 304):
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = f"public, max-age={KEPT}"
    return response


__all__ = ["PARTS", "as_json", "asked", "cached", "nearest", "read", "refused", "view_box", "whole"]
