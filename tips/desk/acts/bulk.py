"""Acts on a selection of tips: one transaction a tip, one undo for all, and a tip that changed meanwhile is left out and named.

Tips are never opened or erased this way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from django.db.models import Count
from django.utils.translation import gettext as _

from core.models import Account
from tips import vault
from tips.conversation import TipGoneError
from tips.desk import permissions
from tips.desk.triage import TipChangedError, TransitionError
from tips.models import PendingAct, Tip

# A larger selection is acted on only after the officer has typed its number.
CONFIRMED_FROM = 31
MOST = 500

# Does one act on one tip, for this form and batch.
Act = Callable[[Tip, bytes, UUID], object]


@dataclass(slots=True)
class BulkOutcome:
    """The result of a bulk act: the number of tips it was done on, and the numbers of tips left out by reason, a sentence."""

    done_count: int = 0
    left_out: dict[str, list[int]] = field(default_factory=dict)

    def leave_out(self, tip: Tip, reason: str) -> None:
        self.left_out.setdefault(reason, []).append(tip.number)


def stamp_rows(tip_ids: Iterable[UUID], account: Account) -> dict[UUID, str]:
    """Return a digest of each visible tip as a row shows it; a later change or message alters it. Two queries.

    Coarser than triage.stamp, which a tip's page uses: it knows nothing of what an officer has not been shown.
    """
    tips = permissions.visible_tips(account).filter(pk__in=tip_ids).order_by()
    columns = ("pk", "state", "disposition", "priority", "assigned_to", "category", "unit", "legal_hold")
    rows = tips.annotate(message_count=Count("messages")).values_list(*columns, "message_count")
    pending: dict[UUID, list[str]] = {}
    for tip_id, kind in PendingAct.objects.filter(tip__in=tips.values("pk")).values_list("tip", "kind"):
        pending.setdefault(tip_id, []).append(kind)
    return {
        row[0]: hashlib.sha256(repr((row[1:], sorted(pending.get(row[0], [])))).encode()).hexdigest()[:8]
        for row in rows
    }


def run(tips: Sequence[Tip], officer: Account, act: Act, form_id: bytes, shown: dict[UUID, str]) -> BulkOutcome:
    """Do an act on each of these visible tips whose row is as it was shown. `shown` has the stamps of the rows."""
    batch = UUID(bytes=hashlib.sha256(b"batch" + form_id).digest()[:16])
    present = stamp_rows([tip.pk for tip in tips], officer)
    outcome = BulkOutcome()
    changed = _("Something changed meanwhile. Look again.")
    if PendingAct.objects.filter(batch=batch).exists():
        return outcome  # the same form a second time
    for tip in tips:
        if shown.get(tip.pk) != present.get(tip.pk):
            outcome.leave_out(tip, changed)
            continue
        try:
            act(tip, form_id, batch)
        except TransitionError as problem:
            outcome.leave_out(tip, str(problem))
        except (TipChangedError, TipGoneError):
            outcome.leave_out(tip, changed)
        except (vault.SealError, vault.KeyMissingError):
            outcome.leave_out(tip, _("Its keys don't work on this server. Tell an administrator."))
        else:
            outcome.done_count += 1
    return outcome
