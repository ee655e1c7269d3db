"""Subscribing to a reminder of an event, and the pages behind the links in its mails.

Opening a link changes nothing: mail scanners open links, and must neither confirm nor delete. The button posts. Mail
programs post to the unsubscribe link directly (RFC 8058).
"""

from __future__ import annotations

import logging

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from core.mail import subscriber_addresses
from core.web.middleware import accept_cross_origin_posts
from outreach.events import public_events, reminders
from outreach.models import Event
from outreach.views.events import render_event

log = logging.getLogger(__name__)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def remind(request: HttpRequest, slug: str) -> HttpResponse:
    """Subscribe to a reminder. The response is the same for known and unknown addresses."""
    event = public_events.visible_events().filter(slug=slug).first()
    if event is None:
        raise Http404
    if request.method != "POST":
        return render(request, "outreach/events/reminder_requested.html", {"event": event})
    typed = request.POST.get("email", "")[:400]
    if not reminders.can_remind(event):
        return render_event(request, event, status=400)
    try:
        if reminders.request_reminder(event, typed):
            return redirect("outreach:remind", slug)
        problem = _("You can't get a reminder for this event anymore. It has started or was canceled.")
    except subscriber_addresses.EmailAddressError as error:
        problem = str(error)
    except subscriber_addresses.KeyMissingError:
        log.exception("reminders cannot be taken on this node")
        problem = _("Reminders aren't working right now. Add the event to your calendar instead.")
    return render_event(request, event, status=400, typed=typed, problem=problem)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def confirm(request: HttpRequest, link: str) -> HttpResponse:
    """The confirmation link of the first mail."""
    secret = subscriber_addresses.decode_secret(link)
    found = reminders.find_reminder(secret) if secret else None
    event = public_events.visible_events().filter(pk=found[0]).first() if found else None
    if secret is None or found is None or event is None:
        return _render_step(request, "gone", status=404)
    if request.method == "POST":
        reminders.confirm_reminder(secret)
        return redirect(request.path)
    return _render_step(request, "confirmed" if found[1] else "confirm", event, link=link)


@accept_cross_origin_posts
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def leave(request: HttpRequest, link: str) -> HttpResponse:
    """The unsubscribe link."""
    secret = subscriber_addresses.decode_secret(link)
    if request.method != "POST":
        return _render_step(request, "leave" if secret and reminders.find_reminder(secret) else "gone", link=link)
    if secret is not None:
        reminders.delete_reminder(secret)
    return _render_step(request, "left")


def _render_step(
    request: HttpRequest, step: str, event: Event | None = None, *, link: str = "", status: int = 200
) -> HttpResponse:
    context = {"step": step, "event": event, "leave": reverse("outreach:reminder_leave", args=[link]) if link else ""}
    return render(request, "outreach/events/reminder_link.html", context, status=status)
