"""The database wakes the thread that keeps the desk live at each change of what the desk shows, and at no other."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from django.db import connection

from core.database_listener import Listener
from tests.tips.desk import officers
from tips.desk import triage
from tips.desk.live import live_thread
from tips.models import Tip

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener([live_thread.TOPIC])
    assert listener.wait(10) == {live_thread.TOPIC}  # what came before it listened is unknown
    yield listener
    listener.close()


def test_each_change_that_the_desk_shows_wakes_the_thread(listener: Listener) -> None:
    okafor = officers.create_officer()
    tip = officers.send_tip()
    changes: list[Callable[[], object]] = [
        lambda: triage.open_tip(tip.pk, okafor),
        lambda: triage.assign(tip, okafor, okafor),
        lambda: triage.note(tip, okafor, "Seen", b"1" * 16),
        lambda: triage.answer(tip, okafor, "Where?", b"2" * 16, ask=True),
        lambda: officers.write_as_source(tip, "There", b"3" * 16),
        lambda: officers.set_duty(okafor),
    ]
    for change in changes:
        while listener.wait(0.2):
            pass
        change()
        began = time.monotonic()
        assert listener.wait(60) == {live_thread.TOPIC}
        assert time.monotonic() - began < 30


def test_what_the_desk_does_not_show_wakes_nobody(listener: Listener) -> None:
    tip = officers.send_tip()
    while listener.wait(0.5):
        pass
    Tip.objects.filter(pk=tip.pk).update(receipt_seen=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT source_rows_rewrite()")
    assert listener.wait(0.5) == set()
