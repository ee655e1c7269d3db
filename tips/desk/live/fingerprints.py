"""One hash of all tips that need an officer and that an account may see: it moves when a row of its desk would look different.

Nothing of a tip that the account may not see goes into it, not even a count: every query starts from `permissions.visible_tips`.
The database computes it in one query, and no seal is opened.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Aggregate, BigIntegerField, Count, F, Func, OuterRef, QuerySet, Subquery, TextField, Value

from core.models import Account
from tips.desk import permissions, worklist
from tips.models import Attachment, Message, Note, PendingAct

_COLUMNS = ("pk", "state", "disposition", "priority", "category", "unit", "assigned_to", "legal_hold", "has_unread")
_DESK_STATE = ("snoozed_after", "snoozed_until", "spam_since", "dispatch_told_after", "muted_until")


class _Sum(Aggregate):
    """Sums 64-bit hashes, whatever the order of the rows: PostgreSQL sums them as numbers without an upper limit."""

    function = "sum"
    output_field = TextField()
    template = "(%(function)s(%(expressions)s))::text"


def hash_visible_tips(account: Account) -> str:
    """Return the hash of what this account may see now, the same in every process."""
    tips = worklist.visible_with_unread(account).filter(worklist.ACTIVE)
    parts: list[Any] = [F(column) for column in _COLUMNS]
    parts += [F(f"desk_state__{column}") for column in _DESK_STATE]
    parts += [
        _per_tip(Message.objects.all(), Count("pk")),
        _per_tip(Note.objects.all(), Count("pk")),
        _per_tip(PendingAct.objects.all(), _Sum(_hash(F("pk"), F("due_at"), F("second_person"), F("is_stuck")))),
        _per_tip(Attachment.objects.all(), _Sum(_hash(F("pk"), F("state")))),
    ]
    return str(tips.annotate(row_hash=_hash(*parts)).aggregate(all_rows=_Sum("row_hash"))["all_rows"])


def find_numbers(account: Account, tip_ids: set[UUID]) -> dict[UUID, int]:
    """Return the numbers of those of the tips that the account may see."""
    return dict(permissions.visible_tips(account).filter(pk__in=tip_ids).values_list("pk", "number"))


def _hash(*parts: Any) -> Func:
    """Return the 64-bit hash of the values in a row. No value of ours contains the separator."""
    texts = [Func(part, template="coalesce((%(expressions)s)::text, '')", output_field=TextField()) for part in parts]
    line = Func(Value("|"), *texts, function="concat_ws", output_field=TextField())
    return Func(line, Value(0), function="hashtextextended", output_field=BigIntegerField())


def _per_tip(rows: QuerySet[Any], value: Any) -> Subquery:
    """Return one value over the rows of each tip."""
    return Subquery(rows.filter(tip=OuterRef("pk")).order_by().values("tip").annotate(value=value).values("value"))
