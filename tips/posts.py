"""Reading a post whole, cleaned, or not at all."""

from __future__ import annotations

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest

from tips.cleaning import cleaned


def read(request: HttpRequest) -> dict[str, str]:
    """The fields of a post, the last value of each, cleaned. Broken UTF-8 is replaced, not refused.

    Raises SuspiciousOperation when fewer bytes arrived than were announced (the line broke, and half a text must not
    pass for a whole one), and what Django raises for a post beyond DATA_UPLOAD_MAX_*: tipportal/security.py answers.
    """
    announced = request.META.get("CONTENT_LENGTH") or "0"
    if len(request.body) != int(announced):
        raise SuspiciousOperation("cut short")
    return {name: cleaned(value) for name, value in request.POST.items() if isinstance(value, str)}
