"""Random acts and undos of two officers agree with a plain model: the tip, the outbox, and what the source reads."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

import pytest
from django.utils import timezone

from core.models import Account
from tests.tips.desk import officers
from tips import conversation
from tips.desk import outbox, triage
from tips.desk.acts import outgoing, priorities, spam
from tips.desk.acts.reversals import Kind, UndoRefusedError
from tips.desk.triage import TransitionError
from tips.models import Author, DeskState, Disposition, PendingAct, Priority, State, Tip

SEEDS = range(5)
STEPS = 14
REOPENING = "R"  # ends the text of an answer that opens a closed tip again
HELD_BACK = (Kind.ANSWER, Kind.CLOSE, Kind.CORRECT)


@dataclass
class Model:
    """The tip as its acts should have left it. `history` has the values before each act that can be undone."""

    assignee: int | None = None
    priority: int = Priority.NORMAL
    is_spam: bool = False
    state: str = State.OPEN
    disposition: str = ""
    sent: list[str] = field(default_factory=list)
    waiting: list[tuple[str, str, int]] = field(default_factory=list)  # kind, text, officer

    @property
    def is_closing(self) -> bool:
        return any(kind == Kind.CLOSE for kind, _text, _officer in self.waiting)

    def release(self) -> None:
        for kind, text, _officer in self.waiting:
            if kind == Kind.ANSWER:
                self.sent.append(text)
                if text.endswith(REOPENING):
                    self.state, self.disposition = State.OPEN, ""
            elif kind == Kind.CLOSE and self.state != State.CLOSED:
                self.state, self.disposition = State.CLOSED, text
            elif kind == Kind.CORRECT and self.state == State.CLOSED:
                self.disposition = text
        self.waiting.clear()


def read_sent(tip: Tip) -> list[str]:
    opened = conversation.read_tip_as_officer(Tip.objects.get(pk=tip.pk))
    return [entry.text for entry in opened.messages if entry.author == Author.STAFF]


@pytest.mark.parametrize("seed", SEEDS)
def test_random_acts_and_undos_agree_with_a_model(db: None, seed: int) -> None:
    drawn = random.Random(seed)
    people = [officers.create_officer("okafor"), officers.create_officer("lee")]
    tip = officers.send_opened_tip(people[0])
    triage.assign(tip, people[0], people[0])
    model = Model(assignee=people[0].pk)
    for step in range(STEPS):
        officer, form = drawn.choice(people), bytes([seed, step])
        names = ["answer", "answer", "assign", "priority", "spam", "back", "close", "undo", "undo", "time"]
        act = drawn.choice(names if model.state != State.CLOSED else [*names, "correct", "answer-closed", "reopen"])
        _do(act, tip, officer, form, model, drawn)
        present = Tip.objects.get(pk=tip.pk)
        assert (present.assigned_to_id, present.priority, present.state, present.disposition) == (
            model.assignee,
            model.priority,
            model.state,
            model.disposition,
        ), (seed, step, act)
        assert spam.is_spam(present) == model.is_spam, (seed, step, act)
        assert read_sent(tip) == model.sent, (seed, step, act)
        outgoing = PendingAct.objects.filter(kind__in=HELD_BACK).order_by("position")
        assert [each.kind for each in outgoing] == [kind for kind, _text, _officer in model.waiting], (seed, step, act)
    assert DeskState.objects.count() <= 1
    assert PendingAct.objects.filter(due_at__lt=timezone.now()).count() == 0


def _do(act: str, tip: Tip, officer: Account, form: bytes, model: Model, drawn: random.Random) -> None:
    try:
        match act:
            case "answer":
                text = form.hex()
                outbox.hold_back(tip, officer, Kind.ANSWER, {"text": text, "ask": False}, form)
                model.waiting.append((Kind.ANSWER, text, officer.pk))
            case "assign":
                triage.assign(tip, officer, officer, form_id=form)
                model.assignee = officer.pk
            case "priority":
                priority = drawn.choice([Priority.NORMAL, Priority.LOW])
                priorities.change_priority(tip, officer, priority, "", form)
                model.priority = priority
            case "spam":
                spam.mark(tip, officer, form)
                model.is_spam = True
            case "back":
                spam.take_back(tip, officer)
                model.is_spam = False
            case "close":
                fields = {"disposition": Disposition.ARREST.value, "reason": ""}
                outbox.hold_back(tip, officer, Kind.CLOSE, fields, form)
                if model.state != State.CLOSED:
                    model.waiting.append((Kind.CLOSE, Disposition.ARREST, officer.pk))
            case "correct":
                disposition = drawn.choice([Disposition.RECOVERED, Disposition.USEFUL]).value
                fields = {"disposition": disposition, "reason": form.hex()}
                outbox.hold_back(tip, officer, Kind.CORRECT, fields, form)
                model.waiting.append((Kind.CORRECT, disposition, officer.pk))
            case "answer-closed":
                closed = drawn.choice([outgoing.STAYS_CLOSED, outgoing.REOPENS])
                text = form.hex() + (REOPENING if closed == outgoing.REOPENS else "")
                outbox.hold_back(tip, officer, Kind.ANSWER, {"text": text, "ask": False, "closed": closed}, form)
                model.waiting.append((Kind.ANSWER, text, officer.pk))
            case "reopen":
                triage.reopen(tip, officer)
                model.state, model.disposition = State.OPEN, ""
            case "undo":
                _undo_newest(officer, model)
            case "time":
                officers.let_acts_go_out()
                model.release()
    except TransitionError:
        # The model's view of why: a closed tip, or a closing or answer that waits.
        assert model.state == State.CLOSED or model.waiting, act


def _undo_newest(officer: Account, model: Model) -> None:
    acts = sorted(outbox.list_undoable(officer), key=lambda each: -each.position)
    if not acts:
        return
    act = PendingAct.objects.get(pk=acts[0].pk)
    waiting = [row for row in PendingAct.objects.order_by("position") if row.kind in HELD_BACK]
    try:
        outbox.undo(act.pk, officer)
    except UndoRefusedError:
        present = Tip.objects.get()
        columns = {"assigned_to_id": present.assigned_to_id, "priority": present.priority}
        assert any(columns.get(name, ...) != value for name, value in act.after.items())
        return
    if act.kind in HELD_BACK:
        del model.waiting[[row.pk for row in waiting].index(act.pk)]
    model.assignee = act.before.get("assigned_to_id", model.assignee)
    model.priority = act.before.get("priority", model.priority)
    if "desk.spam_since" in act.before:
        model.is_spam = act.before["desk.spam_since"] is not None
