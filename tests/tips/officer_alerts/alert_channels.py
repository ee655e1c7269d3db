"""Channels of officers and units, added as the page "My alerts" adds them."""

from __future__ import annotations

from typing import Any

from tips.models import AlertChannel
from tips.officer_alerts import channel_addresses, channels


def add_channel(address: str, **owner: Any) -> AlertChannel:
    kind, host = channels.detect_kind(address)
    channel = AlertChannel(kind=kind, host=host, **owner)
    channel.sealed_address = channel_addresses.seal_address(channel.pk, address)
    channel.save(force_insert=True)
    return channel
