"""Renders error pages: residents' have the emergency line, staff's have neither that nor a way to the tip form.

Staff's page must render while much is broken: no database, no session, no URL reversed. It shows what its reader typed, so
that an answer to a source is not lost with the error.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from core.web import context_processors

_TEMPLATES = {400: "400.html", 403: "403.html", 404: "404.html", 503: "503.html"}


def render_error(request: HttpRequest, status: int, sentence: str = "", *, template_status: int = 0) -> HttpResponse:
    """Return the page for `status` with our own `sentence`, or with the usual one of `template_status` or `status`."""
    kind = template_status or status
    if is_for_staff(request):
        return render_staff_error(request, status, sentence, kind=kind)
    if kind == 500:
        # Without the request: the fault may repeat in a context processor.
        return HttpResponse(render_to_string("500.html"), status=status)
    return render(request, _TEMPLATES[kind], {"sentence": sentence} if sentence else None, status=status)


def is_for_staff(request: HttpRequest) -> bool:
    """Return whether members of staff read the answer: below /admin/, and everywhere on a host that serves nobody else."""
    return request.path.startswith("/admin/") or not settings.ROLE.serves_public


def render_staff_error(request: HttpRequest, status: int, sentence: str = "", *, kind: int = 0) -> HttpResponse:
    """Return staff's page for `status`: what happened, what to do, and what they typed."""
    heading, usual_sentence = _describe(kind or status)
    context: dict[str, Any] = {
        "portal": context_processors.agency_facts(),
        "heading": heading,
        "sentence": sentence or usual_sentence,
        "typed_texts": list_typed_texts(request),
    }
    return HttpResponse(render_to_string("admin/core/error.html", context), status=status)


def list_typed_texts(request: HttpRequest) -> list[str]:
    """Return the texts of several words that a post holds, passwords left out; none if it cannot be read."""
    if request.method != "POST":
        return []
    try:
        fields = list(request.POST.lists())
    except (SuspiciousOperation, UnreadablePostError):
        return []
    texts = [value.strip() for name, values in fields if "password" not in name for value in values]
    return [text for text in texts if len(text.split()) > 1]


def _describe(kind: int) -> tuple[str, str]:
    match kind:
        case 403:
            return (
                pgettext("heading of an error page for staff", "You can't do that"),
                _(
                    "Your account isn't allowed to open this page. If you need it, ask a supervisor or an administrator."
                ),
            )
        case 404:
            return _("This page doesn't exist"), _("Check the address, or start from your desk.")
        case 500:
            return (
                _("Something went wrong on our side"),
                _(
                    "It's not your fault. If you were saving something, check whether it was saved. Then try again in a few"
                    " minutes. If it happens again, tell an administrator."
                ),
            )
        case 503:
            return (
                _("The desk isn't working right now"),
                _(
                    "The database doesn't answer, so nothing was saved. Try again in a few minutes. If it happens again, tell"
                    " an administrator."
                ),
            )
    return (
        pgettext("heading of an error page for staff", "We couldn't process that"),
        _("Something went wrong with that request. Go back and try again."),
    )
