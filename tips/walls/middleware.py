"""Compares what has arrived before a member of staff sees a page."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from core.web.asked_once import asked_once
from core.web.middleware import GetResponse
from tips.walls import screening

_STAFF_PATH = "/admin/"


class ScreeningMiddleware:
    """Compare waiting tips with the names of staff before each request of someone signed in. One query if there are none.

    Whatever the address is, so that it takes the same time for every tip and for none.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith(_STAFF_PATH) and request.user.is_authenticated:
            screening.screen_arrivals()
        with asked_once():
            return self.get_response(request)
