"""The desk's outbox: answers, closings and referrals wait there for 30 seconds, and each act can be undone meanwhile.

Until then the text is sealed under the key of the tip's notes, so no public node can open it, and the tip's row is as it was: the
source sees nothing. When an act is due, the staff web process carries it out in one transaction that also deletes the act, so a
process that is killed has done all of it or nothing, and two processes never do it twice.

An act that can't go out any more is not lost: its text becomes a note that says so. That happens when its officer no longer sees
the tip, or when the source has deleted their access. A closing is also given up when the source has written since: the tip stays
open.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import DatabaseError, connection, transaction
from django.db.models import F, Prefetch, Q, QuerySet, prefetch_related_objects
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.web.asked_once import forget_answers, once_a_request
from core.web.shared_rows import Among
from core.web.sql_cache import SqlCache, select_count
from tips import conversation, officer_alerts, vault
from tips.desk import permissions, triage
from tips.desk.acts import closings, outgoing, reversals, sealed_acts
from tips.desk.acts.reversals import OUTGOING, Kind, UndoRefusedError
from tips.desk.triage import TransitionError
from tips.models import PendingAct, State, Tip

PORTAL = "portal"  # no account has this name
_BATCH = 200
_SECONDS_UNTIL_RETRY = 60
# An act that waits longer is named on the desk (tipportal/stalled_work.py).
_OVERDUE = dt.timedelta(minutes=2)
_UNOPENED = (vault.SealError, vault.KeyMissingError)
_RECORDED_LATER = "recorded_later"
_SEALED_OF_TIP = ("report", "key_for_agency", "key_for_source", "token_hash", "form_hash")
_RECORDED_AS = {Kind.ANSWER: "answered", Kind.CLOSE: "closed", Kind.CORRECT: "corrected the closing of"}

logger = logging.getLogger(__name__)
_SQL = SqlCache()


@dataclass(frozen=True, slots=True)
class UndoneAct:
    """An act that was undone. `fields` are those that the officer had typed, for the page to show them again."""

    tip: Tip
    kind: Kind
    fields: dict[str, Any]


def hold_back(
    tip: Tip,
    officer: Account,
    kind: Kind,
    fields: dict[str, Any],
    form_id: bytes,
    *,
    shown_stamp: str | None = None,
    batch: UUID | None = None,
    due_at: dt.datetime | None = None,
) -> PendingAct | None:
    """Put an answer, a closing or a referral into the outbox, once a form; return it, or None if it has gone out already.

    One of several answers that leave hours apart has a `due_at`, and is recorded as it leaves: lines of one moment in the audit
    trail would tell which tips belong together.

    Fields: `text` and `ask` of an answer, and `closed` (outgoing.STAYS_CLOSED or REOPENS) of one to a closed tip; those of closings.Ending of
    a closing or its correction, and `second_person` (id of an account) if it
    needs one; `unit` (an id, or None for all officers) and `reason` of a referral; `category` (an id) and `reason` of a change of
    category that moves the tip. Others are kept for undo. An answer takes a tip that nobody has.

    Raises TransitionError, TipChangedError, conversation.TipGoneError, PermissionDenied, vault.SealError, KeyMissingError.
    """
    with triage.locked(tip, officer, permissions.can_act) as locked_tip:
        form_hash = reversals.hash_form(locked_tip, kind, form_id)
        held = PendingAct.objects.filter(form_hash=form_hash).first()
        if held is not None or outgoing.has_gone_out(locked_tip, kind, fields, form_id):
            return held
        triage.refuse_if_changed(locked_tip, shown_stamp)
        after = outgoing.check(locked_tip, kind, fields)
        act = PendingAct(
            tip=locked_tip,
            officer=officer,
            kind=kind,
            position=reversals.next_position(locked_tip),
            batch=batch,
            form_hash=form_hash,
            after=after,
            due_at=due_at or reversals.compute_due_time(),
        )
        if kind == Kind.CLOSE and closings.needs_second_person(locked_tip, fields["disposition"]):
            act.second_person = _choose_second_person(locked_tip, officer, fields)
            act.due_at, act.after = None, {}
        if kind == Kind.ANSWER and locked_tip.assigned_to_id is None and fields.get("closed") != outgoing.STAYS_CLOSED:
            _take(locked_tip, officer, act)
        act.body = sealed_acts.seal(locked_tip, act, fields | {_RECORDED_LATER: True} if due_at else fields, form_id)
        act.save(force_insert=True)
        if due_at is None:
            _record(act)
    return act


def undo(pending_id: UUID, officer: Account) -> UndoneAct:
    """Undo an act of this officer, and return what they had typed. Raises UndoRefusedError, SealError, KeyMissingError."""
    tip = permissions.visible_tips(officer).defer("report").filter(pending_acts=pending_id).first()
    try:
        if tip is None:
            raise conversation.TipGoneError
        with triage.locked(tip, officer, permissions.can_act) as locked_tip:
            return _undo_locked(locked_tip, pending_id, officer)
    except conversation.TipGoneError:
        raise UndoRefusedError(_("It's too late to undo that.")) from None


def undo_batch(batch: UUID, officer: Account) -> tuple[list[UndoneAct], list[str]]:
    """Undo the acts of one selection; return those that were undone, and a sentence for each that was not."""
    undone, refused = [], []
    acts = PendingAct.objects.filter(batch=batch, officer=officer).order_by("-position")
    for act_id in list(acts.values_list("pk", flat=True)):
        try:
            undone.append(undo(act_id, officer))
        except UndoRefusedError as problem:
            refused.append(str(problem))
    return undone, refused


def _undo_locked(tip: Tip, pending_id: UUID, officer: Account) -> UndoneAct:
    act = PendingAct.objects.filter(pk=pending_id, officer=officer).first()
    if act is None:
        raise conversation.TipGoneError
    fields: dict[str, Any] = {}
    if act.kind in OUTGOING:
        fields = sealed_acts.unseal(tip, act)[0]
        if act.before and tip.assigned_to_id == officer.pk:
            _write_assignee(tip, None)
    else:
        reversals.restore(tip, act)
        if act.body:
            fields = sealed_acts.unseal(tip, act)[0]
        officer_alerts.withdraw_assignment_alert(reversals.name_alert(bytes(act.form_hash)))
    act.delete()
    audit.record(officer, "undid", f"tip {tip.number}", Kind(act.kind).name.lower())
    return UndoneAct(tip, Kind(act.kind), fields)


def release_due() -> int:
    """Carry out the acts that are due, and forget those that can no longer be undone; return how many."""
    due = PendingAct.objects.filter(due_at__lte=timezone.now()).order_by("due_at", "tip", "position")
    return sum(_release(act_id, tip_id) for act_id, tip_id in list(due.values_list("pk", "tip")[:_BATCH]))


def _release(act_id: UUID, tip_id: UUID) -> bool:
    try:
        with transaction.atomic():
            # The tip first, as all acts do. One that is locked is left for the next round.
            tips = Tip.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
            tip = tips.select_related("category", "unit").filter(pk=tip_id).first()
            due = PendingAct.objects.filter(pk=act_id, due_at__lte=timezone.now())
            act = due.select_related("officer").first() if tip else None
            if tip is None or act is None:
                return False
            if act.kind == Kind.ASSIGN and act.body:
                conversation.add_note(tip, act.officer, sealed_acts.unseal(tip, act)[0]["word"])
            elif act.kind in OUTGOING:
                # Until it is compared with the names of staff, nobody sees the tip: whether its officer does is known then.
                if tip.arrivals.filter(is_recheck=False).exists():
                    return False
                _carry_out(tip, act)
            act.delete()
    except (DatabaseError, *_UNOPENED) as error:
        # The error's text could hold some of the act's.
        logger.error("An act of the desk did not go out, and is tried again: %s", type(error).__name__)
        later = timezone.now() + dt.timedelta(seconds=_SECONDS_UNTIL_RETRY)
        PendingAct.objects.filter(pk=act_id).update(due_at=later, is_stuck=True)
        return False
    return True


def _carry_out(tip: Tip, act: PendingAct) -> None:
    fields, form_id = sealed_acts.unseal(tip, act)
    problem = _explain_stop(tip, act)
    if not problem:
        assert act.officer is not None
        try:
            with transaction.atomic():
                outgoing.carry_out(tip, act, act.officer, fields, form_id)
                if _RECORDED_LATER in fields:
                    _record(act)
        except TransitionError as refused:
            problem = str(refused)
    if problem:
        _keep_as_note(tip, act, fields, problem)
        audit.record(PORTAL, "did not carry out", f"tip {tip.number}", Kind(act.kind).name.lower())


def _explain_stop(tip: Tip, act: PendingAct) -> str:
    """Return why an act must not go out any more, "" if it may."""
    if act.officer is None or not permissions.visible_tips(act.officer).filter(pk=tip.pk).exists():
        return _("The officer who wrote it no longer sees this tip.")
    if not permissions.can_act(act.officer):
        return _("The account of the officer who wrote it may no longer act on tips.")
    if act.kind == Kind.CLOSE and triage.has_unread(tip):
        return _("The source wrote before the tip was closed, so it stays open.")
    return ""


def _keep_as_note(tip: Tip, act: PendingAct, fields: dict[str, Any], problem: str) -> None:
    headings = {
        Kind.ANSWER: _("This answer was not sent to the source. %(problem)s"),
        Kind.CLOSE: _("This closing was given up. %(problem)s"),
        Kind.CORRECT: _("This correction of the closing was given up. %(problem)s"),
        Kind.REFER: _("This referral was given up. %(problem)s"),
        Kind.MOVE: _("This change of category was given up. %(problem)s"),
    }
    text = fields.get("text") or fields.get("reason") or ""
    parts = [headings[Kind(act.kind)] % {"problem": problem}, text]
    conversation.add_note(tip, act.officer, "\n\n".join(part for part in parts if part))


def _take(tip: Tip, officer: Account, act: PendingAct) -> None:
    if permissions.assignable_accounts(tip).filter(pk=officer.pk).exists():
        act.before = {"assigned_to_id": None}
        _write_assignee(tip, officer)


def _write_assignee(tip: Tip, officer: Account | None) -> None:
    tip.assigned_to = officer
    tip.save(update_fields=["assigned_to"])


def _record(act: PendingAct) -> None:
    """Record an act as its officer presses the button. Referrals are recorded as they are carried out."""
    if act.kind not in _RECORDED_AS or act.officer is None:
        return
    if act.second_person is not None:
        detail = act.second_person.get_username()
        audit.record(act.officer, "asked to close", f"tip {act.tip.number}", f"second person: {detail}")
    else:
        is_question = act.after.get("state") == State.WAITING
        detail = act.after.get("disposition") or ("question" if is_question else "")
        audit.record(act.officer, _RECORDED_AS[Kind(act.kind)], f"tip {act.tip.number}", detail)
        if act.before:
            audit.record(act.officer, "assigned", f"tip {act.tip.number}", f"to {act.officer.get_username()}")


# A second person


def list_second_persons(tip: Tip, officer: Account) -> list[Account]:
    """Return the accounts that may agree to close this tip: all who may be assigned it but the officer, supervisors first."""
    others = [account for account in permissions.list_assignable(tip) if account != officer]
    return sorted(others, key=lambda account: (not permissions.can_hold(account), account.get_username()))


def _choose_second_person(tip: Tip, officer: Account, fields: dict[str, Any]) -> Account:
    if not fields.get("reason"):
        raise TransitionError(
            _("Closing tip %(number)s needs a second person. Write what you checked, and why it ends here.")
            % {"number": tip.number}
        )
    for account in list_second_persons(tip, officer):
        if account.pk == fields.get("second_person"):
            return account
    raise TransitionError(
        _("Closing tip %(number)s needs a second person. Choose who agrees.") % {"number": tip.number}
    )


@once_a_request
def list_decisions(account: Account) -> list[PendingAct]:
    """Return the closings that wait for this account: those it was named for, and for a supervisor all but their own."""
    can_hold = permissions.can_hold(account)

    def select() -> QuerySet[PendingAct]:
        is_visible = Among("tip", permissions.visible_ids(account))
        waiting = PendingAct.objects.filter(is_visible, kind=Kind.CLOSE, due_at=None).exclude(officer=account)
        return waiting if can_hold else waiting.filter(second_person=account)

    key = ("decisions", permissions.describe_sight(account), account.pk, can_hold)
    waiting = _SQL.fetch_models(key, select, PendingAct)
    # Fetched apart: most pages have none, and need no query for what belongs to them.
    tips = Prefetch("tip", Tip.objects.defer(*_SEALED_OF_TIP))
    prefetch_related_objects(waiting, tips, "officer", "second_person")
    return waiting


def find_decision(tip: Tip, account: Account) -> PendingAct | None:
    """Return the closing of this tip that waits for this account, None if there is none."""
    return next((act for act in list_decisions(account) if act.tip_id == tip.pk), None)


def find_request(tip: Tip, officer: Account) -> PendingAct | None:
    """Return the officer's own closing of this tip that waits for a second person, None if there is none."""
    own = (act for act in tip.pending_acts.all() if act.officer_id == officer.pk and act.kind == Kind.CLOSE)
    return next((act for act in own if act.due_at is None), None)


