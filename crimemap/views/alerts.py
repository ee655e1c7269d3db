"""Alerts by e-mail."""

from django.http import HttpRequest, HttpResponse


def stub(request: HttpRequest, text: str) -> HttpResponse:
    return HttpResponse(f"{request.method} {len(text)}", status=501)
