"""The page of the tip form, blank and as it was typed, and its pending files."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.defaultfilters import filesizeformat
from django.utils.html import escape

from core.agency import current_settings
from core.web import page_cache
from crimemap import incident_summary
from tips import categories, form_tokens
from tips.callers.routes import TipRoute
from tips.files import attachments, upload_sentences
from tips.files.attachments import Upload
from tips.files.pending_files import new_ticket
from tips.source import form_posts
from tips.source.forms import HONEYPOT_FIELD, TipForm

# Marks in the cached page, each replaced by a value of the visitor's own.
_TOKEN_MARK, _TICKET_MARK = "the-token-here", "the-ticket-here"
_INCIDENT_MARK, _ABOUT_MARK = "the-incident-here", "what-it-is-about-here"


def show_blank(request: HttpRequest, route: TipRoute = TipRoute.WEB) -> HttpResponse:
    """Return the blank form with a token of its own, whose tip gets this route."""
    page = _blank_form(request, route).replace(_TOKEN_MARK, form_tokens.issue(route))
    return HttpResponse(page.replace(_TICKET_MARK, new_ticket()))


def show_about_incident(request: HttpRequest, incident: str) -> HttpResponse:
    """Return the blank form about an incident of the map. Its id comes by post, so that no address, history or log has it."""
    about = incident_summary.summarize(incident)
    page = _blank_form(request, about=_ABOUT_MARK, incident=_INCIDENT_MARK) if about else _blank_form(request)
    page = page.replace(_TOKEN_MARK, form_tokens.issue()).replace(_TICKET_MARK, new_ticket())
    return HttpResponse(page.replace(_INCIDENT_MARK, escape(incident)).replace(_ABOUT_MARK, escape(about)))


def _blank_form(request: HttpRequest, route: TipRoute = TipRoute.WEB, *, about: str = "", incident: str = "") -> str:
    return page_cache.render_cached(
        request,
        "tips/form.html",
        lambda: {
            "form": TipForm(categories.list_offered(), initial={"incident": incident}),
            "about": about,
            "route": name_caller_route(route),
            "token": _TOKEN_MARK,
            "trap": HONEYPOT_FIELD,
            **describe_files(_TICKET_MARK, []),
        },
        about,
        route,
    )


def name_caller_route(route: TipRoute) -> str:
    """Return the route for a template; "" for a tip that its source writes."""
    return "" if route is TipRoute.WEB else route.slug


def show_typed(  # noqa: PLR0917
    request: HttpRequest,
    form: TipForm,
    post: form_posts.FormPost,
    files: list[Upload],
    route: TipRoute,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    """Return the form with what a post has of it."""
    about = incident_summary.summarize(post.fields.get("incident", ""))
    context |= {"form": form, "about": about, "token": post.fields.get("token", ""), "trap": HONEYPOT_FIELD}
    context |= {"route": name_caller_route(route), **describe_pending_files(post, files)}
    return render(request, "tips/form.html", context, status=status)


def describe_pending_files(post: form_posts.FormPost, files: list[Upload]) -> dict[str, Any]:
    return describe_files(post.files.ticket or new_ticket(), files)


def describe_files(ticket: str, files: list[Upload]) -> dict[str, Any]:
    """Return the context of tips/files.html: the limits, and each pending file with its box's name and whether it loses a clip."""
    return {
        "ticket": ticket,
        "uploads": " ".join(str(upload.file) for upload in files),
        "max_files": current_settings.current().tip_max_files,
        "max_bytes": filesizeformat(current_settings.current().tip_max_bytes),
        "max_bytes_exactly": current_settings.current().tip_max_bytes,
        "clip_warning": upload_sentences.clip_removed(),
        "kept_files": [
            (attachments.display_name(upload.kind, number), f"{form_posts.REMOVE_PREFIX}{upload.file}", upload.has_clip)
            for number, upload in enumerate(files, start=1)
        ],
    }