def read_decision(pending_id: UUID, account: Account) -> tuple[PendingAct, closings.Ending]:
    """Return a closing that waits for this account, and its ending. Raises conversation.TipGoneError, SealError."""
    act = next((act for act in list_decisions(account) if act.pk == pending_id), None)
    if act is None:
        raise conversation.TipGoneError
    return act, closings.parse_ending(sealed_acts.unseal(act.tip, act)[0])


def decide(pending_id: UUID, account: Account, *, agrees: bool, reason: str = "") -> Tip:
    """Agree to a closing, which then goes out in 30 seconds, or refuse it: then the reason is kept as a note.

    Raises conversation.TipGoneError, PermissionDenied, vault.SealError, vault.KeyMissingError.
    """
    act, ending = read_decision(pending_id, account)
    forget_answers()
    with triage.locked(act.tip, account, permissions.can_act) as tip:
        waiting = tip.pending_acts.filter(pk=pending_id, due_at=None)
        if not waiting.exists():
            raise conversation.TipGoneError
        if agrees:
            after = {"state": State.CLOSED.value, "disposition": ending.disposition}
            waiting.update(due_at=reversals.compute_due_time(), after=after, second_person=account)
            audit.record(account, "agreed to close", f"tip {tip.number}", ending.disposition)
        else:
            fields = dataclasses.asdict(ending)
            problem = _("%(name)s did not agree. %(reason)s") % {"name": account.get_full_name(), "reason": reason}
            _keep_as_note(tip, act, fields, problem.strip())
            waiting.delete()
            audit.record(account, "refused to close", f"tip {tip.number}")
    return tip


