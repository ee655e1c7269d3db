"""Change a tip's category: at once, or through the outbox if other people will see the tip then."""

from __future__ import annotations

from uuid import UUID

from core.models import Account
from tips.desk import outbox, referrals
from tips.models import Category, PendingAct, Tip


def change_category(
    tip: Tip,
    officer: Account,
    category: Category,
    reason: str,
    form_id: bytes,
    *,
    shown_stamp: str | None = None,
    batch: UUID | None = None,
) -> None:
    """Change the category, once a form. Raises as outbox.hold_back and referrals.change_category do."""
    if referrals.changes_readers(tip, category):
        fields = {"category": category.pk, "reason": reason}
        outbox.hold_back(tip, officer, PendingAct.Kind.MOVE, fields, form_id, shown_stamp=shown_stamp, batch=batch)
    else:
        referrals.change_category(tip, officer, category, reason, form_id, shown_stamp=shown_stamp, batch=batch)
