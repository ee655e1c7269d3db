"""The portal's middleware: response headers, the check of who may post, and error pages.

Content-Security-Policy is data in settings.py (django-csp). Nothing here reads a client's address, user agent or referrer.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, SuspiciousOperation, TooManyFieldsSent
from django.db import InterfaceError, InternalError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, UnreadablePostError
from django.utils.translation import gettext as _

from core.web import error_pages

log = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponse]
_ORIGIN = re.compile(r"(https?)://([^/?#@:\[\]\s]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?")
_DEFAULT_PORTS = {"http": 80, "https": 443}
_CROSS_ORIGIN_MARK = "accepts_cross_origin_posts"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
# All that any address knows: views of pages don't ask for the method of a request that sends no form.
METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
# Never cached: what a source reads or writes, and what officers see.
PRIVATE_PATHS = ("/tips/", "/admin/")
PERMISSIONS = "camera=(), microphone=(), geolocation=(self), payment=(), usb=(), browsing-topics=()"


class HeadersMiddleware:
    """Set caching and browser permissions on every response, and refuse methods that no address knows, such as TRACE."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request) if request.method in METHODS else HttpResponseNotAllowed(METHODS)
        response.headers["Permissions-Policy"] = PERMISSIONS
        if "Cross-Origin-Resource-Policy" not in response.headers:
            response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        if request.path.startswith(PRIVATE_PATHS) or response.status_code >= 400:
            response.headers["Cache-Control"] = "no-store"
        elif "Cache-Control" not in response.headers:
            response.headers["Cache-Control"] = "no-cache"
        return response


def exempt_from_origin_check(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Exempt a view from OriginMiddleware: for a post that needs a secret of its own, and neither cookie nor session.

    Other sites can send such a post, and not read the answer.
    """

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return view(request, *args, **kwargs)

    setattr(respond, _CROSS_ORIGIN_MARK, True)
    return respond


def accept_cross_origin_posts(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Exempt a view as exempt_from_origin_check does, and let other sites read the answer to a post.

    A mail program that runs in a browser unsubscribes with such a post (RFC 8058) and may read that it succeeded.
    """

    @wraps(view)
    def respond(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if request.method == "POST":
            response.headers["Access-Control-Allow-Origin"] = "*"
            response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        return response

    return exempt_from_origin_check(respond)


class OriginMiddleware:
    """Refuse posts from other sites by their Origin header, so that residents' pages need no CSRF cookie.

    The admin keeps Django's CSRF check as well.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponse], _args: Any, _kwargs: Any
    ) -> HttpResponse | None:
        if not (request.method in SAFE_METHODS or _is_same_origin(request) or hasattr(view, _CROSS_ORIGIN_MARK)):
            sentence = (
                _describe_wrong_address(request)
                if _is_own_host(request)
                else _(
                    "This form was sent from another site, so we didn't accept it. Open our page and send it from there."
                )
            )
            return error_pages.render_error(request, 403, sentence)
        if not request.path.startswith("/admin/"):
            # Tells CsrfViewMiddleware, present where the admin is, that this request is already checked.
            request.csrf_processing_done = True  # type: ignore[attr-defined]
        return None


def _is_same_origin(request: HttpRequest) -> bool:
    """Return whether a post comes from our own pages, or from a client that names no origin.

    Browsers name the origin of each post. A client that does not has no cookie of ours to misuse: SameSite.
    """
    origin = request.headers.get("Origin")
    if origin is None:
        return request.headers.get("Sec-Fetch-Site", "same-origin") in ("same-origin", "none")
    theirs = _normalize_origin(origin)
    if theirs is None:
        return False
    # A proxy may leave an odd port out of Host, or not pass the scheme on: then the address in the settings counts.
    ours = _normalize_origin(f"{request.scheme}://{request.get_host()}")
    return theirs == ours or (_is_own_host(request) and theirs == _normalize_origin(_configured_address(request)))


def _is_own_host(request: HttpRequest) -> bool:
    """Return whether a post comes from a page of the same host, whatever its scheme and port."""
    theirs = _normalize_origin(request.headers.get("Origin", ""))
    ours = _normalize_origin(f"{request.scheme}://{request.get_host()}")
    return theirs is not None and ours is not None and theirs[1] == ours[1]


def _configured_address(request: HttpRequest) -> str:
    is_staff_page = request.path.startswith("/admin/") or not settings.ROLE.serves_public
    address: str = settings.STAFF_URL if is_staff_page else settings.PORTAL_URL
    return address


def _describe_wrong_address(request: HttpRequest) -> str:
    """Word the refusal of a post from another port or scheme of this host, mostly the doing of a proxy."""
    log.error(
        "posts are refused because the proxy passes on another scheme or port than browsers use"
        " (docs/installation.md, The proxy)"
    )
    return _(
        "This form seems to come from another site, so we didn't accept it. Go back and copy what you wrote. "
        "Then open %(address)s and send it from there."
    ) % {"address": _configured_address(request)}


def _normalize_origin(origin: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port of a serialized origin, the default port filled in; None if it is not one.

    Parsed here because urlsplit() keeps the strings it has seen in a cache, and these name a resident's page.
    """
    match = _ORIGIN.fullmatch(origin.lower())
    if match is None:
        return None
    scheme, host, port = match.groups()
    return scheme, host, int(port or _DEFAULT_PORTS[scheme])


def _is_closed_to_writes(error: Exception) -> bool:
    """Return whether the database refused a write because it is closed during an upgrade (read_only_sql_transaction)."""
    return isinstance(error, InternalError) and getattr(error.__cause__, "pgcode", "") == "25006"


class ErrorPageMiddleware:
    """Answer failures that no view can handle with a page that says what happened; log them without the request's content."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        if isinstance(error, OperationalError | InterfaceError) or _is_closed_to_writes(error):
            log.error("the database does not answer (%s)", type(error).__name__)
            return error_pages.render_error(request, 503)
        if isinstance(error, RequestDataTooBig | TooManyFieldsSent):
            sentence = _("That was more than we can accept at once. Go back, shorten it and send it again.")
            return error_pages.render_error(request, 413, sentence, template_status=400)
        if isinstance(error, UnreadablePostError | SuspiciousOperation):
            sentence = _(
                "Part of what you sent got lost on the way, so we saved none of it. Go back and send it again."
            )
            return error_pages.render_error(request, 400, sentence)
        return None
