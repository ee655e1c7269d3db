"""The kinds of channels for alerts, and which of them the agency allows.

An address is in apprise's notation (core/channel_services.py). The environment alone (ALERT_CHANNELS) says which schemes and servers
it may name, so that what an officer types is no way into the agency's network; nothing that it leads to is followed elsewhere.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.channel_services import ChannelAddressError, DeliveryResult, Outcome, create_service, notify
from tips.models import AlertChannel
from tips.officer_alerts.channel_addresses import KeyMissingError, SealError, open_address

EMAIL = "email"
# To connect, and to wait for the answer. Together shorter than a lease: a slow server must not get a message twice.
TIMEOUT_SECONDS = (3.0, 7.0)
# Alerts that are not urgent reach clouds at full quarters of an hour: the cloud does not learn when a tip came.
BEAT_MINUTES = 15


@dataclass(frozen=True, slots=True)
class AlertChannelKind:
    """A service. `schemas` are apprise's. `is_cloud`: its servers are another company's, who would learn when tips come."""

    label: str | Promise
    schemas: tuple[str, ...]
    is_cloud: bool = False


KINDS = {
    "ntfy": AlertChannelKind("ntfy", ("ntfy", "ntfys")),
    "matrix": AlertChannelKind("Matrix", ("matrix", "matrixs")),
    "webhook": AlertChannelKind(gettext_lazy("Webhook (JSON)"), ("json", "jsons")),
    "slack": AlertChannelKind("Slack", ("slack",), is_cloud=True),
    "teams": AlertChannelKind("Microsoft Teams", ("workflow", "workflows"), is_cloud=True),
}


def name_kind(kind: str) -> str:
    return str(KINDS[kind].label) if kind in KINDS else _("email")


def list_allowed() -> list[str]:
    """Return the beginnings of addresses that are allowed, such as "ntfys://ntfy.example.org"; "slack" has one server."""
    return [place.rstrip("/").lower() for place in settings.ALERT_CHANNELS]


def detect_kind(address: str) -> tuple[str, str]:
    """Return the key in KINDS and the server of an allowed address. Raises ChannelAddressError."""
    schema = address.strip().partition("://")[0].lower()
    kind = next((name for name, kind in KINDS.items() if schema in kind.schemas), None)
    # Options after a question mark can change the method, add headers and turn off the check of certificates.
    if kind is None or "?" in address or not list_allowed():
        raise ChannelAddressError(_describe_allowed())
    service = _create_service(address)
    # What the service has read from the address, and not another reading of it.
    host = str(service.host or "").lower()
    if kind == "matrix" and not (service.rooms or service.users):
        # apprise would post to every room that the account has ever joined.
        raise ChannelAddressError(_("Name the room at the end of the address: …/#alerts:example.org."))
    place = "slack" if kind == "slack" else f"{schema}://{host}" + (f":{service.port}" if service.port else "")
    if place not in list_allowed():
        raise ChannelAddressError(_describe_allowed())
    return kind, "slack.com" if kind == "slack" else host


def _describe_allowed() -> str:
    allowed = ", ".join(list_allowed())
    if not allowed:
        return _("Your agency allows no channels but email.")
    return _("Your agency doesn't allow this address. Start it with one of these, without any “?”: %(allowed)s.") % {
        "allowed": allowed
    }


def _create_service(address: str) -> Any:
    service = create_service(address)
    # ntfy takes a server without a topic for a topic on its makers' cloud.
    if getattr(service, "mode", "") == "cloud":
        raise ChannelAddressError(_describe_allowed())
    service.discovery = False  # Matrix: the server could name another one
    service.socket_connect_timeout, service.socket_read_timeout = TIMEOUT_SECONDS
    return service


def send(channel: AlertChannel, text: str, *, is_urgent: bool) -> DeliveryResult:
    """Try to send a text once on a channel. Raises nothing. Only the alerts worker can open the address."""
    try:
        address = open_address(channel)
        kind, _host = detect_kind(address)
        service = _create_service(address)
    except KeyMissingError:
        return DeliveryResult(
            Outcome.LATER, _("The key that opens addresses of channels is missing. Ask an administrator to restore it.")
        )
    except SealError:
        return DeliveryResult(
            Outcome.REFUSED, _("This address can't be opened anymore. Remove the channel and add it again.")
        )
    except ChannelAddressError:
        return DeliveryResult(Outcome.REFUSED, _("Your agency no longer allows this address. Remove the channel."))
    if kind == "ntfy" and is_urgent:
        service.priority = "high"
    try:
        result = notify(service, text)
    except Exception as error:  # its text may hold the address
        return DeliveryResult(
            Outcome.UNSURE, _("The connection broke (%(error)s). We try again.") % {"error": type(error).__name__}
        )
    if result.outcome is Outcome.UNSURE:
        return DeliveryResult(
            Outcome.UNSURE, _("The server didn't answer. Check the address, and that the server runs.")
        )
    return result


def next_beat(now: dt.datetime) -> dt.datetime:
    """Return the next full quarter of an hour."""
    local = timezone.localtime(now).replace(second=0, microsecond=0)
    minutes = BEAT_MINUTES - local.minute % BEAT_MINUTES
    return (local + dt.timedelta(minutes=minutes)).astimezone(dt.UTC)
