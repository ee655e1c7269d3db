"""Alerts on the channels of officers and units: which addresses are allowed, and once each, without content, in beats."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from core import queue
from core.channel_services import ChannelAddressError
from core.models import Account, AuditEntry
from core.staff import groups
from core.web.shared_rows import SharedRows
from tests.outreach.channels.receivers import TOKEN, Receiver, receiving
from tests.stack import Mails
from tests.tips.desk import officers
from tests.tips.officer_alerts.alert_channels import add_channel
from tips import officer_alerts
from tips.models import Alert, AlertChannel, Category, Duty, Notification, Tip, Unit
from tips.officer_alerts import channel_tests, channels, notification_outbox
from tips.officer_alerts.message_budget import MessageBudget

State = Notification.NotificationState
CHICAGO = ZoneInfo("America/Chicago")
SERVER = "ntfy.riverton.example"


@pytest.fixture(autouse=True)
def _opens_channels(opens_channels: None) -> None:
    """Send as the alerts worker does."""


@pytest.fixture(autouse=True)
def budget(monkeypatch: pytest.MonkeyPatch) -> MessageBudget:
    budget = MessageBudget()
    monkeypatch.setattr(notification_outbox, "budget", budget)
    return budget


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    with receiving() as receiver:
        settings.ALERT_CHANNELS = [f"json://127.0.0.1:{receiver.port}"]
        yield receiver


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.set_duty(officers.create_officer("okafor"))


def send_tip_alerts(**report: Any) -> Tip:
    tip = officers.send_tip(**report)
    officer_alerts.sweep_alerts()
    return tip


# Addresses


@pytest.mark.parametrize(
    "address",
    [
        f"ntfys://{SERVER}/topic",
        f"ntfys://tk_{TOKEN}@{SERVER}/topic",
        f"jsons://hooks.riverton.example:8443/{TOKEN}",
        f"matrixs://{TOKEN}@matrix.riverton.example/!room:riverton.example",
        "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ",
        "workflows://prod-1.westus.logic.azure.example:443/643e69f83c8944/iXNm90H3",
    ],
)
def test_addresses_on_the_agencys_list_are_allowed(settings: Any, address: str) -> None:
    settings.ALERT_CHANNELS = [
        f"ntfys://{SERVER}", "jsons://hooks.riverton.example:8443", "matrixs://matrix.riverton.example", "slack",
        "workflows://prod-1.westus.logic.azure.example:443", "workflows://prod-1.westus.logic.azure.example",
    ]  # fmt: skip
    kind, host = channels.detect_kind(address)
    assert kind in channels.KINDS
    assert host
    assert TOKEN not in host


@pytest.mark.parametrize(
    "address",
    [
        "json://127.0.0.1/x",
        "json://localhost:6379/x",
        "jsons://169.254.169.254/latest/meta-data",
        f"json://{SERVER}/x",  # another scheme
        f"ntfy://{SERVER}/topic",  # not encrypted
        f"ntfys://{SERVER}:8443/topic",  # another port
        f"ntfys://{SERVER}",  # apprise takes this for a topic on ntfy.sh
        f"ntfys://{SERVER}/topic?mode=cloud",
        f"ntfys://{SERVER}/topic?verify=no",
        f"ntfys://{SERVER}/one/two",
        f"ntfys://{SERVER}@evil.example/topic",
        f"ntfys://{SERVER}%2F@evil.example/topic",
        f"ntfys://evil.example\\@{SERVER}.evil.example/topic",
        f"ntfys://{SERVER}.evil.example/topic",
        f"ntfys://{SERVER}#@evil.example/topic",
        "mailto://user:pass@example.org",
        "syslog://",
        "exec://rm",
        "",
    ],
)
def test_no_other_address_is_a_way_into_the_network(settings: Any, address: str) -> None:
    settings.ALERT_CHANNELS = [f"ntfys://{SERVER}"]
    with pytest.raises(ChannelAddressError) as refused:
        channels.detect_kind(address)
    assert TOKEN not in str(refused.value)


def test_a_matrix_address_names_its_room(settings: Any) -> None:
    settings.ALERT_CHANNELS = ["matrixs://matrix.riverton.example"]
    for address in ("matrixs://desk:word@matrix.riverton.example", "matrixs://desk:word@matrix.riverton.example/"):
        with pytest.raises(ChannelAddressError, match="Name the room"):
            channels.detect_kind(address)


def test_without_the_list_nothing_is_allowed(settings: Any) -> None:
    settings.ALERT_CHANNELS = []
    with pytest.raises(ChannelAddressError):
        channels.detect_kind(f"ntfys://{SERVER}/topic")


def test_an_address_that_left_the_list_is_used_no_more(okafor: Account, receiver: Receiver, settings: Any) -> None:
    channel = add_channel(receiver.webhook, officer=okafor)
    settings.ALERT_CHANNELS = []
    send_tip_alerts()
    assert receiver.requests == []
    channel.refresh_from_db()
    assert channel.works is False
    assert Notification.objects.filter(channel=None, state=State.SENT).count() == 1


# What is sent


def test_a_message_says_only_that_a_tip_waits_and_once(okafor: Account, receiver: Receiver, mails: Mails) -> None:
    add_channel(receiver.webhook, officer=okafor)
    tip = send_tip_alerts(description="pelican: a gun", place="Mill Street")
    officer_alerts.sweep_alerts()
    officer_alerts.spread_alert(str(Alert.objects.get().pk))
    assert receiver.posts == ["A tip is waiting. Sign in to read it."]
    assert len(mails.received) == 1
    sent = str(receiver.requests).lower()
    for secret in ("pelican", "mill", str(tip.pk), str(tip.number), tip.category.name.lower()):
        assert secret not in sent
    send_tip_alerts(danger="yes")
    assert receiver.posts[1:] == ["Urgent: a tip is waiting. Sign in to read it."]


def test_many_tips_at_once_are_one_message(okafor: Account, receiver: Receiver, mails: Mails) -> None:
    add_channel(receiver.webhook, officer=okafor)
    for _ in range(20):
        officers.send_tip()
    officer_alerts.sweep_alerts()
    assert receiver.posts == ["20 more tips are waiting. Sign in to read them."]
    assert len(mails.received) == 1
    assert not Notification.objects.filter(state=State.WAITING).exists()


def test_a_channel_that_fails_holds_no_mail_back_and_is_tried_again(
    okafor: Account, receiver: Receiver, mails: Mails
) -> None:
    add_channel(receiver.webhook, officer=okafor)
    receiver.status = None  # it breaks off without an answer
    send_tip_alerts()
    assert len(mails.received) == 1
    assert Notification.objects.get(channel__isnull=False).state == State.WAITING
    assert [kind for _owner, kind in officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).broken] == [
        "Webhook (JSON)"
    ]
    receiver.status = 200
    officer_alerts.sweep_alerts()
    assert Notification.objects.get(channel__isnull=False).state == State.SENT
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk")))


def test_redirects_are_not_followed(okafor: Account, receiver: Receiver) -> None:
    add_channel(receiver.webhook, officer=okafor)
    receiver.status = 302
    send_tip_alerts()
    assert {request["path"] for request in receiver.requests} == {f"/{TOKEN}"}


def test_a_refusal_for_good_alerts_the_next_officer_if_mail_cannot(receiver: Receiver, mails: Mails, db: None) -> None:
    okafor = officers.set_duty(officers.create_officer("okafor", mail=""))
    officers.create_officer("lindqvist", groups.SUPERVISOR)
    add_channel(receiver.webhook, officer=okafor)
    receiver.status = 404
    send_tip_alerts()
    assert Notification.objects.get().state == State.FAILED
    officer_alerts.sweep_alerts()
    assert mails.recipients == [["lindqvist@example.org"]]


def test_a_cloud_gets_alerts_at_quarters_of_an_hour_and_urgent_ones_at_once(
    okafor: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(
        channels.KINDS, "webhook", channels.AlertChannelKind("A cloud", ("json", "jsons"), is_cloud=True)
    )
    add_channel(receiver.webhook, officer=okafor)
    start = dt.datetime(2026, 11, 30, 9, 7, 31, tzinfo=CHICAGO)
    monkeypatch.setattr(timezone, "now", lambda: start)
    for _ in range(5):
        send_tip_alerts()
    assert receiver.posts == []
    send_tip_alerts(danger="yes")
    assert receiver.posts == ["Urgent: a tip is waiting. Sign in to read it."]
    monkeypatch.setattr(timezone, "now", lambda: start.replace(minute=14, second=59))
    officer_alerts.sweep_alerts()
    assert len(receiver.posts) == 1
    monkeypatch.setattr(timezone, "now", lambda: start.replace(minute=15, second=0))
    officer_alerts.sweep_alerts()
    assert receiver.posts[1:] == ["A tip is waiting. Sign in to read it."]


def test_quiet_hours_hold_back_what_is_not_urgent(
    okafor: Account, receiver: Receiver, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_channel(receiver.webhook, officer=okafor)
    Duty.objects.update(on_duty=False, quiet_from=dt.time(22), quiet_until=dt.time(6))
    night = dt.datetime(2026, 11, 30, 23, 0, tzinfo=CHICAGO)
    monkeypatch.setattr(timezone, "now", lambda: night)
    send_tip_alerts()
    assert (receiver.posts, mails.received) == ([], [])
    assert officer_alerts.count_waiting(SharedRows(Tip.objects.values("pk")), include_recent=True).total == 0
    send_tip_alerts(danger="yes")
    assert (len(receiver.posts), len(mails.received)) == (1, 1)
    monkeypatch.setattr(timezone, "now", lambda: night + dt.timedelta(hours=7))
    officer_alerts.sweep_alerts()
    assert (len(receiver.posts), len(mails.received)) == (2, 2)


# Units, walls and sensitive categories


def test_a_units_channel_hears_of_its_tips_but_of_no_sensitive_one(okafor: Account, receiver: Receiver) -> None:
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(okafor)
    add_channel(receiver.webhook, unit=unit)
    category = Category.objects.get(slug="weapons")
    send_tip_alerts(category=Category.objects.get(slug="fraud"))
    assert receiver.posts == []
    Category.objects.filter(pk=category.pk).update(unit=unit)
    send_tip_alerts(category=category)
    assert len(receiver.posts) == 1
    Category.objects.filter(pk=category.pk).update(is_sensitive=True)
    category.readers.add(okafor)
    send_tip_alerts(category=category)
    assert len(receiver.posts) == 1


def test_a_tip_that_names_an_officer_reaches_none_of_their_channels(db: None, receiver: Receiver) -> None:
    named = officers.create_officer("quill", groups.SUPERVISOR, first_name="Edna", last_name="Quillfeather")
    officers.create_officer("lindqvist", groups.SUPERVISOR)
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(named)
    add_channel(receiver.webhook, officer=named)
    add_channel(receiver.webhook + "/unit", unit=unit)
    category = Category.objects.get(slug="weapons")
    Category.objects.filter(pk=category.pk).update(unit=unit)
    send_tip_alerts(description="Sergeant Edna Quillfeather takes money", category=category, danger="yes")
    assert Alert.objects.get().state == Alert.AlertState.WALLED
    assert receiver.posts == []
    assert Notification.objects.filter(officer=named, channel__isnull=False).get().state == State.SENT  # as if


# Self-tests


def test_all_are_tested_once_a_month_and_the_desk_shows_what_fails(
    okafor: Account, receiver: Receiver, mails: Mails, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_channel(receiver.webhook, officer=okafor)
    officers.create_officer("gone", is_active=False)
    channel_tests.send_due_tests()
    channel_tests.send_due_tests()
    assert receiver.posts == ["This is a test of your alerts about tips. You don't need to do anything."]
    assert [mail["Subject"] for mail in mails.received] == ["Test of your alerts"]
    assert set(AlertChannel.objects.values_list("works", "tested_on")) == {(True, timezone.localdate())}
    later = timezone.now() + channel_tests.PERIOD
    monkeypatch.setattr(timezone, "now", lambda: later)
    receiver.status = 403
    mails.refuse = "550 no such mailbox"
    channel_tests.send_due_tests()
    assert set(AlertChannel.objects.values_list("works", flat=True)) == {False}
    page = officers.sign_in(officers.create_officer("ito", groups.SUPERVISOR)).get("/admin/").content.decode()
    assert "Alerts to okafor by Webhook (JSON) don't arrive." in page
    assert TOKEN not in page


# The officer's page

MINE = "/admin/tips/alertchannel/mine/"


def test_an_officer_adds_tests_and_removes_a_channel(
    okafor: Account, receiver: Receiver, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setattr(queue, "send", lambda *task: sent.append(task))
    client = officers.sign_in(okafor)
    with django_capture_on_commit_callbacks(execute=True):
        page = client.post(MINE, {"add": "1", "address": receiver.webhook}, follow=True).content.decode()
    channel = AlertChannel.objects.get()
    assert sent == [("tips.alerts.send_test", str(channel.pk))]
    channel_tests.send_test(str(channel.pk))
    assert "127.0.0.1" in page
    assert TOKEN not in page
    assert "It works." in client.get(MINE).content.decode()
    assert TOKEN not in str(list(AuditEntry.objects.values()))
    ito = officers.create_officer("ito")
    assert "Webhook" not in officers.sign_in(ito).get(MINE).content.decode()
    officers.sign_in(ito).post(MINE, {"remove": str(channel.pk)})
    assert AlertChannel.objects.exists()
    client.post(MINE, {"remove": str(channel.pk)})
    assert not AlertChannel.objects.exists()
    acts = [action for _who, action, _subject, _detail in officers.read_audit_trail()]
    assert acts == ["added alert channel", "removed alert channel"]
    page = client.post(MINE, {"add": "1", "address": "json://10.0.0.1/x"}).content.decode()
    assert "Your agency doesn" in page
    assert not AlertChannel.objects.exists()


def test_removing_a_channel_loses_no_alert_that_waits_for_it(receiver: Receiver, mails: Mails, db: None) -> None:
    okafor = officers.set_duty(officers.create_officer("okafor", mail=""))
    officers.create_officer("lindqvist", groups.SUPERVISOR)
    channel = add_channel(receiver.webhook, officer=okafor)
    receiver.status = None
    send_tip_alerts()
    officers.sign_in(okafor).post(MINE, {"remove": str(channel.pk)})
    officer_alerts.sweep_alerts()
    assert mails.recipients == [["lindqvist@example.org"]]


def test_only_who_keeps_a_unit_and_belongs_to_it_sets_its_channels(okafor: Account, receiver: Receiver) -> None:
    unit = Unit.objects.create(name="Narcotics")
    lindqvist = officers.create_officer("lindqvist", groups.SUPERVISOR)
    unit.members.add(okafor)
    data = {"add": "1", "address": receiver.webhook, "owner": str(unit.pk)}
    for account in (okafor, lindqvist):
        officers.sign_in(account).post(MINE, data)
        assert not AlertChannel.objects.exists()
    unit.members.add(lindqvist)
    officers.sign_in(lindqvist).post(MINE, data)
    assert AlertChannel.objects.get().unit == unit
    assert "for everyone in Narcotics" in officers.sign_in(okafor).get(MINE).content.decode()
