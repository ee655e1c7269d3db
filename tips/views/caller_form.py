"""The tip form that an officer opens at the desk to write for a caller.

The mark comes by post from the desk's page, which is on another host: no address, history or referrer has it. It needs neither cookie
nor session here, and the page that answers has none.
"""

from __future__ import annotations

import logging

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from core import ephemeral_store
from core.web.middleware import exempt_from_origin_check
from tips.callers import marks
from tips.source import form_posts
from tips.views import form_page

log = logging.getLogger(__name__)
_UNPROCESSABLE, _UNAVAILABLE = 422, 503


@exempt_from_origin_check
@require_http_methods(["GET", "HEAD", "POST"])
def open_form(request: HttpRequest) -> HttpResponse:
    """Open the form with a mark (POST), or say how to get one."""
    text = form_posts.read(request).fields.get("mark", "") if request.method == "POST" else ""
    try:
        route = marks.redeem(text)
        return form_page.show_blank(request, route)
    except marks.MarkError:
        return render(request, "tips/caller_refused.html", status=_UNPROCESSABLE)
    except (ephemeral_store.StoreDownError, DatabaseError, InterfaceError) as error:
        log.error("a form for a caller can't be opened (%s)", type(error).__name__)
        return render(request, "tips/caller_refused.html", {"is_down": True}, status=_UNAVAILABLE)
