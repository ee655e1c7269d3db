"""The line that a row shows of what a source wrote."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from core.models import Account
from tips import vault
from tips.desk import permissions, worklist
from tips.desk.queue import summaries, summary_record
from tips.models import Tip


def record_and_open(
    account: Account, listed: Collection[Tip], newest: dict[UUID, summaries.NewestMessage]
) -> dict[UUID, summaries.Summary]:
    """Return the lines of the tips that have one for this account; that they are shown is recorded before any is opened.

    Sensitive and walled tips have none, not even for the people who may open them: no one reads them in passing.
    """
    if not permissions.can_open(account):
        return {}
    open_to_all = [tip for tip in listed if not tip.category.is_sensitive and not tip.is_walled]  # type: ignore[attr-defined]
    try:
        summary_record.record_shown(account, [(tip.number, newest[tip.pk].position) for tip in open_to_all])
    except (vault.KeyMissingError, vault.SealError):
        return {}
    return summaries.open_summaries({tip.pk: newest[tip.pk] for tip in open_to_all})


def load_lines(account: Account, tip_ids: Collection[UUID]) -> dict[UUID, str]:
    """Return what the rows of these tips would say first; those that the account doesn't see are missing.

    Records the lines as the queue does. Must not be called in a transaction.
    """
    if not tip_ids:
        return {}
    found = worklist.visible_with_unread(account).filter(pk__in=tip_ids)
    listed = list(found.select_related("category").only("number", "category"))
    opened = record_and_open(account, listed, summaries.find_newest([tip.pk for tip in listed]))
    return {tip.pk: opened[tip.pk].line if tip.pk in opened else str(tip.category) for tip in listed}
