"""Responses that the web server sends later."""

from __future__ import annotations

from django.http import HttpRequest


def delay_response(request: HttpRequest, seconds: float) -> None:
    """Let the web server send the response to `request` so many seconds later. No thread waits for it.

    Other servers than the portal's own (tipportal/deploy/gunicorn_worker.py) send it at once.
    """
    hold = getattr(request.META.get("gunicorn.socket"), "hold", None)
    if hold is not None:
        hold(seconds)
