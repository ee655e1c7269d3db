"""Tips that name staff: compared before anybody sees them, walled off from those they name, decided about by others."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import Account
from core.staff import groups
from core.web.asked_once import asked_once
from tests.tips.desk import officers
from tips import conversation, form_tokens, intake, officer_alerts, statistics, vault
from tips.desk import permissions
from tips.desk.workload import own_work
from tips.models import Alert, Arrival, Category, Notification, State, Tip, Wall
from tips.officer_alerts import tasks as alert_tasks
from tips.walls import decisions, records, screening, screening_thread

pytestmark = pytest.mark.django_db

NAMING = "Officer Lindholm takes money from the dealer on the corner"


@pytest.fixture
def lindholm() -> Account:
    return officers.create_officer("lindholm", first_name="Amara", last_name="Lindholm", badge_number="12-34")


@pytest.fixture
def okoye() -> Account:
    return officers.create_officer("okoye", groups.SUPERVISOR, first_name="Tomas", last_name="Okoye")


@pytest.fixture
def colleague() -> Account:
    return officers.create_officer("ito", first_name="Kenji", last_name="Itoh")


def send_uncompared(text: str) -> Tip:
    """Send a tip that the staff side has not looked at."""
    token = form_tokens.read(form_tokens.issue())
    category = Category.objects.first()
    assert category is not None
    intake.accept_tip(intake.Report(category=category, description=text), token)
    return Tip.objects.get(form_hash=token.form_hash)


def seeing(tip: Tip) -> set[str]:
    return {
        account.username for account in Account.objects.all() if permissions.visible_tips(account).filter(pk=tip.pk)
    }


# Comparison


def test_a_tip_is_nobodys_until_it_is_compared(lindholm: Account, okoye: Account) -> None:
    tip = send_uncompared("Two men load boxes")
    assert seeing(tip) == set()
    assert own_work.count_work(okoye)["new"] == 0
    assert screening.screen_arrivals() == 1
    assert seeing(tip) == {"lindholm", "okoye"}
    assert not Arrival.objects.exists()


def test_the_list_compares_what_waits_where_no_thread_runs(lindholm: Account) -> None:
    plain, naming = send_uncompared("Two men load boxes"), send_uncompared(NAMING)
    page = officers.sign_in(lindholm).get("/admin/tips/tip/").content.decode()
    assert str(plain.number) in page
    assert str(naming.number) not in page


def test_a_tip_that_names_an_officer_is_for_supervisors_alone(
    lindholm: Account, okoye: Account, colleague: Account
) -> None:
    tip = officers.send_tip(NAMING)
    assert seeing(tip) == {"okoye"}


@pytest.mark.parametrize("field", ["place", "when"])
def test_short_answers_are_compared_too(lindholm: Account, okoye: Account, field: str) -> None:
    assert seeing(officers.send_tip("He sells pills", **{field: "after Officer Lindholm's shift"})) == {"okoye"}


def test_follow_up_answers_and_badge_numbers_are_compared_too(lindholm: Account, okoye: Account) -> None:
    answers = [intake.FollowUpAnswer("Who?", "the one with badge 1234")]
    assert seeing(officers.send_tip("A cop hit my brother", answers=answers)) == {"okoye"}


def test_a_named_supervisor_does_not_see_the_tip(okoye: Account) -> None:
    officers.create_officer("marsh", groups.SUPERVISOR, first_name="Priya", last_name="Marsh")
    assert seeing(officers.send_tip("Sergeant Okoye knows about it")) == {"marsh"}


def test_if_all_supervisors_are_named_oversight_sees_it(lindholm: Account, okoye: Account) -> None:
    overseer = officers.create_officer("vance", groups.OVERSIGHT, first_name="Jonah", last_name="Vance")
    tip, plain = officers.send_tip("Sergeant Okoye knows about it"), officers.send_tip()
    assert seeing(tip) == {"vance"}
    assert "vance" not in seeing(plain)
    assert "vance" not in seeing(officers.send_tip(NAMING))
    overseer.groups.clear()
    assert seeing(tip) == set()


def test_a_message_that_names_an_officer_walls_the_tip_from_then_on(
    lindholm: Account, okoye: Account, colleague: Account
) -> None:
    tip = officers.send_opened_tip(lindholm)
    officers.write_as_source(tip, "It was officer Lindholm who did it", b"1")
    assert seeing(tip) == {"okoye"}


def test_a_tip_with_a_new_message_is_nobodys_until_that_is_compared(lindholm: Account) -> None:
    tip = officers.send_opened_tip(lindholm)
    conversation.add_from_source(tip, conversation.key_for_officer(tip), "And a red car", b"1")
    assert seeing(tip) == set()
    screening.screen_arrivals()
    assert seeing(tip) == {"lindholm"}


def test_a_tip_that_cannot_be_opened_is_for_supervisors_until_it_can(
    lindholm: Account, okoye: Account, settings: Any, tmp_path: Any
) -> None:
    keys, settings.AGENCY_PRIVATE_KEYS = settings.AGENCY_PRIVATE_KEYS, tmp_path
    tip = officers.send_tip()
    assert seeing(tip) == {"okoye"}
    settings.AGENCY_PRIVATE_KEYS = keys
    screening_thread.run_round(rechecks=True)
    assert seeing(tip) == {"lindholm", "okoye"}


def test_a_new_name_of_an_officer_walls_older_tips(okoye: Account) -> None:
    tip = officers.send_tip("The one they call Night Ranger is paid by them")
    ranger = officers.create_officer("rossi", first_name="Paola", last_name="Rossi")
    assert seeing(tip) == {"okoye", "rossi"}
    ranger.aliases = "Rossa, night ranger"
    ranger.save()
    assert seeing(tip) == {"okoye", "rossi"}  # visible until it is compared again
    screening_thread.run_round(rechecks=True)
    assert seeing(tip) == {"okoye"}


def test_a_stolen_database_tells_neither_whom_a_tip_names_nor_why(lindholm: Account, okoye: Account) -> None:
    tip = officers.send_tip(NAMING)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(w)::text FROM tips_wall w")
        stored = cursor.fetchone()[0]
    wall = Wall.objects.get(tip=tip)
    assert records.read_record(wall).named == {lindholm.pk}
    assert (len(bytes(wall.record or b"")) - 41) % vault.PADDING == 0
    assert "lindholm" not in stored.lower()
    trail = [line for line in officers.read_audit_trail() if line[1] == "walled"]
    assert trail == [("portal", "walled", f"tip {tip.number}", "")]


# Alerts


def test_the_mail_about_a_walled_tip_goes_to_those_who_decide_and_says_nothing(
    lindholm: Account, okoye: Account, colleague: Account
) -> None:
    officers.send_tip(NAMING)
    officer_alerts.sweep_alerts()
    assert [message.to for message in mail.outbox] == [["okoye@example.org"]]
    assert mail.outbox[0].subject == "A tip is waiting"
    assert "wall" not in mail.outbox[0].body


def test_who_was_mailed_does_not_tell_which_supervisor_is_named(okoye: Account) -> None:
    officers.create_officer("marsh", groups.SUPERVISOR, first_name="Priya", last_name="Marsh")
    officers.send_tip("Sergeant Okoye knows about it")
    officer_alerts.sweep_alerts()
    assert [message.to for message in mail.outbox] == [["marsh@example.org"]]
    rows = set(Notification.objects.values_list("officer__username", "state"))
    assert rows == {("marsh", "sent"), ("okoye", "sent")}


def test_a_refused_address_sends_the_alert_of_a_walled_tip_to_no_officer(lindholm: Account, okoye: Account) -> None:
    officers.send_tip(NAMING)
    row = Notification.objects.get(officer=okoye)
    officer_alerts.NotificationOutbox().record_refusal(row)
    officer_alerts.sweep_alerts()
    assert Alert.objects.get().state == Alert.AlertState.WALLED
    assert not Notification.objects.filter(officer=lindholm).exists()


def test_mails_that_wait_are_taken_back_when_a_message_walls_the_tip(lindholm: Account, okoye: Account) -> None:
    tip = officers.send_opened_tip(lindholm)
    for alert in Alert.objects.all():
        alert_tasks._write_notifications(alert.pk)
    officers.write_as_source(tip, "It was officer Lindholm", b"1")
    officer_alerts.sweep_alerts()
    assert {address for message in mail.outbox for address in message.to} == {"okoye@example.org"}


def test_an_alert_without_a_recipient_waits_until_there_is_one(okoye: Account) -> None:
    officers.send_tip("Sergeant Okoye knows about it")
    officer_alerts.sweep_alerts()
    assert mail.outbox == []
    officers.create_officer("vance", groups.OVERSIGHT, first_name="Jonah", last_name="Vance")
    screening_thread.run_round(rechecks=True)
    officer_alerts.sweep_alerts()
    assert [message.to for message in mail.outbox] == [["vance@example.org"]]


def test_the_staff_role_has_the_rights_to_compare_and_to_decide(lindholm: Account, okoye: Account) -> None:
    tip = send_uncompared(NAMING)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE portal_staff")
        screening_thread.run_round(rechecks=True)
        assert not Arrival.objects.exists()
        decisions.decide(tip.pk, okoye, Wall.Decision.KEPT, "reason", [lindholm])
        decisions.decide(tip.pk, okoye, Wall.Decision.RELEASED, "reason")
        screening_thread.run_round(rechecks=False)
        cursor.execute("RESET ROLE")
    assert seeing(tip) == {"lindholm", "okoye"}


# What others are told


def test_the_public_figures_leave_walled_tips_out(lindholm: Account, okoye: Account) -> None:
    tips = [officers.send_tip() for _ in range(5)]
    walled = officers.send_tip(NAMING)
    Tip.objects.update(received_at=timezone.now() - dt.timedelta(days=2))
    assert statistics._count_tips().received == len(tips)
    decisions.decide(walled.pk, okoye, Wall.Decision.RELEASED, "another person")
    assert statistics._count_tips().received == len(tips) + 1


def test_notices_and_counts_leave_walled_tips_out(lindholm: Account, okoye: Account) -> None:
    officers.send_tip(NAMING, danger="yes")
    admin = officers.create_officer("vance", groups.ADMINISTRATOR, first_name="Jonah", last_name="Vance")
    for account in (lindholm, admin):
        tips = permissions.counted_ids(account)
        assert officer_alerts.count_waiting(tips, include_recent=True).total == 0
        assert not officer_alerts.find_problems(tips)
    counts = own_work.count_work(okoye)
    assert counts["walled"] == 1
    assert counts["new"] == counts["urgent"] == counts["source_wrote"] == counts["needs_me"] == 0
    assert set(own_work.count_work(lindholm).values()) == {0}


def test_the_source_may_delete_a_walled_tip(lindholm: Account, okoye: Account) -> None:
    session = officers.send_tip_and_sign_in(NAMING)
    assert Wall.objects.get().tip == session.tip
    conversation.delete_by_source(session.token)
    assert not Tip.objects.exists()
    assert not Wall.objects.exists()


def test_a_tip_that_was_deleted_meanwhile_is_no_error(lindholm: Account) -> None:
    tip = send_uncompared(NAMING)
    waiting = screening.list_waiting()
    Arrival.objects.all().delete()
    tip.alerts.all().delete()
    tip.delete()
    screening.screen(waiting)
    assert not Wall.objects.exists()


def test_a_page_asks_once_which_walls_its_officer_decides_about(lindholm: Account, okoye: Account) -> None:
    tip = officers.send_tip(NAMING)
    with asked_once():
        assert tip in permissions.visible_tips(okoye)
        with CaptureQueriesContext(connection) as queries:
            assert tip in permissions.visible_tips(okoye)
        assert len(queries) == 1
        assert tip not in permissions.visible_tips(lindholm)
        decisions.decide(tip.pk, okoye, Wall.Decision.RELEASED, "Another Lindholm")
        assert tip in permissions.visible_tips(lindholm)
        assert tip in permissions.visible_tips(okoye)


def test_an_officer_who_has_the_tip_loses_it_to_the_wall(lindholm: Account, okoye: Account) -> None:
    tip = officers.send_opened_tip(lindholm)
    Tip.objects.update(assigned_to=lindholm)
    officers.write_as_source(tip, "It was officer Lindholm", b"1")
    row = Tip.objects.get()
    assert (row.assigned_to, row.state) == (None, State.OPEN)
