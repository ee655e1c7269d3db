"""The screen lock before every page of the staff side."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse

from core.models import StaffSession
from core.sign_in.sessions import lock_page, screen_lock
from core.web import error_pages

GetResponse = Callable[[HttpRequest], HttpResponseBase]
SAFE_METHODS = ("GET", "HEAD", "OPTIONS", "TRACE")
STREAM_CHECK_SECONDS = 5


class LockMiddleware:
    """Answers each request of a locked session with the lock page, notes activity, and ends streams of sessions that are over."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if isinstance(response, StreamingHttpResponse) and _has_session(request):
            row = screen_lock.read_row(request)
            if row is not None:
                chunks: Iterable[bytes] = response.streaming_content  # type: ignore[assignment]  # served by WSGI alone
                response.streaming_content = end_with_session(chunks, row)
        return response

    def process_view(self, request: HttpRequest, _view: Any, _args: Any, _kwargs: Any) -> HttpResponseBase | None:
        row = screen_lock.read_row(request) if _has_session(request) else None
        if row is None:
            return None
        if lock_page.is_answered(request):
            return lock_page.check_answer(request, row)
        if screen_lock.find_lock(row) is None:
            if is_by_person(request):
                screen_lock.mark_activity(row)
            return None
        return answer_locked(request, row)


def answer_locked(request: HttpRequest, row: StaffSession) -> HttpResponseBase | None:
    """Return the answer to a request of a locked session; None lets it pass: signing out, and asking for a passkey to unlock."""
    match = request.resolver_match
    name = match.view_name if match else ""
    if name in ("admin:logout", "admin:passkey_options"):
        return None
    if name == lock_page.URL_NAME or (is_by_person(request) and not _asks_for_json(request)):
        return lock_page.render(request, row)
    return JsonResponse({"state": "locked"}, status=401)


def is_by_person(request: HttpRequest) -> bool:
    """Return whether a person caused the request: they opened a page or sent a form. Polling and media are no activity."""
    if request.method not in SAFE_METHODS:
        return True
    if _asks_for_json(request):
        return False
    # Safari before 16.4 doesn't send it.
    return request.headers.get("Sec-Fetch-Dest", "document") == "document"


def _asks_for_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def _has_session(request: HttpRequest) -> bool:
    """Return whether this is a request to the staff side with a session cookie. Residents' pages must not vary by cookie."""
    return settings.SESSION_COOKIE_NAME in request.COOKIES and error_pages.is_for_staff(request)


def end_with_session(chunks: Iterable[bytes], row: StaffSession) -> Iterator[bytes]:
    """Yield the chunks until the session ends or locks; then the connection breaks off, so that nobody takes it for whole."""
    checked_at = time.monotonic()
    for chunk in chunks:
        if time.monotonic() - checked_at > STREAM_CHECK_SECONDS:
            checked_at = time.monotonic()
            present = StaffSession.objects.filter(pk=row.pk).first()
            if present is None or screen_lock.find_lock(present) is not None:
                raise ConnectionResetError(errno.ECONNRESET, "the session is over")
        yield chunk
