"""Supervisors appointed from the server: the first at once, later ones after 24 hours in which all staff are told."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse
from django.utils import timezone

from core.accounts import appointments
from core.models import Account, AccountMail, SignInLink, SupervisorAppointment
from core.staff import groups
from tests.core.staff.test_staff import account, lines, signed_in

pytestmark = pytest.mark.django_db

MAJA, BEN = "Maja Lindqvist <maja@example.org>", "Ben Ortiz, ben@example.org"


def appoint(*people: str) -> str:
    printed = io.StringIO()
    call_command("create_supervisors", *people, stdout=printed)
    return printed.getvalue()


def let_pass(hours: int) -> None:
    for row in SupervisorAppointment.objects.filter(carried_out_at=None):
        SupervisorAppointment.objects.filter(pk=row.pk).update(asked_at=row.asked_at - dt.timedelta(hours=hours))


def invited() -> list[tuple[str, list[str]]]:
    return [(link.person["email"], link.person["roles"]) for link in SignInLink.objects.all()]


def desk(who: Account) -> str:
    page: str = signed_in(who).get("/admin/").content.decode()
    return page


def press(who: Account, appointment: SupervisorAppointment, **data: str) -> Any:
    return signed_in(who).post(reverse("admin:core_account_appointment", args=[appointment.pk]), data, follow=True)


def test_the_first_two_supervisors_are_invited_at_once() -> None:
    assert "Invited." in appoint(MAJA, BEN)
    assert invited() == [("maja@example.org", ["supervisor"]), ("ben@example.org", ["supervisor"])]
    assert [line[:3] for line in lines()] == [
        ("command line", "appointed", "supervisors Maja Lindqvist, Ben Ortiz"),
        ("command line", "invited", "account maja.lindqvist"),
        ("command line", "invited", "account ben.ortiz"),
    ]


def test_an_agency_of_one_is_told_when_its_supervisor_is_made() -> None:
    assert "With one supervisor, nobody checks" in appoint(MAJA)


def test_a_second_run_waits_for_24_hours_and_tells_all_staff() -> None:
    old = account("lindqvist", groups.SUPERVISOR)
    account("marsh", groups.COMMUNICATIONS)
    account("gone", groups.OFFICER, is_active=False)
    assert "Nothing has changed yet" in appoint(BEN)
    assert invited() == []
    assert sorted(mail.account.username for mail in AccountMail.objects.all()) == ["lindqvist", "marsh"]
    assert "Ben Ortiz" in AccountMail.objects.first().text
    assert "Stop the appointment" in desk(old)
    for hours in (0, 23):
        let_pass(hours)
        with pytest.raises(CommandError, match="Run this again after"):
            appoint(BEN)
    let_pass(1)
    with pytest.raises(CommandError, match="Another run is waiting, for Ben Ortiz"):
        appoint(MAJA)
    assert "Invited." in appoint(BEN)
    assert invited() == [("ben@example.org", ["supervisor"])]
    assert "Stop the appointment" not in desk(old)
    # The next run waits again.
    assert "Nothing has changed yet" in appoint(MAJA)


def test_the_second_run_waits_even_if_the_first_supervisors_never_came() -> None:
    appoint(MAJA)
    assert "Nothing has changed yet" in appoint(BEN)
    assert invited() == [("maja@example.org", ["supervisor"])]


def test_a_supervisor_stops_it_and_nobody_else_can() -> None:
    old, officer = account("lindqvist", groups.SUPERVISOR), account("okafor", groups.OFFICER)
    appoint(BEN)
    row = SupervisorAppointment.objects.get()
    assert "wants to appoint supervisors" in desk(officer)
    assert "Stop the appointment" not in desk(officer)
    assert press(officer, row, object="1").status_code == 403
    assert press(account("ito", groups.ADMINISTRATOR), row, object="1").status_code == 403
    AccountMail.objects.all().delete()
    assert "Stopped. All staff get an email" in press(old, row, object="1").content.decode()
    assert AccountMail.objects.count() == 3
    assert "Too late" in press(old, row, object="1").content.decode()
    let_pass(25)
    assert "Nothing has changed yet" in appoint(BEN)
    assert invited() == []


def test_a_run_that_was_forgotten_starts_over() -> None:
    account("lindqvist", groups.SUPERVISOR)
    appoint(BEN)
    let_pass(96)
    assert "Nothing has changed yet" in appoint(BEN)
    assert invited() == []


def test_each_supervisor_sees_an_appointment_until_they_confirm_it() -> None:
    appoint(MAJA)
    row = SupervisorAppointment.objects.get()
    one, two = account("one", groups.SUPERVISOR), account("two", groups.SUPERVISOR)
    assert "made Maja Lindqvist supervisors" in desk(one)
    press(one, row)
    assert "made Maja Lindqvist supervisors" not in desk(one)
    assert "made Maja Lindqvist supervisors" in desk(two)
    assert "made Maja Lindqvist supervisors" not in desk(account("ito", groups.ADMINISTRATOR))
    assert ("one", "saw the appointment of", "supervisors Maja Lindqvist", "") in lines()


def test_a_lone_supervisor_who_lost_everything_comes_back_in() -> None:
    lone = account("lindqvist", groups.SUPERVISOR, is_active=False)
    appoint("Maja Lindqvist <lindqvist@example.org>")
    assert Account.objects.get(pk=lone.pk).has_usable_password()
    let_pass(24)
    appoint("Maja Lindqvist <lindqvist@example.org>")
    lone.refresh_from_db()
    assert (lone.is_active, lone.has_usable_password()) == (True, False)
    link = SignInLink.objects.get()
    assert (link.account, link.purpose) == (lone, SignInLink.Purpose.FACTOR)


@pytest.mark.parametrize(
    ("people", "sentence"),
    [
        (("Maja",), "There is no email address"),
        (("Maja <maja@>",), "send to this email address"),
        (("A <a@example.org>", "B <b@example.org>", "C <c@example.org>"), "Name one or two people"),
        (("A <a@example.org>", "B <a@example.org>"), "Another line has this email address"),
    ],
)
def test_people_who_cannot_be_invited_are_named(people: tuple[str, ...], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        appoint(*people)
    assert not SupervisorAppointment.objects.exists()


@pytest.mark.parametrize("command", [("createsuperuser",), ("changepassword", "okafor")])
def test_djangos_own_commands_leave_no_unaudited_way_in(command: tuple[str, ...]) -> None:
    account("okafor", groups.OFFICER)
    with pytest.raises(CommandError, match=r"create_supervisors|aren't set here"):
        call_command(*command)
    assert not Account.objects.filter(is_superuser=True).exists()


def test_the_wait_is_a_day_and_the_window_is_three_days_more() -> None:
    assert (dt.timedelta(hours=24), dt.timedelta(hours=96)) == (appointments.WAIT, appointments.VALID)
    account("lindqvist", groups.SUPERVISOR)
    appoint(BEN)
    assert appointments.find_waiting().asked_at <= timezone.now()
