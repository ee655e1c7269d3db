"""Addresses of the agency's channels: sealed where they are typed, opened by the bulk worker alone, moved to a new pair."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from core import keypairs
from core.mail import subscriber_keys
from outreach.channels import channel_addresses, posting, transport
from outreach.channels.channel_addresses import KeyMissingError, SealError
from outreach.models import Channel
from tests.outreach.channels.receivers import TOKEN
from tests.tipportal.database.test_grants import acting_as

pytestmark = pytest.mark.django_db
ADDRESS = f"mastodons://{TOKEN}@social.example"


def add_channel(name: str = "Mastodon", address: str = ADDRESS) -> Channel:
    """Add a channel as version 0.9.0 stored it."""
    return Channel.objects.create(name=name, kind=transport.detect_kind(address), address=address)


def dump_channels() -> str:
    """Return the table as a dump has it: binary columns in hex."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(row::text, E'\\n') FROM outreach_channel AS row")
        return str(cursor.fetchone()[0])


def test_what_the_release_before_stored_is_sealed_by_the_bulk_worker_which_alone_opens_it(settings: Any) -> None:
    channel, short = add_channel(), add_channel("Newsroom", "jsons://hook.example/x")
    assert TOKEN in dump_channels()
    with acting_as("bulk"):
        posting.post_due()
    dump = dump_channels()
    assert TOKEN not in dump
    assert TOKEN.encode().hex() not in dump
    channel.refresh_from_db()
    short.refresh_from_db()
    assert (bytes(channel.sealed_address)[:1], len(channel.sealed_address)) == (b"\x01", 1065)
    assert len(short.sealed_address) == 1065  # its length tells nothing either
    with pytest.raises(KeyMissingError):
        channel_addresses.open_address(channel)
    settings.ADDRESS_PRIVATE_KEYS = settings.ADDRESS_PUBLIC_KEYS.with_name("addresses-private")
    assert channel_addresses.open_address(channel) == ADDRESS
    short.sealed_address = channel.sealed_address
    with pytest.raises(SealError):
        channel_addresses.open_address(short)


def test_a_new_pair_takes_over_the_channels_too(settings: Any, tmp_path: Path, opens_addresses: None) -> None:
    channel = add_channel()
    never_sealed = Channel.objects.create(name="Empty", kind="webhook")
    channel_addresses.seal_readable_addresses()
    old_public, old_private = settings.ADDRESS_PUBLIC_KEYS, settings.ADDRESS_PRIVATE_KEYS
    settings.ADDRESS_PUBLIC_KEYS, settings.ADDRESS_PRIVATE_KEYS = tmp_path / "public", tmp_path / "private"
    for folder, old in ((tmp_path / "public", old_public), (tmp_path / "private", old_private)):
        folder.mkdir()
        for file in old.iterdir():
            (folder / file.name).write_bytes(file.read_bytes())
    newest = keypairs.create_key_pair(tmp_path / "public", tmp_path / "private")
    assert subscriber_keys.rotate(lambda _moved: None) == newest
    channel.refresh_from_db()
    never_sealed.refresh_from_db()
    assert channel_addresses.open_address(channel) == ADDRESS
    assert never_sealed.sealed_address is None
    assert subscriber_keys.count_seals() == {newest: 1}
