"""Spam: tips out of the queue and its alerts, erased after 30 days unless they are taken back. The source sees no change."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from tips import officer_alerts
from tips.desk import permissions
from tips.desk.acts import reversals
from tips.desk.triage import TransitionError, locked, refuse_if_changed
from tips.models import DeskState, PendingAct, State, Tip

KEPT_DAYS = 30
IS_SPAM = Q(Exists(DeskState.objects.filter(tip=OuterRef("pk"), spam_since__isnull=False)))
_ACTOR = "portal"  # no account has this name


def mark(tip: Tip, officer: Account, form_id: bytes, *, shown_stamp: str | None = None) -> None:
    """Mark a tip as spam, opened or not, and send no more alerts about it. Raises as triage's acts do."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if is_spam(locked_tip):
            return
        refuse_if_changed(locked_tip, shown_stamp)
        if reason := _explain(locked_tip, is_waiting=_find_waiting([locked_tip]) != set()):
            raise TransitionError(reason)
        _write([locked_tip], officer, form_id)


def mark_all(tips: Sequence[Tip], officer: Account, form_id: bytes, batch: UUID) -> dict[UUID, str]:
    """Mark tips as spam in one transaction. Returns why by the tips that can't be; those that are spam already stay so.

    Tips that the officer no longer sees have "" for a reason. Raises PermissionDenied.
    """
    permissions.require(permissions.can_act(officer))
    with transaction.atomic():
        rows = permissions.visible_tips(officer).filter(pk__in=[tip.pk for tip in tips]).order_by("pk")
        # In the order of their ids, so that two officers' selections don't wait for each other.
        present = {tip.pk: tip for tip in rows.defer("report").select_for_update(no_key=True, of=("self",))}
        waiting = _find_waiting(present.values())
        refused = {tip.pk: "" for tip in tips if tip.pk not in present}
        for pk, tip in present.items():
            if reason := _explain(tip, is_waiting=pk in waiting):
                refused[pk] = reason
        _write([tip for pk, tip in present.items() if pk not in refused], officer, form_id, batch)
    return refused


def _write(tips: Sequence[Tip], officer: Account, form_id: bytes, batch: UUID | None = None) -> None:
    today, kind = timezone.localdate(), PendingAct.Kind.SPAM
    already = set(DeskState.objects.filter(tip__in=tips, spam_since__isnull=False).values_list("tip", flat=True))
    chosen = [tip for tip in tips if tip.pk not in already]
    marked = reversals.change_desk_column(chosen, officer, kind, "spam_since", today, form_id, batch)
    if marked:
        officer_alerts.silence(*marked)
        audit.record_each(officer, "marked as spam", [f"tip {tip.number}" for tip in marked])


def _find_waiting(tips: Iterable[Tip]) -> set[UUID]:
    """Return those of the tips that have an act in the outbox."""
    acts = PendingAct.objects.filter(tip__in=list(tips), kind__in=reversals.OUTGOING)
    return set(acts.values_list("tip_id", flat=True))


def _explain(tip: Tip, *, is_waiting: bool) -> str:
    """Return why a tip can't be spam, "" if it can."""
    if tip.state == State.CLOSED:
        return _("This tip is closed, so it stays as it is. Reopen it first.")
    return _("An answer to this tip or its closing waits to go out. Undo that first.") if is_waiting else ""


def take_back(tip: Tip, officer: Account) -> None:
    """Put a tip that is spam back into the queue."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if not is_spam(locked_tip):
            return
        reversals.change(locked_tip, officer, PendingAct.Kind.SPAM, {"desk.spam_since": None})
        audit.record(officer, "took out of spam", f"tip {locked_tip.number}")


def is_spam(tip: Tip) -> bool:
    """Return whether a tip is spam, as of when its desk state was first read."""
    state = getattr(tip, "desk_state", None)
    return state is not None and state.spam_since is not None


def erase_expired() -> int:
    """Erase the tips that have been spam for 30 days, but for those under legal hold, each with a line of the audit trail."""
    last_day = timezone.localdate() - dt.timedelta(days=KEPT_DAYS)
    expired = Tip.objects.filter(desk_state__spam_since__lte=last_day, legal_hold=False)
    return sum(_erase(tip_id) for tip_id in list(expired.values_list("pk", flat=True)[:200]))


def _erase(tip_id: UUID) -> bool:
    with transaction.atomic():
        # The tip first, the line last: one that is locked is erased in the next round.
        locked_tips = Tip.objects.select_for_update(skip_locked=True, of=("self",))
        number = locked_tips.filter(pk=tip_id).values_list("number", flat=True).first()
        if number is None:
            return False
        audit.record(_ACTOR, "erased as spam", f"tip {number}", f"{KEPT_DAYS} days after it was marked")
        with connection.cursor() as cursor:
            # The rule is in the database (rules.sql, spam_erase): the staff role can erase no other tip.
            cursor.execute("SELECT spam_erase(%s)", [tip_id])
            is_erased: bool = cursor.fetchone()[0]
        if not is_erased:
            transaction.set_rollback(True)
        return is_erased
