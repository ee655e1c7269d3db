"""The watch over an account's desk: it moves with each change that the account may see, and with no other."""

from __future__ import annotations

import time
from collections.abc import Callable
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.models import Account
from core.staff import groups
from tests.tips.desk.officers import create_officer, send_opened_tip, send_tip, set_duty, write_as_source
from tips.desk import triage
from tips.desk.live import fingerprints
from tips.desk.live.desk_watch import DeskView, DeskWatch, PresentOfficer
from tips.desk.live.sightings import Doing, Sighting
from tips.models import Category, Disposition, Tip, Unit

pytestmark = pytest.mark.django_db


@pytest.fixture
def okafor() -> Account:
    return create_officer("okafor", first_name="Ana", last_name="Okafor")


@pytest.fixture
def watch() -> DeskWatch:
    return DeskWatch()


def see(
    watch: DeskWatch, who: Account, tip: Tip | None, doing: Doing = Doing.READING, tab: bytes = b"12345678"
) -> None:
    watch.sightings.note(Sighting(who.pk, tab, tip.pk if tip else None, doing, time.time()))


def look_again(watch: DeskWatch) -> None:
    watch.exchange()
    watch.look_again(at_tips=True)


def places(view: DeskView) -> list[tuple[int, UUID | None, Doing]]:
    return [(one.account_id, one.tip_id, one.doing) for one in view.present]


def test_each_change_of_a_visible_tip_moves_the_view(okafor: Account) -> None:
    seen = [fingerprints.hash_visible_tips(okafor)]

    def moves(act: Callable[[], object]) -> None:
        act()
        seen.append(fingerprints.hash_visible_tips(okafor))
        assert len(set(seen)) == len(seen), f"not by {act}"

    tip = send_tip()
    moves(lambda: send_tip("Another one"))
    moves(lambda: triage.open_tip(tip.pk, okafor))
    moves(lambda: triage.assign(tip, okafor, okafor))
    moves(lambda: write_as_source(tip, "One more thing", b"1" * 16))
    moves(lambda: triage.note(tip, okafor, "Seen", b"2" * 16))
    moves(lambda: triage.answer(tip, okafor, "Where?", b"3" * 16, ask=True))
    moves(lambda: triage.close(tip, okafor, Disposition.values[0]))  # type: ignore[arg-type]


def test_what_an_officer_may_not_see_moves_nothing_of_theirs(okafor: Account) -> None:
    other = create_officer("tran")
    unit = Unit.objects.create(name="Narcotics")
    unit.members.set([other])
    foreign_category, sensitive = Category.objects.all()[:2]
    foreign_category.unit = unit
    foreign_category.save()
    sensitive.is_sensitive = True
    sensitive.save()
    sensitive.readers.set([other])
    visible = send_tip(category=Category.objects.all()[2])
    before = fingerprints.hash_visible_tips(okafor), fingerprints.hash_visible_tips(other)
    foreign, walled = (
        send_tip(category=foreign_category),
        send_tip("Okafor sells what he finds", category=visible.category),
    )
    secret = send_tip(category=sensitive)
    triage.open_tip(foreign.pk, other)
    triage.assign(foreign, other, other)
    write_as_source(walled, "Officer Okafor again", b"1" * 16)
    write_as_source(secret, "One more thing", b"2" * 16)
    assert fingerprints.hash_visible_tips(okafor) == before[0]
    assert fingerprints.hash_visible_tips(other) != before[1]


def test_a_poll_asks_the_database_nothing(okafor: Account, watch: DeskWatch) -> None:
    send_tip()
    watch.view(okafor)
    with CaptureQueriesContext(connection) as asked:
        watch.view(okafor)
    assert len(asked) == 0


def test_the_thread_sees_what_has_changed_for_accounts_that_ask(okafor: Account, watch: DeskWatch) -> None:
    before = watch.view(okafor)
    send_tip()
    assert watch.view(okafor) == before
    look_again(watch)
    assert watch.view(okafor).tips != before.tips


def test_a_look_costs_the_same_queries_for_many_tips(okafor: Account, watch: DeskWatch) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as asked:
            watch.look(okafor)
        return len(asked)

    send_tip()
    watch.look(okafor)  # which reads the account's permissions
    few = count()
    for _number in range(5):
        send_opened_tip(okafor)
    assert count() == few


def test_an_account_that_asks_no_longer_is_forgotten(
    okafor: Account, watch: DeskWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch.view(okafor)
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)
    with CaptureQueriesContext(connection) as asked:
        look_again(watch)
    assert len(asked) == 0
    assert watch.remembered(okafor) is None


def test_a_view_that_the_thread_has_left_alone_is_looked_at_again(
    okafor: Account, watch: DeskWatch, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = watch.view(okafor)
    send_tip()
    later = time.monotonic() + 31
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert watch.view(okafor).tips != before.tips


def test_officers_at_a_visible_tip_are_named_with_what_they_do(okafor: Account, watch: DeskWatch) -> None:
    tran, tip = create_officer("tran"), send_tip()
    see(watch, tran, tip)
    see(watch, tran, tip, Doing.WRITING, b"another.")
    assert places(watch.look(okafor)) == [(tran.pk, tip.pk, Doing.WRITING)]
    assert watch.look(okafor).present[0].number == tip.number


def test_an_officer_at_a_hidden_tip_looks_like_one_at_the_queue(okafor: Account, watch: DeskWatch) -> None:
    supervisor = create_officer("reyes", groups.SUPERVISOR)
    walled = send_tip("Okafor takes money")
    see(watch, supervisor, None)
    at_queue = watch.look(okafor)
    see(watch, supervisor, walled, Doing.WRITING)
    assert watch.look(okafor) == at_queue
    assert at_queue.present == (PresentOfficer(supervisor.pk, None, None, Doing.READING),)
    colleague = create_officer("moss", groups.SUPERVISOR)
    assert places(watch.look(colleague)) == [(supervisor.pk, walled.pk, Doing.WRITING)]


def test_nobody_learns_that_oversight_is_there_but_at_a_tip_that_both_see(okafor: Account, watch: DeskWatch) -> None:
    overseer = create_officer("ito", groups.OVERSIGHT)
    before = watch.look(okafor)
    see(watch, overseer, None)
    see(watch, overseer, send_tip("Okafor takes money"), tab=b"another.")
    after = watch.look(okafor)
    assert (after.present, after.on_duty) == (before.present, before.on_duty)


def test_a_view_names_who_is_on_duty(okafor: Account, watch: DeskWatch) -> None:
    assert watch.look(okafor).on_duty == ()
    set_duty(okafor)
    assert watch.look(okafor).on_duty == (okafor.pk,)
