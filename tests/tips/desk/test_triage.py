"""Actions of officers: every transition, allowed and forbidden, and two officers at one tip."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connections, transaction
from django.utils import timezone

from core import audit
from core.models import Account, AuditEntry
from core.staff import groups
from tests.tips.desk import officers
from tips import conversation, vault
from tips.desk import permissions, triage
from tips.models import Author, Disposition, Message, Note, State, Tip


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor")


@pytest.fixture
def supervisor(db: None) -> Account:
    return officers.create_officer("lindqvist", groups.SUPERVISOR)


def now(tip: Tip) -> Tip:
    return Tip.objects.get(pk=tip.pk)


def stamp(tip: Tip) -> str:
    tip = now(tip)
    return triage.stamp(tip, tip.messages.count())


# Opening


def test_opening_shows_the_report(okafor: Account) -> None:
    opened = triage.open_tip(officers.send_tip("A red car with a broken light").pk, okafor)
    assert opened.report["description"] == "A red car with a broken light"
    assert abs(opened.arrived_at - timezone.now()) < dt.timedelta(seconds=10)


def test_the_first_opening_changes_the_state_and_records_the_delay(okafor: Account) -> None:
    tip = officers.send_tip()
    opened = triage.open_tip(tip.pk, okafor)
    assert opened.tip.state == now(tip).state == State.OPEN
    assert now(tip).opened_after == dt.timedelta(minutes=5)


def test_the_recorded_delay_reveals_no_exact_arrival(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    """With an exact duration, the audit trail's exact time of opening would reveal the exact arrival."""
    tip = officers.send_tip()
    later = timezone.now() + dt.timedelta(minutes=58, seconds=13, microseconds=7)
    monkeypatch.setattr(timezone, "now", lambda: later)
    triage.open_tip(tip.pk, okafor)
    assert AuditEntry.objects.latest("id").at == later
    assert now(tip).opened_after == dt.timedelta(minutes=60), "rounded up from the exact arrival, not from its hour"


