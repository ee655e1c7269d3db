"""The ways out of the source's pages: "Leave this site", and what stands in the place of a receipt that was seen."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping

from django.db import DatabaseError, InterfaceError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_safe

from core.agency import current_settings
from tips import form_tokens, intake
from tips.source import form_posts, inbox_session

allow_get_and_post = require_http_methods(["GET", "HEAD", "POST"])


@allow_get_and_post
def leave_receipt(request: HttpRequest) -> HttpResponse:
    """Record that a receipt was seen, and go on to the page whose button was pressed; script asks for no page."""
    fields = form_posts.read(request).fields if request.method == "POST" else {}
    _mark_receipt_seen(fields)
    if "script" in fields:
        return HttpResponse(status=204)
    page = fields.get("page", "")
    return HttpResponseRedirect(page) if url_has_allowed_host_and_scheme(page, None) else redirect("tips:closed")


@allow_get_and_post
def leave_portal(request: HttpRequest) -> HttpResponse:
    """Sign out, close the receipt, and go on to a neutral site; script has left already and asks for no page.

    A GET only goes to the neutral site, since other sites can open this address.
    """
    if request.method != "POST":
        return HttpResponseRedirect(current_settings.current().leave_url)
    fields = form_posts.read(request).fields
    _mark_receipt_seen(fields)
    # No redirect: Chromium applies form-action to the redirects of a post, also to those of the neutral site itself.
    response = HttpResponse(status=204) if "script" in fields else render(request, "tips/left.html")
    inbox_session.end(request, response)
    return response


def _mark_receipt_seen(fields: Mapping[str, str]) -> None:
    """Mark the receipt of the form that a post names, if it names one. No failure keeps a source on the page."""
    with contextlib.suppress(form_tokens.TokenError, DatabaseError, InterfaceError):
        form_id = form_tokens.parse_id(fields.get("form_id", ""))
        intake.mark_receipt_seen(form_hash=form_tokens.hash_token_id(form_id))


@require_safe
def closed_page(request: HttpRequest) -> HttpResponse:
    """Show what stands in a receipt's place once it was seen: a page that says nothing of a tip."""
    return render(request, "tips/closed.html")
