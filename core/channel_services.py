"""Sends one text to one address in apprise's notation, once: for the agency's channels and for officers' alerts.

An address holds a secret. Nothing here writes it or any part of it to a log, an error or a result.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

TIMEOUT_SECONDS = (5, 20)  # to connect, and to wait for the response
_STATUS = re.compile(r"\berror=([1-5][0-9]{2})\b")


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


def create_service(address: str) -> Any:
    """Return apprise's object for one recipient, set to try once and follow no redirect. Raises ChannelAddressError."""
    import apprise  # here: it loads a hundred channels, and most processes never post

    # Requests go only to the configured server, one attempt each; no post shows apprise's own pictures.
    asset = apprise.AppriseAsset(
        http_redirects=False, async_mode=False, app_id="Portal", image_url_mask="", image_url_logo=""
    )
    service: Any = apprise.Apprise.instantiate(address.strip(), asset=asset, suppress_exceptions=True)
    if service is None:
        raise ChannelAddressError(_("This address isn't complete. Check the format for this service in the manual."))
    service.retry, service.redirects = 0, False
    # Matrix: each message would upload keys of a device that lives for that message alone, and a password that is refused would be
    # tried as that of a new account.
    service.e2ee = False
    service._register = lambda: False
    service.overflow_mode = apprise.OverflowMode.UPSTREAM
    service.socket_connect_timeout, service.socket_read_timeout = map(float, TIMEOUT_SECONDS)
    if len(service) != 1:
        raise ChannelAddressError(_("This address has more than one recipient. Add a channel for each one."))
    return service


def interpret_status(status: int | None) -> DeliveryResult:
    """Return what an HTTP status other than success says about the post; None means there was no response."""
    if status is None:
        return DeliveryResult(Outcome.UNSURE, _("The channel didn't answer. Check if the post is there."))
    explanation = _("The channel answered with error %(status)s.") % {"status": status}
    if status == 429:
        return DeliveryResult(Outcome.LATER, explanation)
    return DeliveryResult(Outcome.REFUSED if 400 <= status < 500 and status != 408 else Outcome.UNSURE, explanation)


def notify(service: Any, text: str, *, is_markdown: bool = False) -> DeliveryResult:
    """Send the text once. Raises whatever the service's plug-in does: its message may hold the address."""
    import apprise

    body_format = apprise.NotifyFormat.MARKDOWN if is_markdown else apprise.NotifyFormat.TEXT
    result = apprise.Apprise(service, asset=service.asset).notify(body=text, body_format=body_format)
    if result:
        return DeliveryResult(Outcome.SENT)
    statuses = [int(match[1]) for entry in result.logs() if (match := _STATUS.search(entry.message))]
    return interpret_status(statuses[0] if len(statuses) == 1 else None)