def test_a_later_opening_changes_neither_state_nor_time(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.close(tip, okafor, Disposition.USEFUL)
    later = timezone.now() + dt.timedelta(hours=3)
    monkeypatch.setattr(timezone, "now", lambda: later)
    triage.open_tip(tip.pk, okafor)
    assert (now(tip).state, now(tip).opened_after) == (State.CLOSED, tip.opened_after)


def test_opening_marks_the_sources_messages_as_read(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    officers.write_as_source(tip, "One more thing", b"1")
    assert Message.objects.get().read is False
    opened = triage.open_tip(tip.pk, okafor)
    assert opened.messages[0].is_read is False  # the page marks it as new
    assert Message.objects.get().read is True


def test_a_message_that_comes_while_reading_stays_unread(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = officers.send_opened_tip(okafor)
    real = conversation.read_tip_as_officer

    def slow(opened: Tip) -> conversation.OpenedTip:
        result = real(opened)
        officers.write_as_source(tip, "Just now", b"1")
        return result

    monkeypatch.setattr(conversation, "read_tip_as_officer", slow)
    triage.open_tip(tip.pk, okafor)
    assert Message.objects.get().read is False


def test_reading_the_sources_answer_ends_the_waiting(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.answer(tip, okafor, "Which nights?", b"1", ask=True)
    triage.open_tip(tip.pk, okafor)
    assert now(tip).state == State.WAITING
    officers.write_as_source(tip, "Mondays", b"2")
    triage.open_tip(tip.pk, okafor)
    assert now(tip).state == State.OPEN


def test_opening_is_recorded_once_an_officer_tip_and_shift(okafor: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    tip, other = officers.send_opened_tip(okafor), officers.send_tip()
    lindqvist = officers.create_officer("lindqvist")
    for account, opened in ((okafor, tip), (lindqvist, tip), (okafor, other), (okafor, tip)):
        triage.open_tip(opened.pk, account)
    later = timezone.now() + triage.SHIFT + dt.timedelta(minutes=1)
    monkeypatch.setattr(timezone, "now", lambda: later)
    triage.open_tip(tip.pk, okafor)
    first, second = (f"tip {each.number}" for each in (tip, other))
    expected = [("okafor", first), ("lindqvist", first), ("okafor", second), ("okafor", first)]
    assert officers.read_audit_trail() == [(name, "opened", subject, "") for name, subject in expected]


@pytest.mark.django_db(transaction=True)
def test_the_audit_entry_is_committed_before_the_seal_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    okafor, tip, seen = officers.create_officer(), officers.send_tip(), []

    def fails(*_args: object) -> None:
        thread = threading.Thread(target=lambda: (seen.extend(officers.read_audit_trail()), connections.close_all()))
        thread.start()  # another connection sees only what is committed
        thread.join()
        raise vault.SealError

    monkeypatch.setattr(conversation, "read_tip_as_officer", fails)
    with pytest.raises(vault.SealError):
        triage.open_tip(tip.pk, okafor)
    assert seen == [("okafor", "opened", f"tip {tip.number}", "")]
    assert now(tip).state == State.NEW


@pytest.mark.django_db(transaction=True)
def test_opening_refuses_to_run_inside_a_transaction() -> None:
    okafor, tip = officers.create_officer(), officers.send_tip()
    with transaction.atomic(), pytest.raises(RuntimeError, match="durable"):
        triage.open_tip(tip.pk, okafor)


def test_nothing_is_opened_without_an_audit_entry(okafor: Account, settings) -> None:
    tip = officers.send_tip()
    settings.AUDIT_KEY = None
    with pytest.raises(audit.AuditKeyMissingError):
        triage.open_tip(tip.pk, okafor)


def test_a_deleted_tip_raises_tip_gone(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    Tip.objects.all().delete()
    with pytest.raises(conversation.TipGoneError):
        triage.open_tip(tip.pk, okafor)
    with pytest.raises(conversation.TipGoneError):
        triage.answer(tip, okafor, "Thank you", b"1", ask=False)


# Permissions


@pytest.mark.parametrize("group", [groups.ADMINISTRATOR, groups.COMMUNICATIONS])
def test_accounts_without_tip_permissions_can_do_nothing(db: None, okafor: Account, group: str) -> None:
    outsider, tip = officers.create_officer("ito", group, is_superuser=True), officers.send_opened_tip(okafor)
    before = officers.read_audit_trail()
    acts: list[Callable[[], object]] = [
        lambda: triage.open_tip(tip.pk, outsider),
        lambda: triage.answer(tip, outsider, "x", b"1", ask=False),
        lambda: triage.note(tip, outsider, "x", b"1"),
        lambda: triage.assign(tip, outsider, okafor),
        lambda: triage.wait(tip, outsider),
        lambda: triage.close(tip, outsider, Disposition.USEFUL),
        lambda: triage.reopen(tip, outsider),
        lambda: triage.hold(tip, outsider, "Court order"),
        lambda: triage.release(tip, outsider, "Court order"),
    ]
    for act in acts:
        with pytest.raises(PermissionDenied):
            act()
    assert officers.read_audit_trail() == before


def test_officers_cannot_place_a_legal_hold(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    with pytest.raises(PermissionDenied):
        triage.hold(tip, okafor, "Court order")


# Transitions


def bring_to(state: State, officer: Account) -> Tip:
    tip = officers.send_tip()
    if state != State.NEW:
        triage.open_tip(tip.pk, officer)
    if state == State.WAITING:
        triage.wait(tip, officer)
    if state == State.CLOSED:
        triage.close(tip, officer, Disposition.RESOLVED)
    return now(tip)


ACTS: dict[str, Callable[[Tip, Account], object]] = {
    "wait": triage.wait,
    "close": lambda tip, officer: triage.close(tip, officer, Disposition.ARREST),
    "reopen": triage.reopen,
    "ask": lambda tip, officer: triage.answer(tip, officer, "Which nights?", b"form", ask=True),
    "answer": lambda tip, officer: triage.answer(tip, officer, "Thank you", b"form", ask=False),
}
# None: refused with a sentence, and nothing changes.
AFTER: dict[tuple[State, str], State | None] = {
    (State.NEW, "wait"): None,
    (State.NEW, "close"): None,
    (State.NEW, "reopen"): None,
    (State.NEW, "ask"): None,
    (State.NEW, "answer"): None,
    (State.OPEN, "wait"): State.WAITING,
    (State.OPEN, "close"): State.CLOSED,
    (State.OPEN, "reopen"): State.OPEN,
    (State.OPEN, "ask"): State.WAITING,
    (State.OPEN, "answer"): State.OPEN,
    (State.WAITING, "wait"): State.WAITING,
    (State.WAITING, "close"): State.CLOSED,
    (State.WAITING, "reopen"): State.OPEN,
    (State.WAITING, "ask"): State.WAITING,
    (State.WAITING, "answer"): State.WAITING,
    (State.CLOSED, "wait"): None,
    (State.CLOSED, "close"): None,  # with another disposition
    (State.CLOSED, "reopen"): State.OPEN,
    (State.CLOSED, "ask"): None,
    (State.CLOSED, "answer"): None,
}


def test_every_combination_of_state_and_action_is_tested() -> None:
    assert set(AFTER) == {(state, act) for state in State for act in ACTS}


@pytest.mark.parametrize(("state", "act"), AFTER)
def test_each_action_leads_to_its_state_or_is_refused(okafor: Account, state: State, act: str) -> None:
    tip = bring_to(state, okafor)
    trail = officers.read_audit_trail()
    after = AFTER[state, act]
    if after is None:
        with pytest.raises(triage.TransitionError) as refused:
            ACTS[act](tip, okafor)
        assert str(refused.value).endswith((".", "first."))
        assert (now(tip).state, now(tip).disposition, officers.read_audit_trail()) == (
            tip.state,
            tip.disposition,
            trail,
        )
        assert not Message.objects.exists()
        return
    ACTS[act](tip, okafor)
    assert now(tip).state == after
    writes = act in ("ask", "answer")
    assert Message.objects.count() == int(writes)
    assert len(officers.read_audit_trail()) - len(trail) == int(writes or after != state)


def test_closing_stores_the_disposition_and_starts_retention(okafor: Account) -> None:
    tip = bring_to(State.CLOSED, okafor)
    assert tip.disposition == Disposition.RESOLVED
    assert tip.closed_at is not None
    assert (tip.closed_at.minute % 5, tip.closed_at.second) == (0, 0)
    assert officers.read_audit_trail()[-1] == ("okafor", "closed", f"tip {tip.number}", "resolved")


def test_reopening_clears_disposition_and_retention(okafor: Account) -> None:
    tip = bring_to(State.CLOSED, okafor)
    triage.reopen(tip, okafor)
    assert (now(tip).disposition, now(tip).closed_at) == ("", None)


def test_closing_twice_with_the_same_disposition_closes_once(okafor: Account) -> None:
    tip = bring_to(State.OPEN, okafor)
    seen = stamp(tip)
    triage.close(tip, okafor, Disposition.ARREST, shown_stamp=seen)
    trail = officers.read_audit_trail()
    triage.close(tip, okafor, Disposition.ARREST, shown_stamp=seen)
    assert officers.read_audit_trail() == trail


# Answers and notes


def test_the_source_sees_the_answer_without_a_name(okafor: Account) -> None:
    session = officers.send_tip_and_sign_in()
    triage.open_tip(session.tip.pk, okafor)
    assert triage.answer(session.tip, okafor, "Which nights?", b"1", ask=True)
    (entry,) = session.read().messages
    assert (entry.author, entry.text, entry.officer) == (Author.STAFF, "Which nights?", "")
    assert officers.read_audit_trail()[-1] == ("okafor", "answered", f"tip {session.tip.number}", "question")


def test_one_form_sends_one_answer_even_from_an_outdated_page(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    seen = stamp(tip)
    assert triage.answer(tip, okafor, "Thank you", b"1", ask=False, shown_stamp=seen)
    assert not triage.answer(tip, okafor, "Thank you", b"1", ask=False, shown_stamp=seen)
    assert Message.objects.count() == 1
    assert len(officers.read_audit_trail()) == 2


def test_one_form_adds_one_note(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    assert triage.note(tip, okafor, "Known address", b"1")
    assert not triage.note(tip, okafor, "Known address", b"1")
    assert triage.note(tip, okafor, "Ask the school", b"2")
    assert [note.text for note in conversation.read_notes(tip)] == ["Known address", "Ask the school"]
    assert Note.objects.count() == 2
    assert [line[1] for line in officers.read_audit_trail()] == ["opened", "wrote a note on", "wrote a note on"]


def test_notes_are_possible_on_closed_but_not_on_unopened_tips(okafor: Account) -> None:
    assert triage.note(bring_to(State.CLOSED, okafor), okafor, "Court date", b"1")
    with pytest.raises(triage.TransitionError):
        triage.note(bring_to(State.NEW, okafor), okafor, "Court date", b"1")


def test_a_source_without_access_cannot_be_answered(okafor: Account, supervisor: Account) -> None:
    session = officers.send_tip_and_sign_in()
    triage.open_tip(session.tip.pk, okafor)
    triage.hold(session.tip, supervisor, "Court order")
    conversation.delete_by_source(session.token)
    with pytest.raises(triage.TransitionError, match="deleted their access"):
        triage.answer(session.tip, okafor, "Thank you", b"1", ask=False)


def test_the_audit_trail_contains_no_text(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, description="canary of the source")
    triage.answer(tip, okafor, "canary of the officer", b"1", ask=False)
    triage.note(tip, okafor, "canary of the note", b"2")
    assert "canary" not in repr(officers.read_audit_trail())


# Assignment


def test_a_tip_is_assigned_and_unassigned(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, supervisor)
    assert now(tip).assigned_to == supervisor
    triage.assign(tip, okafor, supervisor)
    triage.assign(tip, okafor, None)
    assert now(tip).assigned_to is None
    assert [line[3] for line in officers.read_audit_trail() if line[1] == "assigned"] == ["to lindqvist", "to nobody"]


def test_an_unopened_tip_can_be_assigned(okafor: Account) -> None:
    tip = officers.send_tip()
    triage.assign(tip, okafor, okafor)
    assert (now(tip).assigned_to, now(tip).state) == (okafor, State.NEW)


@pytest.mark.parametrize("who", ["administrator", "turned off"])
def test_only_active_officers_can_be_assigned(okafor: Account, who: str) -> None:
    outsider = (
        officers.create_officer("ito", groups.ADMINISTRATOR)
        if who == "administrator"
        else officers.create_officer("ito", is_active=False)
    )
    tip = officers.send_opened_tip(okafor)
    with pytest.raises(triage.TransitionError, match="who may see it"):
        triage.assign(tip, okafor, outsider)
    assert now(tip).assigned_to is None


def test_a_closed_tip_cannot_be_assigned(okafor: Account) -> None:
    with pytest.raises(triage.TransitionError, match="closed"):
        triage.assign(bring_to(State.CLOSED, okafor), okafor, okafor)


# Legal hold


def test_a_hold_keeps_the_source_from_erasing_until_it_is_released(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.hold(tip, supervisor, "Court order")
    triage.hold(tip, supervisor, "Court order")
    assert now(tip).legal_hold is True
    triage.release(tip, supervisor, "Court order")
    assert now(tip).legal_hold is False
    assert [line[:2] for line in officers.read_audit_trail()[1:]] == [
        ("lindqvist", "put a legal hold on"),
        ("lindqvist", "ended the legal hold of"),
    ]


def test_an_unopened_tip_cannot_be_held(supervisor: Account) -> None:
    tip = officers.send_tip()
    with pytest.raises(triage.TransitionError, match="Open it first"):
        triage.hold(tip, supervisor, "Court order")
    assert now(tip).legal_hold is False


# Two officers at one tip


def test_the_second_officer_sees_the_change_before_acting(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    seen = stamp(tip)
    changes: list[Callable[[], object]] = [
        lambda: triage.answer(tip, supervisor, "Thank you", b"1", ask=False),
        lambda: triage.assign(tip, supervisor, supervisor),
        lambda: triage.wait(tip, supervisor),
        lambda: triage.hold(tip, supervisor, "Court order"),
        lambda: officers.write_as_source(tip, "One more thing", b"2"),
        lambda: triage.close(tip, supervisor, Disposition.USEFUL),
    ]
    for change in changes:
        change()
        before = (now(tip).state, now(tip).assigned_to, officers.read_audit_trail(), Message.objects.count())
        with pytest.raises(triage.TipChangedError):
            triage.answer(tip, okafor, "My answer", b"3", ask=False, shown_stamp=seen)
        with pytest.raises(triage.TipChangedError):
            triage.assign(tip, okafor, okafor, shown_stamp=seen)
        with pytest.raises(triage.TipChangedError):
            triage.close(tip, okafor, Disposition.ARREST, shown_stamp=seen)
        assert (now(tip).state, now(tip).assigned_to, officers.read_audit_trail(), Message.objects.count()) == before
        seen = stamp(tip)
    triage.reopen(tip, okafor, shown_stamp=seen)
    assert now(tip).state == State.OPEN


@pytest.mark.django_db(transaction=True)
def test_concurrent_closings_close_once() -> None:
    both = [officers.create_officer("okafor"), officers.create_officer("lindqvist")]
    tip = officers.send_opened_tip(both[0])
    seen, start, outcomes = stamp(tip), threading.Barrier(2), []

    def close(officer: Account, disposition: Disposition) -> None:
        start.wait()
        try:
            triage.close(tip, officer, disposition, shown_stamp=seen)
            outcomes.append("closed")
        except triage.TipChangedError:
            outcomes.append("stale")
        connections.close_all()

    threads = [
        threading.Thread(target=close, args=pair)
        for pair in zip(both, [Disposition.ARREST, Disposition.USEFUL], strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["closed", "stale"]
    assert [line[1] for line in officers.read_audit_trail()] == ["opened", "closed"]


@pytest.mark.django_db(transaction=True)
def test_a_source_does_not_wait_for_an_officer() -> None:
    """An officer's lock on the tip must not hold up the message that refers to it."""
    okafor = officers.create_officer()
    tip = officers.send_opened_tip(okafor)
    done = threading.Event()

    def write() -> None:
        officers.write_as_source(tip, "One more thing", b"1")
        connections.close_all()
        done.set()

    thread = threading.Thread(target=write)
    with triage.locked(tip, okafor, permissions.can_act):
        thread.start()
        assert done.wait(5)
    thread.join()


def test_the_page_of_the_first_opening_is_not_stale(tip: Tip, okafor: Account) -> None:
    """The state is set in memory there and read from the database later; both give the same stamp."""
    opened = triage.open_tip(tip.pk, okafor)
    seen = triage.stamp(opened.tip, len(opened.messages))
    assert triage.stamp(Tip.objects.get(), 0) == seen
