"""The day on which a source read an answer: no finer time is stored, and officers see nothing before that day is over."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import ProgrammingError, connection
from django.test import Client
from django.utils import timezone

from core import ephemeral_store
from core.demo_clock import freeze_clock
from tests.tipportal.database.test_grants import acting_as
from tests.tips.desk import officers
from tests.tips.source.pages import receipt_of, send_tip, words_of
from tips import conversation
from tips.admin.times import describe_reading
from tips.models import Message, Tip
from tips.source import reading_days

pytestmark = pytest.mark.django_db(transaction=True)
DOOR, TALK = "/tips/inbox/", "/tips/inbox/conversation/"


@pytest.fixture(autouse=True)
def fresh() -> None:
    for name in ephemeral_store.list_names(reading_days._PREFIX):
        ephemeral_store.forget(name)


@pytest.fixture
def receipt(client: Client) -> str:
    receipt = receipt_of(send_tip(client))
    officers.screening_thread.run_round(rechecks=False)
    officer = officers.create_officer()
    officers.triage.open_tip(Tip.objects.get().pk, officer)
    conversation.add_from_officer(Tip.objects.get(), officer, "Which nights?", b"1")
    return receipt


def transactions() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ctid::text || xmin::text FROM tips_message UNION SELECT ctid::text || xmin::text FROM tips_tip"
        )
        return sorted(row[0] for row in cursor.fetchall())


def read_as_source(client: Client, receipt: str) -> None:
    client.post(DOOR, {"receipt": receipt})
    assert "Which nights?" in words_of(client.get(TALK))


def test_reading_writes_no_row_of_the_database(client: Client, receipt: str) -> None:
    read_as_source(client, receipt)  # the first one marks the receipt as seen
    before = transactions()
    read_as_source(client, receipt)
    assert transactions() == before
    assert Message.objects.get().source_read_on is None


def test_the_day_is_stored_once_it_is_over(client: Client, receipt: str) -> None:
    read_as_source(client, receipt)
    assert reading_days.store_past_days() == 0
    assert Message.objects.get().source_read_on is None
    today = timezone.localdate()
    with freeze_clock(timezone.now() + dt.timedelta(days=1)), acting_as("bulk"):
        assert reading_days.store_past_days() == 1
    assert Message.objects.get().source_read_on == today
    assert not ephemeral_store.list_names(reading_days._PREFIX)


def test_the_first_day_stays_and_later_answers_have_their_own(client: Client, receipt: str) -> None:
    read_as_source(client, receipt)
    now, today = timezone.now(), timezone.localdate()
    with freeze_clock(now + dt.timedelta(days=1)):
        reading_days.store_past_days()
        officer = officers.Account.objects.get(username="okafor")
        conversation.add_from_officer(Tip.objects.get(), officer, "And at what time?", b"2")
        read_as_source(client, receipt)
    with freeze_clock(now + dt.timedelta(days=2)):
        assert reading_days.store_past_days() == 1
    days = Message.objects.order_by("position").values_list("source_read_on", flat=True)
    assert list(days) == [today, today + dt.timedelta(days=1)]


def test_an_answer_after_the_visit_counts_as_unread(client: Client, receipt: str) -> None:
    read_as_source(client, receipt)
    officer = officers.Account.objects.get(username="okafor")
    conversation.add_from_officer(Tip.objects.get(), officer, "And at what time?", b"2")
    with freeze_clock(timezone.now() + dt.timedelta(days=1)):
        assert reading_days.store_past_days() == 1
    assert Message.objects.get(position=2).source_read_on is None


def test_the_inbox_opens_while_the_store_cannot_note_it(
    client: Client, receipt: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ephemeral_store.StoreDownError

    monkeypatch.setattr(ephemeral_store, "put_field", fail)
    read_as_source(client, receipt)


@pytest.mark.parametrize("user", ["public", "alerts", "media", "staff"])
def test_only_the_bulk_worker_stores_days(user: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting_as(user), connection.cursor() as cursor:
        cursor.execute("SELECT answers_read_store(current_date, ARRAY[]::uuid[], ARRAY[]::integer[])")


def test_the_desk_says_the_day_and_how_long_an_answer_is_unread() -> None:
    now = dt.datetime(2026, 11, 18, 12, tzinfo=timezone.get_default_timezone())  # a Wednesday
    with freeze_clock(now):

        def describe(days_ago: int, read_days_ago: int | None) -> str:
            read_on = None if read_days_ago is None else timezone.localdate() - dt.timedelta(days=read_days_ago)
            written_at = now - dt.timedelta(days=days_ago)
            return describe_reading(conversation.ConversationEntry("staff", "", written_at, source_read_on=read_on))

        assert describe(3, 1) == "The source read this on Tuesday"
        assert describe(30, 7) == "The source read this on Nov. 11, 2026"
        assert describe(6, None) == ""
        assert describe(12, None) == "The source hasn't read this in 12 days"
        assert describe_reading(conversation.ConversationEntry("source", "", now - dt.timedelta(days=12))) == ""
