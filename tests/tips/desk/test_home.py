"""The first page of the desk: today's work of an officer and of a supervisor, without a word of what sources wrote."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.db import connection
from django.utils import timezone

from core.models import Account
from core.staff import groups
from tests.tips.desk import officers
from tips.desk import outbox
from tips.desk.acts import snoozes
from tips.desk.workload import own_work
from tips.models import AlertChannel, Category, Disposition, PendingAct, Priority, Tip

pytestmark = pytest.mark.django_db


@pytest.fixture
def okafor() -> Account:
    return officers.create_officer("okafor", first_name="Ben", last_name="Okafor")


def load(account: Account) -> str:
    return officers.sign_in(account).get("/admin/").content.decode()


def own(officer: Account, description: str = "Two men load boxes", **columns: object) -> Tip:
    tip = officers.send_opened_tip(officer, description=description)
    Tip.objects.filter(pk=tip.pk).update(assigned_to=officer, **columns)
    return Tip.objects.get(pk=tip.pk)


def test_an_officer_reads_what_is_due_today_and_nothing_of_it(okafor: Account) -> None:
    written, waking, later = own(okafor, "A white van"), own(okafor), own(okafor)
    officers.write_as_source(written, "The plate is 7ABC", b"1")
    now = timezone.localtime()
    midnight = dt.datetime.combine(now.date() + dt.timedelta(days=1), dt.time(), now.tzinfo)
    snoozes.snooze(waking, okafor, midnight - dt.timedelta(seconds=1), "", b"2" * 16)
    snoozes.snooze(later, okafor, midnight + dt.timedelta(hours=1), "", b"3" * 16)
    AlertChannel.objects.create(officer=okafor, kind="email", works=False, problem="The server refused it.")
    page = load(okafor)
    for_you = page[page.index('id="for-you"') : page.index('id="your-duty"')]
    shown = re.findall(r">Tip (\d+)<", for_you)
    assert shown == [str(written.number), str(waking.number)]
    for secret in ("white van", "7ABC"):
        assert secret not in page
    duty = page[page.index('id="your-duty"') :]
    assert "You have 3 open tips." in duty
    assert "Alerts to you by email don't arrive" in duty
    assert "The server refused it." in duty


def test_an_empty_desk_says_what_will_appear(okafor: Account) -> None:
    page = load(okafor)
    assert "Nothing right now." in page
    assert "You have no open tip to hand over." in page


def test_postgresql_starts_no_process_and_no_compiler_for_a_page() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('max_parallel_workers_per_gather'), current_setting('jit')")
        assert cursor.fetchone() == ("0", "off")


def test_late_counts_the_officers_own_tips(okafor: Account) -> None:
    own(okafor, received_at=timezone.now() - dt.timedelta(days=3))
    nobodys = officers.send_tip()
    Tip.objects.filter(pk=nobodys.pk).update(received_at=timezone.now() - dt.timedelta(days=3))
    figures = {figure.query: figure.count for figure in own_work.list_figures(okafor)}
    assert figures["who=me&time=late"] == 1


def test_sensitive_tips_stand_apart_and_in_no_list(okafor: Account) -> None:
    category = Category.objects.get(slug="home-abuse")
    category.readers.add(okafor)
    tip = own(okafor)
    officers.write_as_source(tip, "More", b"1")
    Tip.objects.filter(pk=tip.pk).update(category=category, priority=Priority.URGENT)
    page = load(okafor)
    assert f"Tip {tip.number}" not in page
    figures = {figure.query: figure.count for figure in own_work.list_figures(okafor)}
    assert {query for query, count in figures.items() if count} == {"view=sensitive", "view=sensitive&news=yes"}
    stranger = load(officers.create_officer("nand"))
    assert "view=sensitive" not in stranger


def test_a_supervisor_reads_what_needs_a_decision(okafor: Account) -> None:
    supervisor = officers.create_officer("rivera", groups.SUPERVISOR)
    tip = own(okafor, priority=Priority.URGENT)
    ending = {
        "disposition": Disposition.UNFOUNDED.value,
        "reason": "Nothing there",
        "second_person": supervisor.pk,
    }
    outbox.hold_back(tip, okafor, PendingAct.Kind.CLOSE, ending, b"4" * 16)
    page = load(supervisor)
    for_you = page[page.index('id="for-you"') : page.index('id="your-duty"')]
    assert f">Tip {tip.number}<" in for_you
    assert "Second person" in for_you
    assert "/admin/tips/tip/workload/" in page
    assert "tip/workload" not in load(okafor)


def test_the_page_takes_as_many_queries_for_many_tips(okafor: Account, django_assert_max_num_queries: object) -> None:
    client = officers.sign_in(okafor)
    with django_assert_max_num_queries(80) as few:  # type: ignore[operator]
        client.get("/admin/")
    for _number in range(4):
        own(okafor)
    with django_assert_max_num_queries(len(few)):  # type: ignore[operator]
        client.get("/admin/")
