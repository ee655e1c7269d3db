"""Sends one text to one of the agency's channels and says what is known of its delivery. Uses no models.

apprise speaks the channels' protocols. It returns success or failure, and a failure may be a success whose response was
lost. So a failure counts as certain only if the channel said so (an HTTP status of 4xx, to a single recipient); anything
else is UNSURE. This module sends to two of them itself. Mastodon drops a repeated post by its Idempotency-Key header, which
apprise (2.2) puts into the body, where Mastodon ignores it. Links are dead on Bluesky without facets, which apprise doesn't
write.

A channel's address holds its secret. Nothing here writes it or any part of it to a log, an error or a result.
"""

from __future__ import annotations

import datetime as dt
import enum
import re
from dataclasses import dataclass
from typing import Any

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from urllib3.exceptions import NewConnectionError

from outreach.channels import post_text

TIMEOUT_SECONDS = (5, 20)  # to connect, and to wait for the response
_MAX_WEBHOOK_CHARACTERS = 4000
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")


@dataclass(frozen=True, slots=True)
class ChannelKind:
    """A service that channels are on. `schemas` are apprise's URL schemes for it.

    `drops_repeats`: a post sent again under the same idempotency key stays one post.
    """

    label: Any
    schemas: tuple[str, ...]
    max_characters: int
    drops_repeats: bool = False


KINDS = {
    "mastodon": ChannelKind("Mastodon", ("toot", "toots", "mastodon", "mastodons"), 500, drops_repeats=True),
    "bluesky": ChannelKind("Bluesky", ("bluesky", "bsky"), 300),
    "slack": ChannelKind("Slack", ("slack",), 3000),
    "teams": ChannelKind("Microsoft Teams", ("workflow", "workflows"), 1000),
    "discord": ChannelKind("Discord", ("discord",), 2000),
    "matrix": ChannelKind("Matrix", ("matrix", "matrixs"), 4000),
    "webhook": ChannelKind(gettext_lazy("Webhook (JSON)"), ("json", "jsons"), _MAX_WEBHOOK_CHARACTERS),
}


class Outcome(enum.Enum):
    SENT = "sent"
    REFUSED = "refused"  # the channel said no
    LATER = "later"  # it certainly has not arrived, and may when tried again
    UNSURE = "unsure"  # it may have arrived


@dataclass(frozen=True, slots=True)
class DeliveryResult:
    """The outcome of an attempt. `explanation` is a sentence for staff, without any part of the channel's address."""

    outcome: Outcome
    explanation: str = ""


class ChannelAddressError(ValueError):
    """The text is no address of a supported channel. The message is a sentence for staff, without the address."""


def detect_kind(address: str) -> str:
    """Return the key in KINDS for an address. Raises ChannelAddressError."""
    schema = address.strip().partition("://")[0].lower()
    for name, kind in KINDS.items():
        if schema in kind.schemas:
            _apprise_service(address)
            return name
    known = ", ".join(f"{kind.schemas[-1]}://" for kind in KINDS.values())
    raise ChannelAddressError(
        _("This address starts with something we don't know. Start it with one of these: %(known)s.") % {"known": known}
    )


def visible_host(address: str) -> str:
    """Return the part of an address that may be shown: the server, unless it is secret or the same for every account."""
    service = _apprise_service(address)
    return str(service.host or "") if detect_kind(address) in ("mastodon", "matrix", "webhook") else ""


def send_post(address: str, text: str, key: str) -> DeliveryResult:
    """Try to send `text` once. `key` is the post's idempotency key, the same in each attempt. Raises nothing."""
    try:
        kind, service = detect_kind(address), _apprise_service(address)
    except ChannelAddressError:
        return DeliveryResult(
            Outcome.REFUSED, _("The channel's address no longer works. Enter it again under Channels.")
        )
    try:
        if kind == "mastodon":
            return _send_to_mastodon(service, text, key)
        if kind == "bluesky":
            return _send_to_bluesky(service, text)
        return _send_with_apprise(service, text, kind)
    except Exception as error:  # its text may hold the address, and the post may be there
        return DeliveryResult(
            Outcome.UNSURE, _("The connection broke (%(error)s). Check the channel.") % {"error": type(error).__name__}
        )


