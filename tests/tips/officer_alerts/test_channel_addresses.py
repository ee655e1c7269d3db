"""Addresses of officers' channels: sealed where they are typed, opened by the alerts worker alone, moved to a new pair whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from core.models import Account
from core.roles import Role
from tests.outreach.channels.receivers import TOKEN, receiving
from tests.tipportal.database.test_grants import acting_as
from tests.tips.desk import officers
from tests.tips.officer_alerts.alert_channels import add_channel
from tipportal.deploy import checks, role_settings, start_requirements
from tips.models import AlertChannel
from tips.officer_alerts import channel_addresses, channel_tests
from tips.officer_alerts.channel_addresses import KeyMissingError, SealError

SERVER = "ntfy.riverton.example"
ADDRESS = f"ntfys://tk_{TOKEN}@{SERVER}/okafors-phone"
MINE = "/admin/tips/alertchannel/mine/"


@pytest.fixture
def okafor(db: None, settings: Any) -> Account:
    settings.ALERT_CHANNELS = [f"ntfys://{SERVER}"]
    return officers.set_duty(officers.create_officer("okafor"))


def dump_channels() -> str:
    """Return the table as a dump has it: binary columns in hex."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT string_agg(row::text, E'\\n') FROM tips_alertchannel AS row")
        return str(cursor.fetchone()[0])


def test_the_database_has_nothing_of_an_address_and_the_staff_side_opens_none(okafor: Account, settings: Any) -> None:
    client = officers.sign_in(okafor)
    with acting_as("staff"):
        client.post(MINE, {"add": "1", "address": ADDRESS, "label": "my phone"})
        page = client.get(MINE).content.decode()
    assert f'aria-label="Remove ntfy, {SERVER}, my phone"' in page
    add_channel(f"ntfys://{SERVER}/a", officer=okafor)
    dump = dump_channels()
    assert SERVER in dump
    for secret in (ADDRESS, TOKEN, "okafors-phone"):
        assert secret not in dump
        assert secret.encode().hex() not in dump
    long, short = AlertChannel.objects.order_by("pk")
    assert (bytes(long.sealed_address)[:1], len(long.sealed_address)) == (b"\x01", 1073)
    assert len(short.sealed_address) == 1073  # its length tells nothing either
    with pytest.raises(KeyMissingError):
        channel_addresses.open_address(long)
    settings.ALERT_CHANNEL_PRIVATE_KEYS = settings.ALERT_CHANNEL_PUBLIC_KEYS
    with pytest.raises(KeyMissingError):
        channel_addresses.open_address(long)
    for role in set(Role) - {Role.ALERTS}:
        with pytest.raises(ImproperlyConfigured, match="the alerts role alone"):
            role_settings.refuse_channel_keys(role, Path("/keys"))


def test_an_address_opens_in_its_own_row_alone(okafor: Account, opens_channels: None) -> None:
    channel, other = add_channel(ADDRESS, officer=okafor), add_channel(f"ntfys://{SERVER}/a", officer=okafor)
    assert channel_addresses.open_address(channel) == ADDRESS
    other.sealed_address = channel.sealed_address
    changed = bytearray(channel.sealed_address)
    changed[-1] ^= 1
    channel.sealed_address = bytes(changed)
    for each in (channel, other):
        with pytest.raises(SealError):
            channel_addresses.open_address(each)
        each.save()
        channel_tests.send_test(str(each.pk))
        each.refresh_from_db()
        assert each.works is False
        assert "add it again" in each.problem


def test_an_address_that_is_too_long_is_refused_with_a_sentence(okafor: Account) -> None:
    address = f"ntfys://{SERVER}/" + "é" * 600
    page = officers.sign_in(okafor).post(MINE, {"add": "1", "address": address}).content.decode()
    assert "This address is too long." in page
    with pytest.raises(ValueError, match="too long"):
        channel_addresses.seal_address(UUID(int=1), address)
    assert not AlertChannel.objects.exists()


def test_without_the_key_no_address_is_stored_and_everyone_is_told_what_to_do(
    okafor: Account, settings: Any, tmp_path: Path
) -> None:
    settings.ALERT_CHANNEL_PUBLIC_KEYS = settings.ALERT_CHANNEL_PRIVATE_KEYS = tmp_path
    (sentence,) = start_requirements.find_file_problems(Role.ALERTS)
    assert "alert_channels create-key" in sentence
    (warning,) = checks.check_channel_keys()
    assert "create-key" in str(warning.hint)
    client = officers.sign_in(okafor)
    page = client.post(MINE, {"add": "1", "address": ADDRESS}).content.decode()
    assert "the key that protects its address is missing" in page
    assert not AlertChannel.objects.exists()
    settings.ALERT_CHANNELS = []
    assert checks.check_channel_keys() == start_requirements.find_file_problems(Role.ALERTS) == []


def test_a_lost_key_leaves_the_message_waiting_and_stands_on_the_desk(okafor: Account, settings: Any) -> None:
    channel = add_channel(ADDRESS, officer=okafor)
    channel_tests.send_test(str(channel.pk))
    channel.refresh_from_db()
    assert (channel.works, "Ask an administrator" in channel.problem) == (False, True)


def test_what_the_release_before_stored_readable_is_sealed_by_the_command_and_by_the_daily_task(
    okafor: Account, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.ALERT_CHANNEL_PUBLIC_KEYS, settings.ALERT_CHANNEL_PRIVATE_KEYS = tmp_path / "public", tmp_path / "private"
    with pytest.raises(CommandError, match="nobody can add a channel"):
        call_command("alert_channels", "status")
    with receiving() as receiver:
        settings.ALERT_CHANNELS = [f"json://127.0.0.1:{receiver.port}"]
        row = {"officer": okafor, "kind": "webhook", "host": "127.0.0.1", "address": receiver.webhook}
        channel = AlertChannel.objects.create(**row)
        with acting_as("alerts"):
            call_command("alert_channels", "create-key")
        assert TOKEN not in dump_channels()
        AlertChannel.objects.create(**row)  # by a staff node that still runs the release before
        channel_tests.send_due_tests()
        assert TOKEN not in dump_channels()
        assert len(receiver.requests) == 2
    call_command("alert_channels", "create-key")
    capsys.readouterr()
    older, newer = channel_addresses.list_keys()
    assert (older.seal_count, newer.seal_count, newer.is_newest) == (2, 0, True)
    hidden = next((tmp_path / "private").glob(f"*{older.id}.key"))
    away = hidden.rename(tmp_path / "away")
    with pytest.raises(CommandError, match="Restore it"):
        call_command("alert_channels", "rotate", "--copied")
    away.rename(hidden)
    with acting_as("alerts"):
        call_command("alert_channels", "rotate", "--copied")
    assert f"sealed to key {newer.id}" in capsys.readouterr().out
    assert [(key.id, key.seal_count) for key in channel_addresses.list_keys()] == [(newer.id, 2)]
    assert channel_addresses.open_address(AlertChannel.objects.get(pk=channel.pk)) == receiver.webhook
