"""Addresses of the agency's channels: the only module that seals and opens them.

An address holds the secret of an account that speaks for the agency: a token or a password. The staff side, where it is typed, can
only seal it; the bulk worker, which posts, has the private half of the pair (the one of subscribers' addresses). So a copy of the
database posts nothing in the agency's name, and no staff process can read a secret back.

    channel.sealed_address = seal_address(channel.pk, address)
    open_address(channel)                                         # bulk worker only

Format (tests/outreach/channels/test_channel_addresses.py fixes it):
    labeled seal (core/keypairs.py) of the channel's id (8, big-endian) and the address in UTF-8, padded with zeros (1000)
All are 1065 bytes long. `manage.py addresses rotate` moves them to a new pair with the addresses of subscribers.
"""

from __future__ import annotations

from django.conf import settings
from django.db import transaction

from core import keypairs
from core.keypairs import KeyMissingError, SealError
from outreach.models import Channel

MAX_ADDRESS_BYTES = 1000
_ID_BYTES = 8


def seal_address(channel_id: int, address: str) -> bytes:
    """Seal the address of a channel to the newest pair. Raises KeyMissingError if this node has no public half.

    The channel's id is sealed with it: an address that was copied into another channel's row does not open.
    """
    content = address.encode()
    if len(content) > MAX_ADDRESS_BYTES:
        raise ValueError("the address is too long")
    padded = channel_id.to_bytes(_ID_BYTES, "big") + content.ljust(MAX_ADDRESS_BYTES, b"\0")
    return keypairs.seal_labeled(padded, settings.ADDRESS_PUBLIC_KEYS)


def open_address(channel: Channel) -> str:
    """Return a channel's address. Raises KeyMissingError on every node but the bulk worker's, SealError for changed bytes."""
    if channel.sealed_address is None:
        return channel.address
    opened = keypairs.open_labeled(channel.sealed_address, settings.ADDRESS_PRIVATE_KEYS)
    if opened[:_ID_BYTES] != channel.pk.to_bytes(_ID_BYTES, "big"):
        raise SealError("This address belongs to another channel.")
    return opened[_ID_BYTES:].rstrip(b"\0").decode()


def can_seal() -> bool:
    """Return whether this node has the public half of a pair, so that channels can be added."""
    return bool(keypairs.key_files(settings.ADDRESS_PUBLIC_KEYS, "pub"))


def seal_readable_addresses() -> None:
    """Seal the addresses that version 0.9.0 stored as they were typed. Runs as the bulk role, which has the whole pair."""
    if not can_seal():
        return
    with transaction.atomic():
        for channel in Channel.objects.select_for_update().exclude(address=""):
            channel.sealed_address, channel.address = seal_address(channel.pk, channel.address), ""
            channel.save(update_fields=["sealed_address", "address"])


__all__ = [
    "MAX_ADDRESS_BYTES",
    "KeyMissingError",
    "SealError",
    "can_seal",
    "open_address",
    "seal_address",
    "seal_readable_addresses",
]
