"""The decisions about a wall: release the tip to its unit, keep the wall for named people, or refer the tip outside.

Each is recorded in the audit trail without the names of those whom the tip is about; the reason is sealed with the wall's record.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import audit
from core.models import Account
from core.web.asked_once import forget_answers
from tips.conversation import TipGoneError
from tips.desk import permissions
from tips.models import Alert, Tip, Wall
from tips.readers import desk_accounts
from tips.walls import records, visibility
from tips.walls.records import WallRecord

_ACTIONS = {
    Wall.Decision.RELEASED: "released to its unit",
    Wall.Decision.KEPT: "kept walled",
    Wall.Decision.OUTSIDE: "referred outside",
}


@dataclasses.dataclass(frozen=True, slots=True)
class WalledTip:
    """A walled tip as those who decide see it, with its opened record and the people that the tip names."""

    tip: Tip
    wall: Wall
    record: WallRecord
    named: list[Account]


def find_walled_tip(tip_id: UUID, account: Account) -> WalledTip:
    """Return a walled tip that this account may decide about. Raises TipGoneError, vault.SealError, vault.KeyMissingError."""
    tip = permissions.find_tip(tip_id, account)
    if not visibility.may_decide(tip, account):
        raise TipGoneError
    wall = Wall.objects.get(tip=tip)
    record = records.read_record(wall)
    named = list(Account.objects.filter(pk__in=record.named).order_by("last_name", "username"))
    return WalledTip(tip, wall, record, named)


def list_possible_readers(record: WallRecord) -> QuerySet[Account]:
    """Return the accounts of the desk that a walled tip may be shown to: those it does not name."""
    return desk_accounts().exclude(pk__in=record.named).order_by("last_name", "username")


def decide(
    tip_id: UUID, account: Account, decision: Wall.Decision, reason: str, readers: Collection[Account] = ()
) -> None:
    """Make and record a decision, and have the people alerted who see the tip from then on.

    A release covers the people that the tip names now: only a new message or a newly entered name walls it again. Raises as
    find_walled_tip does.
    """
    with transaction.atomic():
        locked = Tip.objects.select_for_update(no_key=True, of=("self",)).filter(pk=tip_id).first()
        if locked is None:
            raise TipGoneError
        found = find_walled_tip(tip_id, account)
        record = records.add_decision(found.record, account, decision, reason, timezone.now())
        if decision == Wall.Decision.RELEASED:
            record = dataclasses.replace(record, considered=record.named)
        found.wall.record = records.seal_record(found.tip, record)
        found.wall.decision = decision
        found.wall.save(update_fields=["record", "decision"])
        allowed = set(list_possible_readers(record).filter(pk__in=[reader.pk for reader in readers]))
        found.wall.readers.set(allowed if decision == Wall.Decision.KEPT else ())
        forget_answers()
        if decision in (Wall.Decision.RELEASED, Wall.Decision.KEPT):
            _alert_again(found.tip)
        audit.record(account, _ACTIONS[decision], f"tip {found.tip.number}")


def _alert_again(tip: Tip) -> None:
    """Have the tip's last alert go to those who see the tip now; nobody gets it a second time."""
    last = Alert.objects.filter(tip=tip, state=Alert.AlertState.WALLED).order_by("-raised_at").first()
    if last is not None:
        Alert.objects.filter(pk=last.pk).update(state=Alert.AlertState.HELD)
