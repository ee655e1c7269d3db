"""An urgent alert goes to ever more officers until one of them has the tip."""

from __future__ import annotations

import datetime as dt
import itertools
from typing import Any

import pytest
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.models import Account
from core.staff import groups
from core.web.shared_rows import SharedRows
from tests.stack import Mails
from tests.tips.desk import officers
from tips import officer_alerts, readers
from tips.desk import permissions, triage
from tips.desk.duty import acknowledgement
from tips.models import Alert, Category, Notification, State, Tip, Unit
from tips.officer_alerts import escalation
from tips.walls import screening_thread

Sent = Notification.NotificationState.SENT


class Clock:
    """The time of both clocks, moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = timezone.now().replace(minute=2, second=30)
        self.elapsed = 0.0
        monkeypatch.setattr(timezone, "now", lambda: self.now)
        monkeypatch.setattr(escalation.time, "monotonic", lambda: self.elapsed)

    def move(self, minutes: float) -> None:
        self.now += dt.timedelta(minutes=minutes)
        self.elapsed += 60 * minutes
        screening_thread.run_round(rechecks=False)
        officer_alerts.sweep_alerts()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def desk(db: None) -> dict[str, Account]:
    """One officer on duty, one off duty, one for another category, and a supervisor for yet another."""
    fraud = Category.objects.get(slug="fraud")
    return {
        "on": officers.set_duty(officers.create_officer("on-duty")),
        "off": officers.set_duty(officers.create_officer("off-duty"), duty=False),
        "other": officers.set_duty(officers.create_officer("other"), fraud),
        "supervisor": officers.set_duty(officers.create_officer("supervisor", groups.SUPERVISOR), fraud, duty=False),
    }


def send_urgent_tip(**report: Any) -> Tip:
    report.setdefault("category", Category.objects.get(slug="weapons"))
    tip = officers.send_tip(danger="yes", **report)
    officer_alerts.sweep_alerts()
    return tip


def alerted(tip: Tip) -> set[str]:
    return set(Notification.objects.filter(alert__tip=tip, state=Sent).values_list("officer__username", flat=True))


def is_waiting(tip: Tip) -> bool:
    return Alert.objects.filter(escalation.IS_WAITING, tip=tip).exists()


def test_it_escalates_at_5_10_and_15_minutes_and_then_stands_on_the_desk(
    desk: dict[str, Account], clock: Clock, mails: Mails
) -> None:
    tip = send_urgent_tip()
    assert alerted(tip) == {"on-duty"}
    clock.move(4.9)
    assert alerted(tip) == {"on-duty"}
    clock.move(0.2)
    assert alerted(tip) == {"on-duty", "off-duty"}
    clock.move(5)
    assert alerted(tip) == {"on-duty", "off-duty", "supervisor"}
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).unanswered
    clock.move(5)
    assert alerted(tip) == {"on-duty", "off-duty", "supervisor", "other"}
    assert officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).unanswered == 1
    page = officers.sign_in(desk["on"]).get("/admin/").content.decode()
    assert "No officer has 1 urgent tip yet." in page
    clock.move(60)
    assert len(mails.received) == 4


def test_a_worker_that_has_restarted_goes_by_the_rounded_time(desk: dict[str, Account], clock: Clock) -> None:
    tip = send_urgent_tip()
    due = Alert.objects.get().next_step_at
    assert due is not None
    assert (due.minute % 5, due.second, due.microsecond) == (0, 0, 0)
    assert dt.timedelta(minutes=5) <= due - clock.now <= dt.timedelta(minutes=10)
    escalation._due_at.clear()
    clock.move(5.1)
    assert alerted(tip) == {"on-duty"}
    clock.move(5)
    assert alerted(tip) == {"on-duty", "off-duty"}


def test_tips_that_are_not_urgent_do_not_escalate(desk: dict[str, Account], clock: Clock) -> None:
    tip = officers.send_tip(category=Category.objects.get(slug="weapons"))
    officer_alerts.sweep_alerts()
    clock.move(30)
    assert alerted(tip) == {"on-duty"}
    assert Alert.objects.get().next_step_at is None


@pytest.mark.django_db(transaction=True)
def test_opening_alone_stops_nothing_and_taking_the_opened_tip_does(clock: Clock) -> None:
    okafor = officers.set_duty(officers.create_officer("okafor"))
    tip = send_urgent_tip()
    triage.open_tip(tip.pk, okafor)
    assert is_waiting(tip)
    tip.refresh_from_db()
    triage.assign(tip, okafor, okafor)
    assert not is_waiting(tip)
    assert Alert.objects.get().next_step_at is None
    officers.write_as_source(tip, "He is back", b"1")
    officer_alerts.sweep_alerts()
    assert is_waiting(tip)  # the new message
    triage.open_tip(tip.pk, okafor)
    assert not is_waiting(tip)
    clock.move(60)
    assert not officer_alerts.find_problems(SharedRows(Tip.objects.values("pk"))).unanswered


@pytest.mark.django_db(transaction=True)
def test_an_acknowledgement_is_a_post_and_lapses_unless_the_tip_is_opened(clock: Clock) -> None:
    on = officers.set_duty(officers.create_officer("on-duty"))
    officers.set_duty(officers.create_officer("off-duty"), duty=False)
    tip = send_urgent_tip()
    client = officers.sign_in(on)
    page = "/admin/tips/alertchannel/urgent/"
    for method in (client.get, client.head):
        assert method(page).status_code == 200
        assert method(f"{page}?tip={tip.pk}").status_code == 200
    assert Alert.objects.get().acknowledged_by is None
    assert Client().post(page, {"tip": str(tip.pk)}).status_code in (302, 401, 403)
    assert Alert.objects.get().acknowledged_by is None
    clock.move(4)
    answer = client.post(page, {"tip": str(tip.pk)})
    assert answer["Location"] == f"/admin/tips/tip/{tip.pk}/change/"
    assert Alert.objects.get().acknowledged_by == on
    tip.refresh_from_db()
    assert (tip.state, tip.opened_after) == (State.NEW, None)  # it doesn't count as opened
    assert ("on-duty", "acknowledged the alert about", f"tip {tip.number}") in [
        entry[:3] for entry in officers.read_audit_trail()
    ]
    clock.move(4.9)
    assert alerted(tip) == {"on-duty"}
    clock.move(0.2)
    assert alerted(tip) == {"on-duty", "off-duty"}
    assert Alert.objects.get().acknowledged_by is None
    client.post(page, {"tip": str(tip.pk)})
    triage.open_tip(tip.pk, on)
    assert not is_waiting(tip)
    assert "Every urgent tip has an officer" in client.get(page).content.decode()


def test_nobody_acknowledges_a_tip_that_they_may_not_see(desk: dict[str, Account], clock: Clock) -> None:
    unit = Unit.objects.create(name="Narcotics")
    unit.members.add(desk["on"])
    category = Category.objects.get(slug="weapons")
    Category.objects.filter(pk=category.pk).update(unit=unit)
    tip = send_urgent_tip()
    page = "/admin/tips/alertchannel/urgent/"
    client = officers.sign_in(desk["other"])
    assert str(tip.number) not in client.get(page).content.decode()
    foreign = client.post(page, {"tip": str(tip.pk)}, follow=True).content.decode()
    absent = client.post(page, {"tip": "00000000-0000-4000-8000-000000000000"}, follow=True).content.decode()
    assert "There is no such tip, or you may not see it." in foreign
    assert "There is no such tip, or you may not see it." in absent
    assert Alert.objects.get().acknowledged_by is None
    assert officers.sign_in(officers.create_officer("ito", groups.ADMINISTRATOR)).get(page).status_code == 403


def test_a_walled_tip_escalates_among_those_who_may_see_it(desk: dict[str, Account], clock: Clock) -> None:
    named = officers.create_officer("quill", groups.SUPERVISOR, first_name="Edna", last_name="Quillfeather")
    tip = send_urgent_tip(description="Sergeant Edna Quillfeather threatens me")
    clock.move(30)
    clock.move(30)
    waiting = Notification.objects.filter(alert__tip=tip)
    assert set(waiting.exclude(officer=named).values_list("officer__username", flat=True)) == {"supervisor"}
    assert officer_alerts.find_problems(permissions.visible_ids(desk["supervisor"])).unanswered == 1
    for account in (desk["on"], named):
        assert not officer_alerts.find_problems(permissions.visible_ids(account)).unanswered
        assert "No officer has" not in officers.sign_in(account).get("/admin/").content.decode()


def test_a_tip_that_is_walled_meanwhile_goes_to_nobody_else(desk: dict[str, Account], clock: Clock) -> None:
    officers.create_officer("quill", groups.SUPERVISOR, first_name="Edna", last_name="Quillfeather")
    tip = send_urgent_tip()
    officers.write_as_source(tip, "It is Sergeant Edna Quillfeather", b"1")
    for _ in range(4):
        clock.move(10)
    assert alerted(tip) <= {"on-duty", "supervisor", "quill"}
    assert Notification.objects.filter(officer__username="quill").exclude(state=Sent).count() == 0


@pytest.mark.django_db(transaction=True)
def test_the_alerts_role_can_escalate(mails: Mails, clock: Clock) -> None:
    officers.set_duty(officers.create_officer("on-duty"))
    officers.set_duty(officers.create_officer("off-duty"), duty=False)
    tip = officers.send_tip(danger="yes")
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE portal_alerts")
    try:
        officer_alerts.sweep_alerts()
        clock.now += dt.timedelta(minutes=6)
        clock.elapsed += 360
        officer_alerts.sweep_alerts()
        officer_alerts.sweep_alerts()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")
    assert alerted(tip) == {"on-duty", "off-duty"}


_names = itertools.count()
_person = st.fixed_dictionaries(
    {
        "is_supervisor": st.booleans(),
        "is_active": st.booleans(),
        "has_address": st.booleans(),
        "is_refused": st.booleans(),
        "is_on_duty": st.booleans(),
        "has_other_category": st.booleans(),
        "is_quiet": st.booleans(),
        "is_named": st.booleans(),
        "is_in_unit": st.booleans(),
    }
)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(_person, max_size=4), has_unit=st.booleans(), is_walled=st.booleans())
def test_whatever_is_switched_off_an_urgent_alert_reaches_someone_or_stands_on_the_desk(
    people: list[dict[str, bool]], has_unit: bool, is_walled: bool, clock: Clock, mails: Mails, db: None
) -> None:
    with transaction.atomic():
        _try_one_desk(people, has_unit, is_walled, clock, mails)
        transaction.set_rollback(True)


def _try_one_desk(people: list[dict[str, bool]], has_unit: bool, is_walled: bool, clock: Clock, mails: Mails) -> None:
    fraud, weapons = Category.objects.get(slug="fraud"), Category.objects.get(slug="weapons")
    unit = Unit.objects.create(name=f"Unit {next(_names)}") if has_unit else None
    Category.objects.filter(pk=weapons.pk).update(unit=unit)
    refused: set[str] = set()
    for person in people:
        name = f"p{next(_names)}"
        group = groups.SUPERVISOR if person["is_supervisor"] else groups.OFFICER
        surname = "Quillfeather" if person["is_named"] else "Smith"
        mail = f"{name}@example.org" if person["has_address"] else ""
        account = officers.create_officer(
            name, group, mail=mail, is_active=person["is_active"], first_name="Edna", last_name=surname
        )
        officers.set_duty(account, *([fraud] if person["has_other_category"] else []), duty=person["is_on_duty"])
        if person["is_quiet"]:
            account.duty.quiet_from, account.duty.quiet_until = dt.time(0), dt.time(23, 59)
            account.duty.save()
        if unit and person["is_in_unit"]:
            unit.members.add(account)
        if person["is_refused"]:
            refused.add(mail)
    real = type(mails).handle_DATA

    async def picky(server: Any, session: Any, envelope: Any) -> str:
        if set(envelope.rcpt_tos) & refused:
            return "550 no such mailbox"
        return str(await real(mails, server, session, envelope))

    mails.handle_DATA = picky  # type: ignore[method-assign]
    description = "Sergeant Edna Quillfeather threatens me" if is_walled else "He has a gun"
    tip = send_urgent_tip(description=description, category=weapons)
    for _ in range(8):
        clock.move(6)
    reached = Account.objects.filter(
        pk__in=Notification.objects.filter(alert__tip=tip, state=Sent).values("officer"), is_active=True
    ).exclude(email__in=refused | {""})
    may_see = [account for account in reached if permissions.visible_tips(account).filter(pk=tip.pk).exists()]
    problems = officer_alerts.find_problems(SharedRows(Tip.objects.filter(pk=tip.pk).values("pk")))
    assert may_see or problems.nobody or problems.unanswered
    # Nobody has the tip: after the last step it stands on the desk, whoever was reached.
    assert problems.nobody or problems.unanswered
    outside = Notification.objects.filter(alert__tip=tip, state=Sent, attempts__gt=0).exclude(officer=None)
    for row in outside.select_related("officer"):
        assert readers.desk_accounts().filter(pk=row.officer_id).exists()
        assert permissions.visible_tips(row.officer).filter(pk=tip.pk).exists()


def test_who_sees_it_finds_it_in_the_list(desk: dict[str, Account], clock: Clock) -> None:
    tip = send_urgent_tip()
    assert list(acknowledgement.list_escalating_tips(desk["on"])) == [tip]
    page = officers.sign_in(desk["on"]).get("/admin/tips/alertchannel/urgent/").content.decode()
    assert f"looking at tip {tip.number}" in page
