"""Django's session middleware, for tabs of one browser that ask at the same time."""

from __future__ import annotations

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSessionMiddleware
from django.http import HttpRequest, HttpResponse


class SessionMiddleware(DjangoSessionMiddleware):
    """Django's, but a request with an old key doesn't delete the cookie.

    A tab may still be asking with the old key while another one has just got a new one: its answer must not sign out both.
    """

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        response = super().process_response(request, response)
        if request.session.was_unknown:  # type: ignore[attr-defined]
            cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
            if cookie is not None and not cookie.value:
                del response.cookies[settings.SESSION_COOKIE_NAME]
        return response
