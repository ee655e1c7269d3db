"""E-mail alerts: subscribe, confirm, change, unsubscribe. No page needs a cookie: the secret in the mailed link is the key.

Opening a link changes nothing, since mail scanners open every link; only a POST does.
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
from core.web.middleware import accept_cross_origin_posts
from crimemap import http
from crimemap.alerts import forms, subscription_wording, subscriptions
from crimemap.alerts.subscriptions import AlertSubscription
from crimemap.snapshot import reader
from crimemap.snapshot.filters import Filter, FilterError
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

log = logging.getLogger(__name__)
UNPROCESSABLE, UNAVAILABLE = 422, 503

LinkView = Callable[..., HttpResponse]


def with_link_secret(view: Callable[..., HttpResponse]) -> LinkView:
    """Call view(request, published, secret, alerts, ...) with the alerts that belong to the secret in the link; perhaps none.

    The response is kept out of caches, search engines and the Referer header, since its URL is the key.
    """

    @require_http_methods(["GET", "HEAD", "POST"])
    @wraps(view)
    def respond(request: HttpRequest, link_text: str, **kwargs: Any) -> HttpResponse:
        try:
            published = reader.current()
        except NothingPublishedError:
            return render(request, "crimemap/pages/nothing_published.html", status=UNAVAILABLE)
        secret = subscriber_addresses.decode_secret(link_text) or b""
        return _keep_private(view(request, published, secret, subscriptions.list_alerts(secret), **kwargs))

    return respond


def _keep_private(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Robots-Tag"] = "noindex"
    response.headers["Referrer-Policy"] = "strict-origin"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest) -> HttpResponse:
    """Show the form, filled in from the map's filter. Posting it mails a confirmation link.

    The reply is the same for every address, so that nobody learns whether an address is subscribed.
    """
    try:
        published = reader.current()
    except NothingPublishedError:
        return render(request, "crimemap/pages/nothing_published.html")
    if not subscriber_addresses.newest_key_id():
        return render(request, "crimemap/alerts/unavailable.html", status=UNAVAILABLE)
    if request.method != "POST":
        form = forms.AlertForm(
            published, initial=forms.build_initial_values(forms.derive_criteria(_filter_of_query(request, published)))
        )
        return _form_page(request, form)
    if "prefill" in request.POST:  # posted, so that no address names the place
        initial = forms.prefill_place(request.POST.get("place_ref", ""), request.POST.get("radius", ""))
        return _keep_private(_form_page(request, forms.AlertForm(published, initial=initial)))
    form = forms.AlertForm(published, request.POST)
    return _form_again(request, form) or _request_alert(request, form)


def _request_alert(request: HttpRequest, form: forms.AlertForm) -> HttpResponse:
    try:
        subscriptions.request_alert(form.cleaned_data["email"], form.build_alert())
    except subscriber_addresses.KeyMissingError as error:
        log.error("no address can be taken: %s", error)
        form.add_error(None, _("We can't add email addresses right now. Please try again later."))
    else:
        return redirect("crimemap:alerts_asked")
    return _form_page(request, form, UNAVAILABLE)


def _form_again(request: HttpRequest, form: forms.AlertForm, **context: Any) -> HttpResponse | None:
    """Return the form again if a place was searched for or the form is invalid, else None."""
    if "find_place" in request.POST:
        form.search_places()
        return _form_page(request, form, **context)
    return None if form.is_valid() else _form_page(request, form, UNPROCESSABLE, **context)


def _filter_of_query(request: HttpRequest, published: PublishedIncidents) -> Filter:
    try:
        return Filter.parse(http.with_current_area(request.GET, published), published)
    except FilterError as error:
        return error.filter


def _form_page(request: HttpRequest, form: forms.AlertForm, status: int = 200, **context: Any) -> HttpResponse:
    response = render(request, "crimemap/alerts/form.html", {"form": form, **context}, status=status)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
def link_sent_page(request: HttpRequest) -> HttpResponse:
    return render(request, "crimemap/alerts/link_sent.html")


@with_link_secret
def confirm(
    request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[AlertSubscription]
) -> HttpResponse:
    if not alerts:
        return _unknown_link_page(request)
    manage_url = reverse("crimemap:alerts_manage", args=[subscriber_addresses.encode_secret(secret)])
    if request.method == "POST":
        return (
            redirect(f"{manage_url}?done=confirmed")
            if subscriptions.confirm_alert(secret)
            else _unknown_link_page(request)
        )
    if alerts[0].is_confirmed:
        return redirect(manage_url)
    return render(request, "crimemap/alerts/confirm.html", {"alerts": _describe_alerts(alerts, published)})


@with_link_secret
def manage(
    request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[AlertSubscription]
) -> HttpResponse:
    if not alerts or not alerts[0].is_confirmed:
        return _unknown_link_page(request)
    context = {
        "alerts": _describe_alerts(alerts, published),
        "done": request.GET.get("done"),
        "link_text": subscriber_addresses.encode_secret(secret),
    }
    return render(request, "crimemap/alerts/manage.html", context)


@with_link_secret
def change(
    request: HttpRequest, published: PublishedIncidents, secret: bytes, alerts: list[AlertSubscription], number: int
) -> HttpResponse:
    alert = next((each for each in alerts if each.number == number and each.is_confirmed), None)
    if alert is None:
        return _unknown_link_page(request)
    manage_url = reverse("crimemap:alerts_manage", args=[subscriber_addresses.encode_secret(secret)])
    if request.method != "POST":
        initial = forms.build_initial_values(alert.criteria, alert.rhythm)
        return _form_page(request, forms.AlertForm(published, initial=initial, with_address=False), manage=manage_url)
    if "remove" in request.POST:
        subscriptions.unsubscribe(secret, number)
        return (
            redirect(f"{manage_url}?done=removed") if subscriptions.list_alerts(secret) else _unsubscribed_page(request)
        )
    form = forms.AlertForm(published, request.POST, with_address=False)
    if form_page := _form_again(request, form, manage=manage_url):
        return form_page
    subscriptions.change_alert(secret, form.build_alert(number))
    return redirect(f"{manage_url}?done=changed")


@accept_cross_origin_posts
@require_http_methods(["GET", "HEAD", "POST"])
def leave(request: HttpRequest, link_text: str) -> HttpResponse:
    """Unsubscribe from all alerts of an address.

    A mail program's own unsubscribe button posts here, too (RFC 8058): without a cookie, perhaps with an Origin of its own.
    It is always answered with 200, also while no incidents are published.
    """
    if request.method != "POST":
        return _unsubscribe_page(request, link_text)
    subscriptions.unsubscribe(subscriber_addresses.decode_secret(link_text) or b"")
    return _keep_private(_unsubscribed_page(request))


@with_link_secret
def _unsubscribe_page(
    request: HttpRequest, published: PublishedIncidents, _secret: bytes, alerts: list[AlertSubscription]
) -> HttpResponse:
    if not alerts:
        return _unsubscribed_page(request)
    return render(request, "crimemap/alerts/unsubscribe.html", {"alerts": _describe_alerts(alerts, published)})


def _describe_alerts(alerts: list[AlertSubscription], published: PublishedIncidents) -> list[dict[str, Any]]:
    return [
        {
            "number": each.number,
            "description": subscription_wording.describe_criteria(each.criteria, each.place, published.category_names),
            "rhythm": subscriptions.Rhythm(each.rhythm).label,
        }
        for each in alerts
    ]


def _unsubscribed_page(request: HttpRequest) -> HttpResponse:
    return render(request, "crimemap/alerts/unsubscribed.html")


def _unknown_link_page(request: HttpRequest) -> HttpResponse:
    return render(request, "crimemap/alerts/unknown_link.html", status=404)
