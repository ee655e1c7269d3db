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
from dataclasses import dataclass
from typing import Any

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from urllib3.exceptions import NewConnectionError

from core.channel_services import (
    TIMEOUT_SECONDS,
    ChannelAddressError,
    DeliveryResult,
    Outcome,
    create_service,
    interpret_status,
    notify,
)
from outreach.channels import post_text

_MAX_WEBHOOK_CHARACTERS = 4000


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


def detect_kind(address: str) -> str:
    """Return the key in KINDS for an address. Raises ChannelAddressError."""
    schema = address.strip().partition("://")[0].lower()
    for name, kind in KINDS.items():
        if schema in kind.schemas:
            create_service(address)
            return name
    known = ", ".join(f"{kind.schemas[-1]}://" for kind in KINDS.values())
    raise ChannelAddressError(
        _("This address starts with something we don't know. Start it with one of these: %(known)s.") % {"known": known}
    )


def visible_host(address: str) -> str:
    """Return the part of an address that may be shown: the server, unless it is secret or the same for every account."""
    service = create_service(address)
    return str(service.host or "") if detect_kind(address) in ("mastodon", "matrix", "webhook") else ""


def send_post(address: str, text: str, key: str) -> DeliveryResult:
    """Try to send `text` once. `key` is the post's idempotency key, the same in each attempt. Raises nothing."""
    try:
        kind, service = detect_kind(address), create_service(address)
    except ChannelAddressError:
        return DeliveryResult(
            Outcome.REFUSED, _("The channel's address no longer works. Enter it again under Channels.")
        )
    try:
        if kind == "mastodon":
            return _send_to_mastodon(service, text, key)
        if kind == "bluesky":
            return _send_to_bluesky(service, text)
        if kind == "teams":  # apprise would escape the dots of links, which are dead then
            return notify(service, post_text.teams_markdown(text), is_markdown=True)
        return notify(service, text)
    except Exception as error:  # its text may hold the address, and the post may be there
        return DeliveryResult(
            Outcome.UNSURE, _("The connection broke (%(error)s). Check the channel.") % {"error": type(error).__name__}
        )


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
        return interpret_status(None), {}
    if response.status_code not in (200, 202):
        return interpret_status(response.status_code), {}
    return DeliveryResult(Outcome.SENT), response.json()
