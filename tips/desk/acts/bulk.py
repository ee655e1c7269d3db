"""Acts on a selection of tips: one transaction a tip, one undo for all, and a tip that changed meanwhile is left out and named.

Tips are never opened or erased this way.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _

from core.models import Account
from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tips import vault
from tips.conversation import TipGoneError
from tips.desk import permissions
from tips.desk.triage import TipChangedError, TransitionError
from tips.models import PendingAct, Tip

# A larger selection is acted on only after the officer has typed its number.
CONFIRMED_FROM = 31
MOST = 500
# Longer work goes on in the next request, on a page that says how far it is.
SECONDS_AT_ONCE = 5.0

_SQL = SqlCache()

# Does one act on one tip, for this form and batch.
Act = Callable[[Tip, bytes, UUID], object]
# Does one act on many tips, and returns why not by the tips that are left out ("": changed meanwhile).
GroupAct = Callable[[Sequence[Tip], bytes, UUID], dict[UUID, str]]


@dataclass(slots=True)
class BulkOutcome:
    """The result of a bulk act: the number of tips it was done on, and the numbers of tips left out by reason, a sentence.

    `remaining` are the tips for which there was no time: the same form goes on with them.
    """

    done_count: int = 0
    remaining: list[Tip] = field(default_factory=list)
    left_out: dict[str, list[int]] = field(default_factory=dict)

    def leave_out(self, tip: Tip, reason: str) -> None:
        self.left_out.setdefault(reason, []).append(tip.number)


def stamp_rows(tip_ids: Iterable[UUID], account: Account) -> dict[UUID, str]:
    """Return a digest of each visible tip as a row shows it; a later change or message alters it. Two queries.

    Coarser than triage.stamp, which a tip's page uses: it knows nothing of what an officer has not been shown.
    """
    ids = [str(tip_id) for tip_id in tip_ids]

    def select_tips() -> QuerySet[Tip, tuple[Any, ...]]:
        tips = permissions.visible_tips(account).filter(AmongIds("pk", ids)).order_by()
        columns = ("pk", "state", "disposition", "priority", "assigned_to", "category", "unit", "legal_hold")
        return tips.annotate(message_count=Count("messages")).values_list(*columns, "message_count")

    rows = _SQL.fetch_rows(permissions.describe_sight(account), select_tips, ids)
    seen = [str(row[0]) for row in rows]
    acts = _SQL.fetch_rows(
        "acts", lambda: PendingAct.objects.filter(AmongIds("tip", seen)).values_list("tip", "kind"), seen
    )
    pending: dict[UUID, list[str]] = {}
    for tip_id, kind in acts:
        pending.setdefault(tip_id, []).append(kind)
    return {
        row[0]: hashlib.sha256(repr((row[1:], sorted(pending.get(row[0], [])))).encode()).hexdigest()[:8]
        for row in rows
    }


def run(tips: Sequence[Tip], officer: Account, act: Act, form_id: bytes, shown: dict[UUID, str]) -> BulkOutcome:
    """Do an act on each of these visible tips whose row is as it was shown, for SECONDS_AT_ONCE at most.

    `shown` has the stamps of the rows. A tip on which this form acted is left alone.
    """
    outcome, batch = BulkOutcome(), _name_batch(form_id)
    unchanged = _choose_unchanged(tips, officer, batch, shown, outcome)
    deadline = time.monotonic() + SECONDS_AT_ONCE
    for index, tip in enumerate(unchanged):
        if time.monotonic() > deadline:
            outcome.remaining = unchanged[index:]
            break
        try:
            act(tip, form_id, batch)
        except TransitionError as problem:
            outcome.leave_out(tip, str(problem))
        except (TipChangedError, TipGoneError):
            outcome.leave_out(tip, _describe_change())
        except (vault.SealError, vault.KeyMissingError):
            outcome.leave_out(tip, _("Its keys don't work on this server. Tell an administrator."))
        else:
            outcome.done_count += 1
    return outcome


def run_together(
    tips: Sequence[Tip], officer: Account, act: GroupAct, form_id: bytes, shown: dict[UUID, str]
) -> BulkOutcome:
    """Do an act that is made for many tips on those whose row is as it was shown, in one transaction."""
    outcome, batch = BulkOutcome(), _name_batch(form_id)
    unchanged = _choose_unchanged(tips, officer, batch, shown, outcome)
    refused = act(unchanged, form_id, batch)
    for tip in unchanged:
        if tip.pk in refused:
            outcome.leave_out(tip, refused[tip.pk] or _describe_change())
    outcome.done_count = len(unchanged) - len(refused)
    return outcome


def _name_batch(form_id: bytes) -> UUID:
    return UUID(bytes=hashlib.sha256(b"batch" + form_id).digest()[:16])


def _choose_unchanged(
    tips: Sequence[Tip], officer: Account, batch: UUID, shown: dict[UUID, str], outcome: BulkOutcome
) -> list[Tip]:
    """Return the tips that are as they were shown and on which this form has not acted; the outcome names the changed ones."""
    present = stamp_rows([tip.pk for tip in tips], officer)
    done = set(PendingAct.objects.filter(batch=batch).values_list("tip_id", flat=True))
    unchanged = []
    for tip in tips:
        if tip.pk in done:
            continue
        if shown.get(tip.pk) == present.get(tip.pk):
            unchanged.append(tip)
        else:
            outcome.leave_out(tip, _describe_change())
    return unchanged


def _describe_change() -> str:
    return _("Something changed meanwhile. Look again.")
