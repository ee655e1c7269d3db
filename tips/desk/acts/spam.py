"""Spam: tips out of the queue and its alerts, erased after 30 days unless they are taken back. The source sees no change."""

from __future__ import annotations

import datetime as dt
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


def mark(
    tip: Tip, officer: Account, form_id: bytes, *, shown_stamp: str | None = None, batch: UUID | None = None
) -> None:
    """Mark a tip as spam, opened or not, and send no more alerts about it. Raises as triage's acts do."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        today = timezone.localdate()
        if is_spam(locked_tip):
            return
        refuse_if_changed(locked_tip, shown_stamp)
        if locked_tip.state == State.CLOSED:
            raise TransitionError(_("This tip is closed, so it stays as it is. Reopen it first."))
        if locked_tip.pending_acts.filter(kind__in=reversals.OUTGOING).exists():
            raise TransitionError(_("An answer to this tip or its closing waits to go out. Undo that first."))
        reversals.change(locked_tip, officer, PendingAct.Kind.SPAM, {"desk.spam_since": today}, form_id, batch)
        officer_alerts.silence(locked_tip)
        audit.record(officer, "marked as spam", f"tip {locked_tip.number}")


def take_back(tip: Tip, officer: Account) -> None:
    """Put a tip that is spam back into the queue."""
    with locked(tip, officer, permissions.can_act) as locked_tip:
        if not is_spam(locked_tip):
            return
        reversals.change(locked_tip, officer, PendingAct.Kind.SPAM, {"desk.spam_since": None})
        audit.record(officer, "took out of spam", f"tip {locked_tip.number}")


def is_spam(tip: Tip) -> bool:
    return Tip.objects.filter(IS_SPAM, pk=tip.pk).exists()


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