# What waits


def list_undoable(officer: Account) -> list[PendingAct]:
    """Return this officer's acts that can be undone now, on tips they see, newest last; without those that need consent.

    `tip_number` is the number of the act's tip.
    """
    now = timezone.now()

    def select() -> QuerySet[PendingAct]:
        acts = PendingAct.objects.filter(Among("tip", permissions.visible_ids(officer)), officer=officer)
        acts = acts.filter(Q(due_at__gt=now) | Q(kind__in=OUTGOING, due_at__isnull=False))
        columns = ("tip", "kind", "batch", "after", "due_at", "position")
        return acts.annotate(tip_number=F("tip__number")).only(*columns).order_by("due_at", "position")

    return _SQL.fetch_models(("undoable", permissions.describe_sight(officer), officer.pk), select, PendingAct, now)


def read_waiting(tip: Tip) -> list[tuple[PendingAct, dict[str, Any]]]:
    """Return the acts on an opened tip that wait to go out, with their fields. Raises vault.SealError, KeyMissingError.

    Among them are assignments whose word to the next officer is not a note yet.
    """
    acts = [act for act in tip.pending_acts.all() if act.body is not None]
    prefetch_related_objects(acts, "officer", "second_person")
    return [(act, sealed_acts.unseal(tip, act)[0]) for act in acts]


def count_overdue(account: permissions.User) -> int:
    """Count the acts that should have gone out two minutes ago, on tips that this account may count."""
    counted, was_due_by = permissions.counted_ids(account), timezone.now() - _OVERDUE

    def select() -> QuerySet[PendingAct, tuple[int]]:
        late = Q(due_at__lt=was_due_by) | Q(is_stuck=True)
        return select_count(PendingAct.objects.filter(late, Among("tip", counted), kind__in=OUTGOING))

    found = _SQL.fetch_row(counted.describe(connection), select, was_due_by)
    return found[0] if found else 0
