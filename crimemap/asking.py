"""How a page or an answer for programs asks the published incidents: one reading of the request, one kind of refusal.

    @require_safe
    @asked
    def listing(request, published, chosen): ...

A filter that cannot be used is answered by 400 with what is wrong and the nearest that can; without anything published the
page says so kindly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.utils.cache import get_conditional_response

from crimemap import query
from crimemap.filtering import PARTS, Filter, FilterError
from crimemap.query import NothingPublishedError, Published

LONGEST_QUERY = 4096  # characters: the longest filter that anyone can mean is a fifth of it
KEPT = 60  # seconds that caches keep data: a new version is on all screens a minute later

Asked = Callable[..., HttpResponseBase]


def asked(view: Callable[..., HttpResponseBase]) -> Asked:
    """Calls view(request, published, chosen, ...) of a page."""

    @wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            published, chosen = read(request)
        except NothingPublishedError:
            return render(request, "crimemap/nothing.html")
        except FilterError as error:
            return refused(request, error)
        return view(request, published, chosen, *args, **kwargs)

    return answer


def read(request: HttpRequest) -> tuple[Published, Filter]:
    """What is published now, and the filter asked for. Raises NothingPublishedError, FilterError."""
    published = query.current()
    return published, Filter.parse(request.GET, published)


def refused(request: HttpRequest, error: FilterError) -> HttpResponseBase:
    """The page that says which parts are wrong, with a link to the nearest view; other parts of the address stay."""
    return render(request, "crimemap/refused.html", {"error": error, "nearest": nearest(request, error)}, status=400)


def nearest(request: HttpRequest, error: FilterError) -> str:
    """The path of the same view with the nearest filter, without what is not the filter's."""
    return f"{request.path}?{error.filter.query_string()}"


def as_json(error: FilterError, request: HttpRequest) -> JsonResponse:
    """The same refusal for programs."""
    problems = [{"part": each.part, "message": each.message, "offer": each.offer} for each in error.problems]
    return JsonResponse({"problems": problems, "nearest": nearest(request, error)}, status=400)


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


__all__ = ["PARTS", "as_json", "asked", "cached", "nearest", "read", "refused"]