def _apprise_service(address: str) -> Any:
    """Return apprise's object for one recipient, set to try once and follow no redirect. Raises ChannelAddressError."""
    import apprise  # here: it loads a hundred channels, and most processes never post

    # Requests go only to the configured server, one attempt each; no post shows apprise's own pictures.
    asset = apprise.AppriseAsset(
        http_redirects=False, async_mode=False, app_id="Portal", image_url_mask="", image_url_logo=""
    )
    service = apprise.Apprise.instantiate(address.strip(), asset=asset, suppress_exceptions=True)
    if service is None:
        raise ChannelAddressError(_("This address isn't complete. Check the format for this service in the manual."))
    service.retry, service.redirects = 0, False
    service.overflow_mode = apprise.OverflowMode.UPSTREAM
    service.socket_connect_timeout, service.socket_read_timeout = map(float, TIMEOUT_SECONDS)
    if len(service) != 1:
        raise ChannelAddressError(_("This address has more than one recipient. Add a channel for each one."))
    return service


def _send_with_apprise(service: Any, text: str, kind: str) -> DeliveryResult:
    import apprise

    sender = apprise.Apprise(service, asset=service.asset)
    if kind == "teams":  # apprise would escape the dots of links, which are dead then
        result = sender.notify(body=post_text.teams_markdown(text), body_format=apprise.NotifyFormat.MARKDOWN)
    else:
        result = sender.notify(body=text, body_format=apprise.NotifyFormat.TEXT)
    if result:
        return DeliveryResult(Outcome.SENT)
    statuses = [int(match[1]) for entry in result.logs() if (match := _STATUS.search(entry.message))]
    return _interpret_status(statuses[0] if len(statuses) == 1 else None)


def _send_to_mastodon(service: Any, text: str, key: str) -> DeliveryResult:
    """Send by Mastodon's API (POST /api/v1/statuses), which keeps an idempotency key for an hour."""
    status: dict[str, Any] = {"status": text}
    if service.visibility != "default":
        status["visibility"] = service.visibility
    if service.language:
        status["language"] = service.language
    headers = {"Authorization": f"Bearer {service.token}", "Idempotency-Key": key}
    return _post_json(service, f"{service.api_url}/api/v1/statuses", status, headers)[0]


def _send_to_bluesky(service: Any, text: str) -> DeliveryResult:
    """Send by Bluesky's API: find the account's server, sign in, create the record (lexicon app.bsky.feed.post)."""
    account, server = service.get_identifier()
    if not account:
        return DeliveryResult(Outcome.LATER, _("Bluesky doesn't answer, or doesn't know the account's name."))
    credentials = {"identifier": account, "password": service.password}
    signed_in, session = _post_json(service, f"{server}/xrpc/com.atproto.server.createSession", credentials)
    if signed_in.outcome is Outcome.UNSURE:  # nothing is posted yet
        return DeliveryResult(Outcome.LATER, signed_in.explanation)
    if signed_in.outcome is not Outcome.SENT:
        return signed_in
    record = {
        "$type": "app.bsky.feed.post",
        "text": text,
        "createdAt": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "facets": post_text.bluesky_facets(text),
    }
    post = {"repo": account, "collection": "app.bsky.feed.post", "record": record}
    headers = {"Authorization": f"Bearer {session.get('accessJwt', '')}"}
    return _post_json(service, f"{server}/xrpc/com.atproto.repo.createRecord", post, headers)[0]


def _post_json(
    service: Any, url: str, content: dict[str, Any], headers: dict[str, str] | None = None
) -> tuple[DeliveryResult, dict[str, Any]]:
    """Post once and return the result with the JSON of a success."""
    try:
        response = requests.post(
            url,
            json=content,
            headers=headers,
            timeout=TIMEOUT_SECONDS,
            verify=service.verify_certificate,
            allow_redirects=False,
        )
    except (requests.ConnectTimeout, requests.exceptions.SSLError):
        return DeliveryResult(Outcome.LATER, _("The server can't be reached.")), {}
    except requests.ConnectionError as error:
        cause = getattr(error.args[0] if error.args else None, "reason", None)
        if isinstance(cause, NewConnectionError):
            return DeliveryResult(Outcome.LATER, _("The server can't be reached.")), {}
        return _interpret_status(None), {}
    if response.status_code not in (200, 202):
        return _interpret_status(response.status_code), {}
    return DeliveryResult(Outcome.SENT), response.json()


def _interpret_status(status: int | None) -> DeliveryResult:
    """Return what an HTTP status other than success says about the post; None means there was no response."""
    if status is None:
        return DeliveryResult(Outcome.UNSURE, _("The channel didn't answer. Check if the post is there."))
    explanation = _("The channel answered with error %(status)s.") % {"status": status}
    if status == 429:
        return DeliveryResult(Outcome.LATER, explanation)
    return DeliveryResult(Outcome.REFUSED if 400 <= status < 500 and status != 408 else Outcome.UNSURE, explanation)
