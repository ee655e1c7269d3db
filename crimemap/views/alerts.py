"""Alerts by e-mail: asking for one, confirming it, changing and leaving them. All without a cookie: a link's secret is the key.

Nothing is done by opening a link, since programs that look through mail open all of them: what does something is a post.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from core.mail import subscriber_addresses
from crimemap.alerts import forms, subscription_wording, subscriptions
from crimemap.alerts.subscriptions import Alert
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter, FilterError
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

log = logging.getLogger(__name__)
UNPROCESSABLE, UNAVAILABLE = 422, 503

Linked = Callable[..., HttpResponse]


def of_link(view: Callable[..., HttpResponse]) -> Linked:
    """Calls view(request, published, secret, alerts, ...) with the alerts that the link in the address speaks for, which
    may be none. Such a page stays in no cache, in no search engine, and out of the Referer."""

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def answer(request: HttpRequest, text: str, **kwargs: Any) -> HttpResponse:
        try:
            published = reader.current()
        except NothingPublishedError:
            return render(request, "crimemap/pages/nothing_published.html", status=UNAVAILABLE)
        secret = subscriber_addresses.secret_of(text) or b""
        response = view(request, published, secret, subscriptions.of(secret), **kwargs)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Robots-Tag"] = "noindex"
        response.headers["Referrer-Policy"] = "strict-origin"
        return response

    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """The form, filled in from the map's filter; sent, it has a link mailed and says so, whoever the address belongs to."""
    try:
        published = reader.current()
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    if not subscriber_addresses.newest_key():
        return render(request, "crimemap/alerts/unavailable.html", status=UNAVAILABLE)
    if request.method != "POST":
        form = forms.AlertForm(published, initial=forms.initial_of(forms.wanted_of(_chosen(request, published))))
        return _form_page(request, form)
    form = forms.AlertForm(published, request.POST)
    return _again(request, form) or _ask(request, form)


def _ask(request: HttpRequest, form: forms.AlertForm) -> HttpResponse:
    try:
        subscriptions.ask(form.cleaned_data["email"], form.alert())
    except subscriptions.BusyError:
        form.add_error(None, _("Many people ask for e-mail just now. Please try again in an hour."))
    except subscriber_addresses.KeyMissingError as error:
        log.error("no address can be taken: %s", error)
        form.add_error(None, _("We cannot take addresses at this moment. Please try again later."))
    else:
        return redirect("crimemap:alerts_asked")
    return _form_page(request, form, UNAVAILABLE)


def _again(request: HttpRequest, form: forms.AlertForm, **context: Any) -> HttpResponse | None:
    """The form once more, where a place was looked for or something is wrong."""
    if "find_place" in request.POST:
        form.find()
        return _form_page(request, form, **context)
    return None if form.is_valid() else _form_page(request, form, UNPROCESSABLE, **context)


def _chosen(request: HttpRequest, published: PublishedIncidents) -> Filter:
    try:
        return Filter.parse(request.GET, published)
    except FilterError as error:
        return error.filter


def _form_page(request: HttpRequest, form: forms.AlertForm, status: int = 200, **context: Any) -> HttpResponse:
    response = render(request, "crimemap/alerts/form.html", {"form": form, **context}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def asked(request: HttpRequest) -> HttpResponse:
    return render(request, "crimemap/alerts/link_sent.html")


@of_link
def confirm(request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[Alert]) -> HttpResponse:
    if not alerts:
        return _gone(request)
    page = reverse("crimemap:alerts_manage", args=[subscriber_addresses.link_text(secret)])
    if request.method == "POST":
        return redirect(f"{page}?done=confirmed") if subscriptions.confirm(secret) else _gone(request)
    if alerts[0].is_confirmed:
        return redirect(page)
    return render(request, "crimemap/alerts/confirm.html", {"alerts": _told(alerts, published)})


@of_link
def manage(request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[Alert]) -> HttpResponse:
    if not alerts or not alerts[0].is_confirmed:
        return _gone(request)
    context = {
        "alerts": _told(alerts, published),
        "done": request.GET.get("done"),
        "text": subscriber_addresses.link_text(secret),
    }
    return render(request, "crimemap/alerts/manage.html", context)


@of_link
def change(
    request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[Alert], number: int
) -> HttpResponse:
    alert = next((each for each in alerts if each.number == number and each.is_confirmed), None)
    if alert is None:
        return _gone(request)
    page = reverse("crimemap:alerts_manage", args=[subscriber_addresses.link_text(secret)])
    if request.method != "POST":
        initial = forms.initial_of(alert.wanted, alert.rhythm)
        return _form_page(request, forms.AlertForm(published, initial=initial, with_address=False), manage=page)
    if "remove" in request.POST:
        subscriptions.leave(secret, number)
        return redirect(f"{page}?done=removed") if subscriptions.of(secret) else _left(request)
    form = forms.AlertForm(published, request.POST, with_address=False)
    if again := _again(request, form, manage=page):
        return again
    subscriptions.change(secret, form.alert(number))
    return redirect(f"{page}?done=changed")


@of_link
def leave(request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[Alert]) -> HttpResponse:
    """Also what a mail program's own button posts to (RFC 8058): no cookie, no Origin, and the answer is 200 every time."""
    if request.method == "POST":
        subscriptions.leave(secret)
    elif alerts:
        return render(request, "crimemap/alerts/unsubscribe.html", {"alerts": _told(alerts, published)})
    return _left(request)


def _told(alerts: list[Alert], published: PublishedIncidents) -> list[dict[str, Any]]:
    return [
        {
            "number": each.number,
            "words": subscription_wording.words(each.wanted, each.place, published.category_names),
            "rhythm": subscriptions.Rhythm(each.rhythm).label,
        }
        for each in alerts
    ]


def _left(request: HttpRequest) -> HttpResponse:
    return render(request, "crimemap/alerts/unsubscribed.html")


def _gone(request: HttpRequest) -> HttpResponse:
    return render(request, "crimemap/alerts/unknown_link.html", status=404)
