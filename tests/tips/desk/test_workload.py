"""The supervisors' board counts the tips that its links show, moves tips unopened, and draws closings for a second look."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from core.demo_clock import freeze_clock
from core.models import Account
from core.staff import groups
from tests.stack import Mails
from tests.tipportal.database.test_grants import acting_as
from tests.tips.desk.officers import (
    create_officer,
    let_acts_go_out,
    read_audit_trail,
    send_opened_tip,
    send_tip,
    set_duty,
    sign_in,
    write_as_source,
)
from tips import officer_alerts
from tips.conversation import TipGoneError
from tips.desk import outbox, triage, workload
from tips.models import (
    Alert,
    Category,
    DayOff,
    Disposition,
    DrawnWeek,
    Message,
    PendingAct,
    Priority,
    SecondLook,
    Shift,
    State,
    Tip,
    Unit,
)
from tips.walls import screening_thread

pytestmark = pytest.mark.django_db
BOARD, FORM = "/admin/tips/tip/workload/", bytes(range(16))


@pytest.fixture
def supervisor() -> Account:
    return create_officer("rivera", groups.SUPERVISOR, first_name="Dana", last_name="Rivera")


@pytest.fixture
def officer() -> Account:
    return create_officer("okafor", first_name="Ben", last_name="Okafor")


def give(tip: Tip, officer: Account, **columns: Any) -> Tip:
    Tip.objects.filter(pk=tip.pk).update(assigned_to=officer, **columns)
    return Tip.objects.get(pk=tip.pk)


def test_every_number_opens_a_list_of_as_many_tips(supervisor: Account, officer: Account) -> None:
    give(send_opened_tip(officer), officer, received_at=timezone.now() - dt.timedelta(days=3))
    give(send_opened_tip(officer), officer, priority=Priority.URGENT)
    give(send_opened_tip(officer), officer, state=State.WAITING)
    send_tip()
    left = create_officer("gone")
    give(send_opened_tip(officer), left)
    Account.objects.filter(pk=left.pk).update(is_active=False)
    client = sign_in(supervisor)
    page = client.get(BOARD).content.decode()
    links = re.findall(r'<a href="(/admin/tips/tip/(?:\?[^"]*)?)">(\d+)</a>', page.partition("<main")[2])
    assert len(links) >= 6 + 4
    for address, number in links:
        queue = client.get(address.replace("&amp;", "&")).context_data["queue"]
        assert queue.count == int(number), address


def test_the_board_says_who_has_what_by_name(supervisor: Account, officer: Account) -> None:
    late = give(send_opened_tip(officer), officer, received_at=timezone.now() - dt.timedelta(days=3))
    give(send_opened_tip(officer), officer)
    board = workload.load_board(supervisor)
    assert [load.name for load in board.loads] == ["Ben Okafor", "Dana Rivera", "Nobody"]
    load = board.loads[0]
    assert load.words == "1 late, 1 in time"
    assert load.oldest is not None
    assert load.oldest[:2] == (late.pk, late.number)
    assert [part for part, _x, _width in load.bar] == ["l0", "l2"]


def test_a_new_tip_is_not_late_before_its_hour_of_arrival_is_over(supervisor: Account) -> None:
    send_tip(danger="yes")
    assert workload.load_board(supervisor).late == 0
    Tip.objects.update(received_at=timezone.now() - dt.timedelta(minutes=76))
    assert workload.load_board(supervisor).late == 1


def test_sensitive_and_walled_tips_are_in_no_number(supervisor: Account, officer: Account) -> None:
    category = Category.objects.get(slug="home-abuse")
    category.readers.add(supervisor, officer)
    send_tip(category=category)
    send_tip("Officer Okafor took the money. Ben Okafor.")
    screening_thread.run_round(rechecks=True)
    board = workload.load_board(supervisor)
    assert (board.open, board.urgent, board.nobodys) == (0, 0, 0)


def test_moving_opens_no_tip_and_says_who_moved_it(supervisor: Account, officer: Account) -> None:
    unopened, opened = give(send_tip(), officer), give(send_opened_tip(officer), officer)
    closed = give(send_opened_tip(officer), officer)
    triage.close(closed, officer, Disposition.UNFOUNDED)
    receiver = create_officer("nand")
    before = len(read_audit_trail())
    done = workload.move_tips(supervisor, officer, receiver, FORM)
    assert (done.moved, done.kept) == (2, [])
    assert {tip.assigned_to_id for tip in Tip.objects.filter(pk__in=[unopened.pk, opened.pk])} == {receiver.pk}
    assert Tip.objects.get(pk=closed.pk).assigned_to == officer
    assert Tip.objects.get(pk=unopened.pk).state == State.NEW
    new = read_audit_trail()[before:]
    assert {(actor, action) for actor, action, _subject, _detail in new} == {
        ("rivera", "assigned"),
        ("rivera", "moved tips"),
    }
    assert new[-1] == ("rivera", "moved tips", "account okafor", "2 to nand, none opened")


def test_a_tip_stays_whose_receiver_may_not_see_it(supervisor: Account, officer: Account) -> None:
    tip = give(send_tip(), officer)
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(officer, supervisor)
    Tip.objects.filter(pk=tip.pk).update(unit=unit)
    done = workload.move_tips(supervisor, officer, create_officer("nand"), FORM)
    assert (done.moved, done.kept) == (0, [tip.number])
    assert Tip.objects.get(pk=tip.pk).assigned_to == officer


def test_the_page_moves_the_tips_of_an_officer_who_is_away(supervisor: Account, officer: Account) -> None:
    give(send_tip(), officer)
    create_officer("nand", first_name="Priya", last_name="Nand")
    today = timezone.localdate()
    DayOff.objects.create(officer=officer, first_day=today, last_day=today)
    Shift.objects.create(officer=officer, weekday=today.weekday(), starts_at=dt.time(0), ends_at=dt.time(23, 59))
    client = sign_in(supervisor)
    page = client.get(BOARD).content.decode()
    assert "Ben Okafor (away until" in page
    address = f"{BOARD}move/{officer.pk}/"
    form = client.get(address).context_data["form"]
    (to,) = [value for value, label in form.fields["to"].choices if label.startswith("Priya Nand")]
    answer = client.post(address, {"to": to, "form_id": form.initial["form_id"]}, follow=True)
    assert "1 tip was moved to Priya Nand." in answer.content.decode()
    again = client.post(address, {"to": to, "form_id": form.initial["form_id"]}, follow=True).content.decode()
    assert "There was no open tip to move." in again


@pytest.mark.parametrize("path", ["", "move/nobody/", "looks/"])
def test_officers_and_administrators_see_no_board(path: str, officer: Account) -> None:
    assert sign_in(officer).get(BOARD + path).status_code == 403
    assert sign_in(create_officer("admin", groups.ADMINISTRATOR)).get(BOARD + path).status_code == 403
    with pytest.raises(PermissionDenied):
        workload.move_tips(officer, officer, None, FORM)


def close_last_week(officer: Account, count: int) -> list[Tip]:
    tips = []
    for _index in range(count):
        tip = send_opened_tip(officer)
        triage.close(tip, officer, Disposition.UNFOUNDED)
        tips.append(tip)
    today = timezone.localdate()
    Tip.objects.filter(pk__in=[tip.pk for tip in tips]).update(
        closed_at=timezone.now() - dt.timedelta(days=today.weekday() + 3)
    )
    return tips


def test_one_in_twenty_closings_is_drawn_once(supervisor: Account, officer: Account) -> None:
    close_last_week(officer, 21)
    week = workload.draw_last_week()
    drawn = set(SecondLook.objects.values_list("tip", flat=True))
    assert (week.closings, len(drawn)) == (21, 2)
    workload.draw_last_week()
    assert set(SecondLook.objects.values_list("tip", flat=True)) == drawn
    assert {look.tip_id for look in workload.list_looks(supervisor)} == drawn


def test_neither_this_weeks_nor_sensitive_closings_are_drawn(officer: Account) -> None:
    category = Category.objects.get(slug="home-abuse")
    category.readers.add(officer)
    (tip,) = close_last_week(officer, 1)
    Tip.objects.filter(pk=tip.pk).update(category=category)
    triage.close(send_opened_tip(officer), officer, Disposition.UNFOUNDED)
    assert workload.draw_last_week().closings == 0
    assert not SecondLook.objects.exists()


def test_nobody_looks_again_at_a_tip_they_closed_themselves(supervisor: Account, officer: Account) -> None:
    tip = send_opened_tip(supervisor)
    outbox.hold_back(tip, supervisor, PendingAct.Kind.CLOSE, {"disposition": Disposition.USEFUL.value}, FORM)
    let_acts_go_out()
    Tip.objects.update(closed_at=timezone.now() - dt.timedelta(days=timezone.localdate().weekday() + 3))
    workload.draw_last_week()
    other = create_officer("lindholm", groups.SUPERVISOR)
    assert not workload.list_looks(supervisor)
    assert [look.tip_id for look in workload.list_looks(other)] == [tip.pk]


def test_a_verdict_is_given_once_and_recorded(supervisor: Account, officer: Account) -> None:
    (tip,) = close_last_week(officer, 1)
    workload.draw_last_week()
    client = sign_in(supervisor)
    assert f"Tip {tip.number}" in client.get(f"{BOARD}looks/").content.decode()
    look = SecondLook.objects.get()
    post = {"look": str(look.pk), "verdict": "wrong"}
    answer = client.post(f"{BOARD}looks/", post, follow=True).content.decode()
    assert f"Recorded: tip {tip.number} was closed too early." in answer
    assert "No closing waits for your look." in answer
    assert ("rivera", "looked again at", f"tip {tip.number}", "wrong") in read_audit_trail()
    assert "Nothing was saved" in client.post(f"{BOARD}looks/", post, follow=True).content.decode()
    with pytest.raises(TipGoneError):
        workload.give_verdict(look.pk, supervisor, SecondLook.Verdict.RIGHT)


def test_an_erased_tip_takes_its_second_look_along(officer: Account) -> None:
    (tip,) = close_last_week(officer, 1)
    workload.draw_last_week()
    with connection.cursor() as cursor:
        cursor.execute("SELECT tip_erase(%s)", [tip.pk])
    assert not SecondLook.objects.exists()
    assert DrawnWeek.objects.exists()


def test_holds_wait_for_a_decision_first_those_that_alone_keep_a_tip(supervisor: Account, officer: Account) -> None:
    held, deleted, hidden = (send_opened_tip(officer) for _number in range(3))
    bias = Category.objects.create(slug="bias", name="Bias", is_sensitive=True)
    bias.readers.add(supervisor)
    Tip.objects.update(legal_hold=True)
    Tip.objects.filter(pk=hidden.pk).update(category=bias)
    Tip.objects.filter(pk=deleted.pk).update(key_for_source=None, token_hash=None)
    page = sign_in(supervisor).get(BOARD).content.decode()
    decisions = page[page.index("Needs your decision") :]
    assert decisions.index(f"Tip {deleted.number}") < decisions.index(f"Tip {held.number}")
    assert "Only the legal hold keeps it" in decisions.partition(f"Tip {held.number}")[0]
    assert f"Tip {hidden.number}" not in page
    triage.release(Tip.objects.get(pk=held.pk), supervisor, "The case is closed")
    assert f"Tip {held.number}" not in sign_in(supervisor).get(BOARD).content.decode()


def find_result(supervisor: Account, title: str) -> workload.TargetResult:
    return next(result for result in workload.measure_results(supervisor) if result.title == title)


def test_targets_count_what_was_dealt_with_and_what_is_late_without(supervisor: Account, officer: Account) -> None:
    now = timezone.now()
    for minutes, urgent in ((6, True), (20, True), (30, False), (50, False), (70, False)):
        tip = send_opened_tip(officer)
        Tip.objects.filter(pk=tip.pk).update(
            opened_after=dt.timedelta(minutes=minutes),
            priority=Priority.URGENT if urgent else Priority.NORMAL,
            received_at=now - dt.timedelta(days=3),
        )
    Tip.objects.filter(pk=send_tip().pk).update(received_at=now - dt.timedelta(hours=3))  # late, and nobody opened it
    send_tip()  # in time
    old = send_opened_tip(officer)
    Tip.objects.filter(pk=old.pk).update(received_at=now - dt.timedelta(days=29))
    urgent_ones, others = find_result(supervisor, "Urgent"), find_result(supervisor, "All others")
    assert (urgent_ones.target, urgent_ones.count, urgent_ones.met) == ("opened in 15 min", 2, 1)
    assert (others.count, others.met, others.half, others.nine_of_ten) == (4, 2, "50 min", "1 h")
    page = sign_in(supervisor).get(BOARD).content.decode()
    assert "2 of 4" in page[page.index('id="results"') :]


def test_answers_count_from_the_first_message_of_a_turn(supervisor: Account, officer: Account) -> None:
    now = timezone.now().replace(minute=0, second=0, microsecond=0)
    tip, closed = send_opened_tip(officer), send_opened_tip(officer)
    write_as_source(tip, "One", b"1")
    write_as_source(tip, "Two", b"2")
    triage.answer(tip, officer, "Where?", FORM, ask=False)
    write_as_source(tip, "Three", b"3")
    write_as_source(closed, "Four", b"4")
    written = [*tip.messages.order_by("position"), *closed.messages.all()]
    for message, hours in zip(written, (30, 29, 28, 20, 9), strict=True):
        Message.objects.filter(pk=message.pk).update(written_at=now - dt.timedelta(hours=hours))
    Tip.objects.filter(pk=closed.pk).update(state=State.CLOSED, closed_at=now, disposition=Disposition.USEFUL)
    answers = find_result(supervisor, "Source wrote")
    assert (answers.count, answers.met, answers.half) == (2, 1, "2 h")


def test_results_leave_out_sensitive_and_walled_tips(supervisor: Account, officer: Account) -> None:
    category = Category.objects.get(slug="home-abuse")
    category.readers.add(supervisor, officer)
    send_opened_tip(officer, category=category)
    send_tip("Officer Okafor took the money. Ben Okafor.")
    screening_thread.run_round(rechecks=True)
    Tip.objects.update(received_at=timezone.now() - dt.timedelta(days=3))
    assert {result.count for result in workload.measure_results(supervisor)} == {0}


def test_gaps_name_the_categories_without_an_officer(supervisor: Account, officer: Account) -> None:
    assert "There are no shifts yet." in sign_in(supervisor).get(BOARD).content.decode()
    for weekday in range(7):
        Shift.objects.create(officer=officer, weekday=weekday, starts_at=dt.time(0), ends_at=dt.time(12))
        Shift.objects.create(officer=supervisor, weekday=weekday, starts_at=dt.time(12), ends_at=dt.time(0))
    found = workload.find_gaps()
    assert (found.gaps, found.more) == ([], 0)
    weapons = Category.objects.filter(is_sensitive=False, active=True).first()
    assert weapons is not None
    set_duty(supervisor, *Category.objects.exclude(pk=weapons.pk))
    gaps = workload.find_gaps().gaps
    assert {tuple(gap.categories) for gap in gaps} == {(str(weapons),)}
    assert all(timezone.localtime(gap.period.end).hour == 0 for gap in gaps[1:])
    Shift.objects.filter(officer=supervisor).delete()
    gaps = workload.find_gaps().gaps
    assert [] in [gap.categories for gap in gaps]
    page = sign_in(supervisor).get(BOARD).content.decode()
    assert "No officer is on duty." in page
    (address,) = set(
        re.findall(r'href="(/admin/tips/shift/add/[^"]*starts_at=12:00[^"]*)"', page[page.index('id="gaps"') :])[-1:]
    )
    form = sign_in(supervisor).get(address.replace("&amp;", "&")).content.decode()
    assert 'value="12:00' in form


def test_the_page_names_officers_whom_no_alert_reaches(supervisor: Account, officer: Account) -> None:
    Account.objects.filter(pk=officer.pk).update(email="")
    assert workload.find_gaps().unreachable == ["Ben Okafor"]
    page = sign_in(supervisor).get(BOARD).content.decode()
    assert "No alert reaches them" in page


def test_the_next_handover_names_tips_and_the_officers_who_stay(supervisor: Account, officer: Account) -> None:
    give(send_tip(), officer)
    assert "None is planned" in sign_in(supervisor).get(BOARD).content.decode()
    now = timezone.localtime()
    begin, end = ((now + dt.timedelta(hours=hours)).time().replace(microsecond=0) for hours in (-1, 2))
    weekday = (now - dt.timedelta(hours=1)).weekday()
    Shift.objects.create(officer=officer, weekday=weekday, starts_at=begin, ends_at=end)
    handover = workload.find_next(workload.load_board(supervisor))
    assert handover is not None
    assert [(load.name, load.open) for load in handover.leaving] == [("Ben Okafor", 1)]
    assert handover.staying == []
    assert handover.next_start is not None  # in a week
    set_duty(supervisor)
    handover = workload.find_next(workload.load_board(supervisor))
    assert handover is not None
    assert handover.staying == ["Dana Rivera"]
    assert "1 tip changes hands" in sign_in(supervisor).get(BOARD).content.decode()


def test_the_board_asks_as_many_queries_for_many_tips(
    supervisor: Account, officer: Account, django_assert_max_num_queries: Any
) -> None:
    client = sign_in(supervisor)
    give(send_opened_tip(officer), officer)
    client.get(BOARD)
    with django_assert_max_num_queries(90) as few:
        client.get(BOARD)
    for _number in range(4):
        give(send_opened_tip(officer), officer)
    with django_assert_max_num_queries(len(few)):
        client.get(BOARD)


def test_a_supervisor_reminds_an_officer_of_late_tips_once_a_day(
    supervisor: Account, officer: Account, mails: Mails
) -> None:
    set_duty(officer)
    long_ago = timezone.now() - dt.timedelta(days=20)
    late, other = (give(send_opened_tip(officer), officer, received_at=long_ago) for _ in range(2))
    in_time = give(send_opened_tip(officer), officer)
    category = Category.objects.get(slug="home-abuse")
    category.readers.add(supervisor, officer)
    give(send_opened_tip(officer), officer, received_at=long_ago, category=category)
    Alert.objects.all().delete()
    assert sign_in(officer).post(BOARD, {"remind": str(officer.pk)}).status_code == 403
    client = sign_in(supervisor)
    with acting_as("staff"):
        page = client.post(BOARD, {"remind": str(officer.pk)}, follow=True).content.decode()
    assert "Ben Okafor was reminded of 2 late tips." in page
    assert "reminded today" in page
    assert 'name="remind"' not in page
    officer_alerts.sweep_alerts()
    (mail,) = mails.received
    assert str(mail["Subject"]) == "A tip is waiting"
    assert str(late.number) not in str(mail)
    home = sign_in(officer).get("/admin/").content.decode()
    assert home.count("A supervisor asks you to look at it.") == 2
    assert f"{in_time.pk}/change/" not in home
    page = sign_in(officer).get(f"/admin/tips/tip/{late.pk}/change/").content.decode()
    assert "reminder" in page
    assert [line for line in read_audit_trail() if line[1] == "reminded"] == [
        ("rivera", "reminded", f"tip {each.number}", "to okafor")
        for each in sorted((late, other), key=lambda tip: tip.number)
    ]
    again = client.post(BOARD, {"remind": str(officer.pk)}, follow=True).content.decode()
    assert "No reminder was sent" in again
    assert workload.remind(supervisor, officer) == 0
    triage.assign(late, officer, supervisor)
    assert f"{late.pk}/change/" not in sign_in(officer).get("/admin/").content.decode()
    with freeze_clock(timezone.now() + dt.timedelta(days=1)):
        assert workload.remind(supervisor, officer) >= 1
