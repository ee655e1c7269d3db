"""Addresses of officers' channels: the only module that seals and opens them.

An address holds a secret: a token, or the name of a room. The staff side, where officers type addresses, has the public half of a key
pair alone; the alerts worker, which sends the alerts, has the private half. So a copy of the database holds no address, and a
process of the staff side opens none.

    channel.sealed_address = seal_address(channel.pk, address)
    open_address(channel)                                         # alerts worker only

Format (tests/tips/officer_alerts/test_channel_addresses.py fixes it):
    labeled seal (core/keypairs.py) of the channel's id (16) and the address in UTF-8, padded with zeros (1000)
All are 1073 bytes long. `manage.py alert_channels create-key | rotate | status` replaces the pair.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from core import keypairs
from core.keypairs import KeyMissingError, KeyStatus, SealError
from tips.models import AlertChannel

MAX_ADDRESS_BYTES = 1000


def seal_address(channel_id: UUID, address: str) -> bytes:
    """Seal the address of a channel to the newest pair. Raises KeyMissingError if this node has no public half.

    The channel's id is sealed with it: an address that was copied into another channel's row does not open.
    """
    content = address.encode()
    if len(content) > MAX_ADDRESS_BYTES:
        raise ValueError("the address is too long")
    return keypairs.seal_labeled(
        channel_id.bytes + content.ljust(MAX_ADDRESS_BYTES, b"\0"), settings.ALERT_CHANNEL_PUBLIC_KEYS
    )


def open_address(channel: AlertChannel) -> str:
    """Return a channel's address. Raises KeyMissingError on every node but the alerts worker's, SealError for changed bytes."""
    opened = keypairs.open_labeled(channel.sealed_address or b"", settings.ALERT_CHANNEL_PRIVATE_KEYS)
    if opened[:16] != channel.pk.bytes:
        raise SealError("This address belongs to another channel.")
    return opened[16:].rstrip(b"\0").decode()


def can_seal() -> bool:
    """Return whether this node has the public half of a pair, so that channels can be added."""
    return bool(_newest_key_id())


def seal_readable_addresses() -> int:
    """Seal the addresses that version 0.9.0 stored as they were typed, and return how many. Runs as the alerts role."""
    with transaction.atomic():
        rows = list(AlertChannel.objects.select_for_update(of=("self",)).exclude(address="").only("pk", "address"))
        for channel in rows:
            channel.sealed_address, channel.address = seal_address(channel.pk, channel.address), ""
            channel.save(update_fields=["sealed_address", "address"])
    return len(rows)


# The pair


def create_key_pair() -> str:
    """Create a pair in the folders of this node, seal to it what is still readable, and return its id."""
    key_id = keypairs.create_key_pair(*_folders())
    seal_readable_addresses()
    return key_id


def rotate(report_moved: Callable[[int], None]) -> str:
    """Seal all addresses to the newest pair, destroy the older pairs, and return the newest one's id.

    Raises KeyMissingError if the newest private half or one that is still needed is missing, and SealError; then nothing is
    changed.
    """
    newest, here = _newest_key_id(), _list_key_ids()
    if newest not in here:
        raise KeyMissingError(
            "The newest pair has no private half here. Run `manage.py alert_channels create-key` first."
        )
    with transaction.atomic():
        seal_readable_addresses()
        rows = (
            AlertChannel.objects.select_for_update(of=("self",))
            .exclude(sealed_address=None)
            .only("pk", "sealed_address")
        )
        for count, channel in enumerate(rows, start=1):
            channel.sealed_address = seal_address(channel.pk, open_address(channel))
            channel.save(update_fields=["sealed_address"])
            report_moved(count)
    for key_id in here:
        if key_id != newest:
            keypairs.destroy_key_pair(key_id, *_folders())
    return newest


def list_keys() -> list[KeyStatus]:
    """Return the pairs whose private half is here, the newest one, and others that addresses are still sealed to.

    Empty if there is no newest one, so that nothing can be sealed.
    """
    newest, here = _newest_key_id(), _list_key_ids()
    if not newest:
        return []
    sealed = AlertChannel.objects.exclude(sealed_address=None).values_list("sealed_address", flat=True)
    counts = Counter(keypairs.read_key_id(each) for each in sealed if each is not None)
    ids = dict.fromkeys([*here, newest, *counts])
    return [KeyStatus(key_id, key_id == newest, key_id in here, counts[key_id]) for key_id in ids]


def _newest_key_id() -> str:
    files = keypairs.key_files(settings.ALERT_CHANNEL_PUBLIC_KEYS, "pub")
    return files[-1].id if files else ""


def _list_key_ids() -> list[str]:
    return [file.id for file in keypairs.key_files(settings.ALERT_CHANNEL_PRIVATE_KEYS, "key")]


def _folders() -> tuple[Path, Path]:
    public, private = settings.ALERT_CHANNEL_PUBLIC_KEYS, settings.ALERT_CHANNEL_PRIVATE_KEYS
    if public is None or private is None:
        raise KeyMissingError(
            "ALERT_CHANNEL_PUBLIC_KEYS and ALERT_CHANNEL_PRIVATE_KEYS must both be set: run this as the alerts role."
        )
    return public, private


__all__ = [
    "MAX_ADDRESS_BYTES", "KeyMissingError", "KeyStatus", "SealError", "can_seal", "create_key_pair", "list_keys", "open_address", "rotate",
    "seal_address", "seal_readable_addresses",
]  # fmt: skip
