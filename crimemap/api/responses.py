"""Requests and responses of the JSON API: one filter, one form of error, one ETag, open to every origin.

    @endpoint("limit", "after")
    def incidents(query: Asked) -> Answer: ...

An endpoint parses its own parameters and returns a function that computes the answer. That function is not called for a
client that already has the answer (304).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

import orjson
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext as _

from crimemap import http
from crimemap.snapshot import reader
from crimemap.snapshot.filters import PARTS, Filter, FilterError, FilterProblem
from crimemap.snapshot.published_incidents import (
    NothingPublishedError,
    PublishedIncidents,
    UnknownIncidentError,
    WithdrawnIncidentError,
)

METHODS = "GET, HEAD, OPTIONS"
DAY = 86_400  # seconds that browsers cache the answer to OPTIONS


@dataclass(frozen=True, slots=True)
class ApiQuery:
    """A request to the API, the version it is answered from, and its filter."""

    request: HttpRequest
    published: PublishedIncidents
    chosen: Filter


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """compute: builds the content. depends_on: the parsed parameters it depends on besides version and filter."""

    compute: Callable[[], dict[str, Any]]
    depends_on: tuple[object, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


def endpoint(*own: str) -> Callable[[Callable[..., ApiAnswer]], Callable[..., HttpResponseBase]]:
    """Make a Django view of view(query, ...). `own`: parameters besides the filter's; any other parameter is an error."""
    known = (*PARTS, *own)

    def decorate(view: Callable[..., ApiAnswer]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            return allow_any_origin(_answer_other_methods(request) or _answer(request, view, known, kwargs))

        return answer

    return decorate


def allow_any_origin(response: HttpResponseBase) -> HttpResponseBase:
    """Let scripts of any site read the response: it is the same for everyone and depends on no cookie."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, Link, Retry-After"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def error_response(status: int, part: str, message: str, offer: str = "", nearest: str = "") -> HttpResponse:
    """Return an error in the form all errors of the API have: the problem, and the path of an answer that works."""
    content = {"problems": [{"part": part, "message": message, "offer": offer}], "nearest": nearest}
    return HttpResponse(orjson.dumps(content), status=status, content_type="application/json")


def _answer_other_methods(request: HttpRequest) -> HttpResponse | None:
    """Answer OPTIONS and refuse methods other than GET and HEAD; None for these two."""
    if request.method in ("GET", "HEAD"):
        return None
    if request.method == "OPTIONS":
        response = HttpResponse(status=204)
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = "If-None-Match"
        response.headers["Access-Control-Max-Age"] = str(DAY)
    else:
        response = error_response(405, "method", _("This API is read-only. Use GET."), "GET", request.path)
    response.headers["Allow"] = METHODS
    return response


def _answer(
    request: HttpRequest, view: Callable[..., ApiAnswer], known: tuple[str, ...], kwargs: dict[str, Any]
) -> HttpResponseBase:
    try:
        published = reader.current()
        query = ApiQuery(request, published, _filter(request, published, known))
        result = view(query, **kwargs)
        depends_on = "&".join([query.chosen.query_string(), *map(str, result.depends_on)])
        return http.cached_response(request, published.version, depends_on, lambda: _serialize(query, result))
    except FilterError as error:
        return http.filter_error_json(error, request)
    except WithdrawnIncidentError:
        return error_response(
            410, "id", _("The agency has withdrawn this incident."), nearest=_collection_path(request)
        )
    except UnknownIncidentError:
        return error_response(404, "id", _("No published incident has this id."), nearest=_collection_path(request))
    except NothingPublishedError:
        response = error_response(503, "", _("No data is published yet. Try again later."))
        response.headers["Retry-After"] = "3600"
        return response


def _filter(request: HttpRequest, published: PublishedIncidents, known: tuple[str, ...]) -> Filter:
    """Parse the filter. An unknown parameter is an error: ignoring it would silently widen the answer. Raises FilterError."""
    try:
        chosen, problems = Filter.parse(http.with_current_area(request.GET, published), published), []
    except FilterError as error:
        chosen, problems = error.filter, error.problems
    for part in list(request.GET)[:20]:
        if part not in known:
            message = _("There is no parameter “%(part)s” here. Use: %(known)s.")
            problems.append(FilterProblem(part[:40], message % {"part": part[:40], "known": ", ".join(known)}, ""))
    if problems:
        raise FilterError(problems, chosen)
    return chosen


def _serialize(query: ApiQuery, answer: ApiAnswer) -> HttpResponse:
    content = {"version": query.published.version} | answer.compute()
    return HttpResponse(orjson.dumps(content), content_type="application/json", headers=answer.headers)


def _collection_path(request: HttpRequest) -> str:
    return request.path.rpartition("/")[0]


def plain_response(request: HttpRequest, compute: Callable[[], bytes]) -> HttpResponseBase:
    """Answer with JSON that does not depend on the published incidents."""
    return allow_any_origin(_answer_other_methods(request) or HttpResponse(compute(), content_type="application/json"))
