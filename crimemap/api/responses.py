"""How the JSON API reads a request and answers it: one filter, one kind of refusal, one ETag, open to every origin.

    @endpoint("limit", "after")
    def incidents(asked: Asked) -> Answer: ...

An endpoint looks at its own parts of the address and says how to compute the answer, which happens only for who does not
have it yet.
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
DAY = 86_400  # seconds that browsers keep the answer to OPTIONS


@dataclass(frozen=True, slots=True)
class ApiQuery:
    request: HttpRequest
    published: PublishedIncidents
    chosen: Filter


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    """`compute` makes the content; `depends_on`: what it depends on besides version and filter, as it was read."""

    compute: Callable[[], dict[str, Any]]
    depends_on: tuple[object, ...] = ()
    headers: dict[str, str] = field(default_factory=dict)


def endpoint(*own: str) -> Callable[[Callable[..., ApiAnswer]], Callable[..., HttpResponseBase]]:
    """A view of view(asked, ...). `own` names the parts of the address that are not the filter's; others are refused."""
    known = (*PARTS, *own)

    def decorate(view: Callable[..., ApiAnswer]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def answer(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            return allow_any_origin(_methods(request) or _answered(request, view, known, kwargs))

        return answer

    return decorate


def allow_any_origin(response: HttpResponseBase) -> HttpResponseBase:
    """Any site's script may read it: it is the same for everyone, and no cookie goes with it."""
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = "ETag, Link, Retry-After"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def error_response(status: int, part: str, message: str, offer: str = "", nearest: str = "") -> HttpResponse:
    """Every error has this shape (asking.as_json): what is wrong, and an address that works."""
    content = {"problems": [{"part": part, "message": message, "offer": offer}], "nearest": nearest}
    return HttpResponse(orjson.dumps(content), status=status, content_type="application/json")


def _methods(request: HttpRequest) -> HttpResponse | None:
    """The answer to OPTIONS, and to what is not for reading."""
    if request.method in ("GET", "HEAD"):
        return None
    if request.method == "OPTIONS":
        response = HttpResponse(status=204)
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Allow-Headers"] = "If-None-Match"
        response.headers["Access-Control-Max-Age"] = str(DAY)
    else:
        response = error_response(405, "method", _("This can only be read."), "GET", request.path)
    response.headers["Allow"] = METHODS
    return response


def _answered(
    request: HttpRequest, view: Callable[..., ApiAnswer], known: tuple[str, ...], kwargs: dict[str, Any]
) -> HttpResponseBase:
    try:
        published = reader.current()
        asked = ApiQuery(request, published, _filter(request, published, known))
        made = view(asked, **kwargs)
        depends_on = "&".join([asked.chosen.query_string(), *map(str, made.depends_on)])
        return http.cached_response(request, published.version, depends_on, lambda: _written(asked, made))
    except FilterError as error:
        return http.filter_error_json(error, request)
    except WithdrawnIncidentError:
        return error_response(410, "id", _("This incident was withdrawn by the agency."), nearest=_all(request))
    except UnknownIncidentError:
        return error_response(404, "id", _("No published incident has this id."), nearest=_all(request))
    except NothingPublishedError:
        response = error_response(503, "", _("Nothing is published yet."))
        response.headers["Retry-After"] = "3600"
        return response


def _filter(request: HttpRequest, published: PublishedIncidents, known: tuple[str, ...]) -> Filter:
    """A part that means nothing here is a slip, and would otherwise widen the answer in silence. Raises FilterError."""
    try:
        chosen, problems = Filter.parse(request.GET, published), []
    except FilterError as error:
        chosen, problems = error.filter, error.problems
    for part in list(request.GET)[:20]:
        if part not in known:
            message = _("There is no part “%(part)s” here. Known are: %(known)s.")
            problems.append(FilterProblem(part[:40], message % {"part": part[:40], "known": ", ".join(known)}, ""))
    if problems:
        raise FilterError(problems, chosen)
    return chosen


def _written(asked: ApiQuery, made: ApiAnswer) -> HttpResponse:
    content = {"version": asked.published.version} | made.compute()
    return HttpResponse(orjson.dumps(content), content_type="application/json", headers=made.headers)


def _all(request: HttpRequest) -> str:
    return request.path.rpartition("/")[0]


def plain_response(request: HttpRequest, compute: Callable[[], bytes]) -> HttpResponseBase:
    """An answer that depends on nothing that is published."""
    return allow_any_origin(_methods(request) or HttpResponse(compute(), content_type="application/json"))
