"""The desk's outbox: nothing reaches the source before its time, undo takes it out whole, and nothing is lost or sent twice."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connections
from django.utils import timezone

from core.models import Account
from core.staff import groups
from tests.tipportal.database import test_grants
from tests.tips.desk import officers
from tips import conversation, vault
from tips.desk import outbox, triage
from tips.desk.acts import closings, outgoing
from tips.desk.acts.reversals import Kind, UndoRefusedError
from tips.desk.triage import TipChangedError, TransitionError
from tips.models import (
    Author,
    Category,
    Disposition,
    Message,
    NotesKey,
    PendingAct,
    Priority,
    Referral,
    State,
    Tip,
    Unit,
    Wall,
)
from tips.walls import screening_thread

TEXT = "Thank you. Which nights were they there?"


@pytest.fixture
def okafor(db: None) -> Account:
    return officers.create_officer("okafor", first_name="Ana", last_name="Okafor")


@pytest.fixture
def supervisor(db: None) -> Account:
    return officers.create_officer("lindqvist", groups.SUPERVISOR)


def now(tip: Tip) -> Tip:
    return Tip.objects.get(pk=tip.pk)


def stamp(tip: Tip) -> str:
    return triage.stamp(now(tip), tip.messages.count())


def answer(tip: Tip, officer: Account, text: str = TEXT, form: bytes = b"1", **options: object) -> PendingAct:
    fields = {"text": text, "ask": options.pop("ask", False)}
    if "closed" in options:
        fields["closed"] = options.pop("closed")
    act = outbox.hold_back(tip, officer, Kind.ANSWER, fields, form, **options)  # type: ignore[arg-type]
    assert act is not None
    return act


def close(tip: Tip, officer: Account, disposition: str = "useful", form: bytes = b"2", **fields: object) -> PendingAct:
    act = outbox.hold_back(tip, officer, Kind.CLOSE, {"disposition": disposition, **fields}, form)
    assert act is not None
    return act


def correct(tip: Tip, officer: Account, disposition: str, form: bytes = b"3", **fields: object) -> PendingAct:
    act = outbox.hold_back(tip, officer, Kind.CORRECT, {"disposition": disposition, **fields}, form)
    assert act is not None
    return act


def list_notes(tip: Tip) -> list[str]:
    return [note.text for note in conversation.read_notes(tip)]


def read_texts(tip: Tip) -> list[str]:
    return [entry.text for entry in conversation.read_tip_as_officer(now(tip)).messages]


# Until it is due


def test_an_answer_reaches_the_source_when_its_time_is_over(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    act = answer(tip, okafor)
    assert outbox.release_due() == 0
    assert read_texts(tip) == []
    assert act.due_at is not None
    assert dt.timedelta(seconds=29) < act.due_at - timezone.now() <= dt.timedelta(seconds=40)
    officers.let_acts_go_out()
    assert read_texts(tip) == [TEXT]
    assert not PendingAct.objects.exists()


def test_the_source_and_the_public_role_see_no_change_until_then(okafor: Account) -> None:
    """The tip's row and the messages, which the public role reads, are what they were; the outbox it can't read at all."""
    tip = officers.send_opened_tip(okafor)
    Tip.objects.filter(pk=tip.pk).update(assigned_to=okafor)
    before = Tip.objects.filter(pk=tip.pk).values().get()
    answer(tip, okafor, ask=True)
    assert Tip.objects.filter(pk=tip.pk).values().get() == before
    close(tip, okafor)
    assert Tip.objects.filter(pk=tip.pk).values().get() == before
    assert Message.objects.count() == 0
    for role in test_grants.ROLES_BUT_STAFF:
        for table in ("tips_pendingact", "tips_deskstate", "tips_closingrecord"):
            assert test_grants.is_refused(role, f"SELECT 1 FROM {table}"), (role, table)


def test_the_waiting_text_opens_with_the_notes_key_alone(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    act = answer(tip, okafor)
    stored = bytes(PendingAct.objects.get(pk=act.pk).body or b"")
    assert TEXT.encode() not in stored
    context = vault.SealContext(
        tip=tip.pk, row=act.pk, kind="pending", author=Author.STAFF, position=act.position, field="body"
    )
    with pytest.raises(vault.SealError):
        vault.open_text(conversation.key_for_officer(tip), stored, context)


def test_a_released_message_is_as_one_that_was_sent_at_once(okafor: Account) -> None:
    """Nothing in the public tables tells the two apart."""
    held, direct = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
    answer(held, okafor)
    officers.let_acts_go_out()
    triage.answer(direct, okafor, TEXT, b"1", ask=False)
    rows = [Message.objects.filter(tip=tip).values().get() for tip in (held, direct)]
    for row in rows:
        for column in ("id", "tip_id", "form_hash"):
            assert row.pop(column)
        assert len(row.pop("body")) == 1 + 24 + vault.PADDING + 16
    assert rows[0] == rows[1]
    assert bytes(Message.objects.get(tip=held).form_hash) == conversation.hash_answer_form(held, b"1")


def test_a_form_that_comes_twice_is_one_act(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    shown = stamp(tip)
    first = answer(tip, okafor, shown_stamp=shown)
    assert answer(tip, okafor, shown_stamp=shown) == first
    officers.let_acts_go_out()
    assert outbox.hold_back(tip, okafor, Kind.ANSWER, {"text": TEXT, "ask": False}, b"1", shown_stamp=shown) is None
    officers.let_acts_go_out()
    assert read_texts(tip) == [TEXT]


def test_sending_takes_a_tip_that_nobody_has(okafor: Account, supervisor: Account) -> None:
    tip, taken = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
    triage.assign(taken, okafor, supervisor)
    answer(tip, okafor)
    answer(taken, okafor)
    assert (now(tip).assigned_to, now(taken).assigned_to) == (okafor, supervisor)


# Conflicts


def test_a_colleagues_page_is_out_of_date_once_an_answer_waits_and_nobodys_when_it_goes_out(
    okafor: Account, supervisor: Account
) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor)
    colleague = stamp(tip)
    answer(tip, okafor, ask=True)
    with pytest.raises(TipChangedError):
        answer(tip, supervisor, "Me too", b"2", shown_stamp=colleague)
    own = stamp(tip)
    officers.let_acts_go_out()
    assert stamp(tip) == own
    assert now(tip).state == State.WAITING


def test_a_second_answer_waits_behind_the_first_and_a_closing_behind_both(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer(tip, okafor, "first", b"1")
    answer(tip, supervisor, "second", b"2")
    close(tip, supervisor, form=b"3")
    officers.let_acts_go_out()
    assert read_texts(tip) == ["first", "second"]
    assert (now(tip).state, now(tip).disposition) == (State.CLOSED, Disposition.USEFUL)


@pytest.mark.parametrize("kind", [Kind.ANSWER, Kind.CLOSE, Kind.REFER])
def test_nothing_is_put_behind_a_closing(okafor: Account, kind: Kind) -> None:
    tip = officers.send_opened_tip(okafor)
    close(tip, okafor)
    fields = {"text": TEXT, "ask": False, "disposition": "useful", "unit": Unit.objects.create().pk, "reason": "r"}
    with pytest.raises(TransitionError, match="about to close"):
        outbox.hold_back(tip, okafor, kind, fields, b"9")


def test_a_closing_is_given_up_when_the_source_writes_meanwhile(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    close(tip, okafor, reason="Nothing more to do")
    officers.write_as_source(tip, "They have guns now", b"1")
    officers.let_acts_go_out()
    assert now(tip).state == State.OPEN
    assert "stays open" in list_notes(tip)[0]
    assert "Nothing more to do" in list_notes(tip)[0]
    assert officers.read_audit_trail()[-1] == ("portal", "did not carry out", f"tip {tip.number}", "close")


def test_a_question_does_not_wait_when_the_source_has_written_meanwhile(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer(tip, okafor, ask=True)
    officers.write_as_source(tip, "One more thing", b"1")
    officers.let_acts_go_out()
    assert read_texts(tip) == ["One more thing", TEXT]
    assert now(tip).state == State.OPEN


def test_a_message_that_is_not_compared_yet_delays_and_loses_nothing(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer(tip, okafor)
    conversation.add_from_source(tip, conversation.key_for_officer(tip), "Just now", b"1")
    officers.let_acts_go_out()
    assert PendingAct.objects.count() == 1
    screening_thread.run_round(rechecks=False)
    officers.let_acts_go_out()
    assert read_texts(tip) == ["Just now", TEXT]


def test_an_answer_of_an_officer_who_no_longer_sees_the_tip_becomes_a_note(
    okafor: Account, supervisor: Account
) -> None:
    """The source has named the officer: what they wrote must not go out, nor be lost."""
    tip = officers.send_opened_tip(okafor)
    act = answer(tip, okafor)
    officers.write_as_source(tip, "Officer Okafor took the money", b"1")
    assert Wall.objects.filter(tip=tip).exists()
    assert outbox.list_undoable(okafor) == []
    with pytest.raises(UndoRefusedError):
        outbox.undo(act.pk, okafor)
    officers.let_acts_go_out()
    assert [entry.author for entry in conversation.read_tip_as_officer(now(tip)).messages] == [Author.SOURCE]
    assert list_notes(tip) == [
        f"This answer was not sent to the source. The officer who wrote it no longer sees this tip.\n\n{TEXT}"
    ]


def test_an_answer_of_an_account_that_was_turned_off_becomes_a_note(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    answer(tip, okafor)
    Account.objects.filter(pk=okafor.pk).update(is_active=False)
    officers.let_acts_go_out()
    assert read_texts(tip) == []
    assert TEXT in list_notes(tip)[0]


def test_erasing_the_tip_erases_what_waits(okafor: Account) -> None:
    session = officers.send_tip_and_sign_in()
    triage.open_tip(session.tip.pk, okafor)
    act = answer(now(session.tip), okafor)
    conversation.delete_by_source(session.token)
    assert not Tip.objects.exists()
    assert not PendingAct.objects.exists()
    officers.let_acts_go_out()
    with pytest.raises(UndoRefusedError):
        outbox.undo(act.pk, okafor)


def test_an_answer_to_a_source_who_left_a_held_tip_becomes_a_note(okafor: Account, supervisor: Account) -> None:
    session = officers.send_tip_and_sign_in()
    triage.open_tip(session.tip.pk, okafor)
    triage.hold(now(session.tip), supervisor, "Court order")
    answer(now(session.tip), okafor)
    conversation.delete_by_source(session.token)
    officers.let_acts_go_out()
    assert read_texts(session.tip) == []
    assert TEXT in list_notes(session.tip)[-1]


# Undo


def test_undo_takes_an_answer_out_whole_and_gives_the_text_back(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    before = stamp(tip)
    act = answer(tip, okafor, ask=True)
    undone = outbox.undo(act.pk, okafor)
    assert (undone.kind, undone.fields) == (Kind.ANSWER, {"text": TEXT, "ask": True})
    officers.let_acts_go_out()
    assert read_texts(tip) == []
    assert stamp(tip) == before, "the tip is nobody's again"
    assert officers.read_audit_trail()[-1] == ("okafor", "undid", f"tip {tip.number}", "answer")


def test_undo_comes_too_late_once_it_has_gone_out(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    act = answer(tip, okafor)
    officers.let_acts_go_out()
    with pytest.raises(UndoRefusedError, match="too late"):
        outbox.undo(act.pk, okafor)
    assert read_texts(tip) == [TEXT]


def test_an_act_that_is_late_can_still_be_undone(okafor: Account) -> None:
    """The staff node was down for an hour."""
    tip = officers.send_opened_tip(okafor)
    act = answer(tip, okafor)
    PendingAct.objects.update(due_at=timezone.now() - dt.timedelta(hours=1))
    assert outbox.count_overdue(okafor) == 1
    assert outbox.list_undoable(okafor) == [act]
    outbox.undo(act.pk, okafor)
    officers.let_acts_go_out()
    assert read_texts(tip) == []


def test_nobody_undoes_the_acts_of_others(okafor: Account, supervisor: Account) -> None:
    act = answer(officers.send_opened_tip(okafor), okafor)
    with pytest.raises(UndoRefusedError):
        outbox.undo(act.pk, supervisor)
    assert outbox.list_undoable(supervisor) == []


def test_undoing_an_assignment_restores_who_had_the_tip(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor, form_id=b"1")
    triage.assign(tip, okafor, supervisor, form_id=b"2")
    first, second = PendingAct.objects.order_by("position")
    outbox.undo(second.pk, okafor)
    assert now(tip).assigned_to == okafor
    outbox.undo(first.pk, okafor)
    assert now(tip).assigned_to is None


def test_undo_is_refused_if_the_tip_was_changed_since(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor, form_id=b"1")
    triage.assign(tip, supervisor, supervisor, form_id=b"2")
    with pytest.raises(UndoRefusedError, match="changed again"):
        outbox.undo(PendingAct.objects.get(officer=okafor).pk, okafor)
    assert now(tip).assigned_to == supervisor


def test_the_undo_of_a_done_act_ends_with_its_time(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.assign(tip, okafor, okafor, form_id=b"1")
    officers.let_acts_go_out()
    assert not PendingAct.objects.exists()
    assert now(tip).assigned_to == okafor


# Referrals


def test_a_referral_goes_out_later_and_undo_leaves_no_trace_with_the_other_unit(okafor: Account) -> None:
    tip, unit = officers.send_opened_tip(okafor), Unit.objects.create(name="Narcotics")
    unit.members.add(officers.create_officer("narc"))
    fields = {"unit": unit.pk, "reason": "It is about drugs"}
    act = outbox.hold_back(tip, okafor, Kind.REFER, fields, b"1")
    assert act is not None
    assert outbox.undo(act.pk, okafor).fields == fields
    officers.let_acts_go_out()
    assert now(tip).unit is None
    assert not Referral.objects.exists()
    assert list_notes(tip) == []
    outbox.hold_back(tip, okafor, Kind.REFER, fields, b"2")
    officers.let_acts_go_out()
    assert now(tip).unit == unit
    assert "It is about drugs" in list_notes(tip)[0]


# Closings


def test_the_ending_is_sealed_and_corrections_keep_its_history(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    close(tip, okafor, "recovered", weapons=1, case_number="26-10442", reason="Found in the trunk")
    officers.let_acts_go_out()
    stored = bytes(tip.closing_records.get().body)
    assert b"26-10442" not in stored
    closed_at = now(tip).closed_at
    # Another amount changes nothing that the source reads.
    assert correct(tip, okafor, "recovered", weapons=2, reason="The lab counted again", form=b"3").after == {}
    officers.let_acts_go_out()
    act = correct(tip, okafor, "arrest", weapons=2, reason="Charged on Monday", form=b"4")
    assert now(tip).disposition == "recovered"
    assert outbox.undo(act.pk, okafor).fields["reason"] == "Charged on Monday"
    correct(tip, okafor, "arrest", weapons=2, reason="Charged on Monday", form=b"5")
    officers.let_acts_go_out()
    present = now(tip)
    assert (present.state, present.disposition, present.closed_at) == (State.CLOSED, "arrest", closed_at)
    assert [(record.ending.disposition, record.ending.weapons) for record in closings.list_records(present)] == [
        ("arrest", 2),
        ("recovered", 2),
        ("recovered", 1),
    ]
    assert [line[1:] for line in officers.read_audit_trail() if "correct" in line[1] or "correct" in line[3]] == [
        ("corrected the closing of", f"tip {tip.number}", ""),
        ("corrected the closing of", f"tip {tip.number}", "arrest"),
        ("undid", f"tip {tip.number}", "correct"),
        ("corrected the closing of", f"tip {tip.number}", "arrest"),
    ]


def test_a_closing_is_not_corrected_behind_a_second_persons_back(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    with pytest.raises(TransitionError, match="isn't closed"):
        correct(tip, okafor, "arrest", reason="x")
    Tip.objects.filter(pk=tip.pk).update(priority=Priority.URGENT)
    close(tip, okafor, "arrest", reason="Charged", weapons=1)
    officers.let_acts_go_out()
    with pytest.raises(TransitionError, match="a second person must agree"):
        correct(tip, okafor, "unfounded", reason="It was nothing")
    with pytest.raises(TransitionError, match="Nothing is different"):
        correct(tip, okafor, "arrest", reason="Another reason", weapons=1)
    with pytest.raises(TransitionError, match="Write why"):
        correct(tip, okafor, "recovered")
    # Reopened while the correction waits: its reason is kept as a note.
    correct(tip, okafor, "recovered", reason="Found in the trunk")
    with pytest.raises(TransitionError, match="about to be corrected"):
        correct(tip, supervisor, "recovered", reason="Mine", form=b"9")
    triage.reopen(now(tip), supervisor)
    officers.let_acts_go_out()
    assert (now(tip).state, now(tip).disposition) == (State.OPEN, "")
    assert "Found in the trunk" in list_notes(tip)[-1]


# Answers to closed tips


def test_an_answer_to_a_closed_tip_leaves_it_closed_or_opens_it_again(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor)
    triage.close(tip, okafor, Disposition.USEFUL)
    closed_at = now(tip).closed_at
    with pytest.raises(TransitionError, match="stays closed"):
        answer(tip, supervisor)
    answer(tip, supervisor, "It helped", b"3", closed=outgoing.STAYS_CLOSED)
    officers.let_acts_go_out()
    present = now(tip)
    assert (present.state, present.closed_at, present.assigned_to) == (State.CLOSED, closed_at, None)
    assert read_texts(tip) == ["It helped"]
    # The tip opens with the answer, not before; undo takes back both.
    act = answer(tip, supervisor, "One question", b"4", ask=True, closed=outgoing.REOPENS)
    assert now(tip).state == State.CLOSED
    outbox.undo(act.pk, supervisor)
    officers.let_acts_go_out()
    assert (now(tip).state, now(tip).assigned_to, read_texts(tip)) == (State.CLOSED, None, ["It helped"])
    answer(tip, supervisor, "One question", b"5", ask=True, closed=outgoing.REOPENS)
    officers.let_acts_go_out()
    present = now(tip)
    assert (present.state, present.disposition, present.assigned_to) == (State.WAITING, "", supervisor)
    assert read_texts(tip) == ["It helped", "One question"]
    assert ("lindqvist", "reopened") in [line[:2] for line in officers.read_audit_trail()]


@pytest.mark.parametrize("why", ["urgent", "danger", "category"])
def test_closing_without_action_needs_a_reason_and_a_second_person(
    okafor: Account, supervisor: Account, why: str
) -> None:
    tip = officers.send_opened_tip(okafor, danger="yes" if why == "danger" else "no")
    Tip.objects.filter(pk=tip.pk).update(priority=Priority.URGENT if why == "urgent" else Priority.NORMAL)
    Category.objects.update(concerns_life=why == "category")
    with pytest.raises(TransitionError, match="Write what you checked"):
        close(tip, okafor, "unfounded")
    with pytest.raises(TransitionError, match="Choose who agrees"):
        close(tip, okafor, "unfounded", reason="Called the school", second_person=okafor.pk)
    act = close(tip, okafor, "unfounded", reason="Called the school", second_person=supervisor.pk)
    officers.let_acts_go_out()
    assert now(tip).state == State.OPEN
    with pytest.raises(conversation.TipGoneError):
        outbox.decide(act.pk, okafor, agrees=True)
    assert outbox.list_decisions(supervisor) == [act]
    assert outbox.read_decision(act.pk, supervisor)[1].reason == "Called the school"
    outbox.decide(act.pk, supervisor, agrees=True)
    assert now(tip).state == State.OPEN
    officers.let_acts_go_out()
    assert (now(tip).state, now(tip).disposition) == (State.CLOSED, Disposition.UNFOUNDED)


def test_a_closing_with_action_needs_one_person(okafor: Account) -> None:
    tip = officers.send_opened_tip(okafor, danger="yes")
    close(tip, okafor, "arrest")
    officers.let_acts_go_out()
    assert now(tip).state == State.CLOSED


def test_a_refused_closing_leaves_the_tip_open_with_both_reasons(okafor: Account, supervisor: Account) -> None:
    tip = officers.send_opened_tip(okafor, danger="yes")
    act = close(tip, okafor, "no_action", reason="Too vague", second_person=supervisor.pk)
    outbox.decide(act.pk, supervisor, agrees=False, reason="Ask the source first")
    officers.let_acts_go_out()
    assert now(tip).state == State.OPEN
    assert "Ask the source first" in list_notes(tip)[0]
    assert "Too vague" in list_notes(tip)[0]


# Faults


@pytest.mark.django_db(transaction=True)
def test_a_process_that_dies_while_an_act_goes_out_leaves_it_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    okafor = officers.create_officer("okafor")
    tip = officers.send_opened_tip(okafor)
    answer(tip, okafor)
    real = PendingAct.delete

    def dies(act: PendingAct) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(PendingAct, "delete", dies)
    with pytest.raises(KeyboardInterrupt):
        officers.let_acts_go_out()
    assert read_texts(tip) == []
    monkeypatch.setattr(PendingAct, "delete", real)
    officers.let_acts_go_out()
    assert read_texts(tip) == [TEXT]


@pytest.mark.django_db(transaction=True)
def test_two_nodes_send_an_answer_once(monkeypatch: pytest.MonkeyPatch) -> None:
    okafor = officers.create_officer("okafor")
    tips = [officers.send_opened_tip(okafor) for _ in range(5)]
    for tip in tips:
        answer(tip, okafor)
    PendingAct.objects.update(due_at=timezone.now())

    def run() -> None:
        outbox.release_due()
        connections.close_all()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    officers.let_acts_go_out()
    assert [read_texts(tip) for tip in tips] == [[TEXT]] * 5


@pytest.mark.django_db(transaction=True)
def test_undo_and_going_out_at_once_never_both_happen() -> None:
    okafor = officers.create_officer("okafor")
    tip = officers.send_opened_tip(okafor)
    act = answer(tip, okafor)
    PendingAct.objects.update(due_at=timezone.now())
    outcome = []

    def undo() -> None:
        try:
            outcome.append(outbox.undo(act.pk, okafor).fields["text"])
        except UndoRefusedError:
            outcome.append("")
        connections.close_all()

    thread = threading.Thread(target=undo)
    thread.start()
    outbox.release_due()
    thread.join()
    officers.let_acts_go_out()
    assert read_texts(tip) + [text for text in outcome if text] == [TEXT]


def test_an_act_that_does_not_open_waits_and_is_named(okafor: Account) -> None:
    tip, other = officers.send_opened_tip(okafor), officers.send_opened_tip(okafor)
    answer(tip, okafor)
    answer(other, okafor)
    sealed = NotesKey.objects.get(tip=tip).key_for_agency
    NotesKey.objects.filter(tip=tip).update(key_for_agency=b"\x00" * 80)
    officers.let_acts_go_out()
    assert read_texts(other) == [TEXT]
    assert outbox.count_overdue(okafor) == 1
    NotesKey.objects.filter(tip=tip).update(key_for_agency=sealed)
    officers.let_acts_go_out()
    assert read_texts(tip) == [TEXT]
    assert outbox.count_overdue(okafor) == 0
