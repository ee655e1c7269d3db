"""Links tips that are about one event, and takes them apart again: acts of officers, with their history.

All tips of one event are linked to each other. Only tips that the same people see can be linked, none that is walled; what later
moves to others is left out for those who no longer see both. Nothing of a link shows on a source's pages.

The audit trail has one line, about the tip whose page the officer was on: a line each would stand side by side, and tell
everyone who reads the trail's table which tips are linked. The tips' own sealed records have both sides.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from core.web.asked_once import forget_answers, once_a_request
from tips import conversation
from tips.conversation import ConversationEntry
from tips.desk import permissions, triage
from tips.desk.alike import link_records
from tips.desk.alike.link_records import LinkEntry
from tips.desk.triage import TransitionError
from tips.models import Tip
from tips.walls import visibility

MAX_LINKED = 60


@dataclass(frozen=True, slots=True)
class HistoryLine:
    """One act in the history of a tip's links, as an officer may see it: `number` is None for a tip that they don't see."""

    by: str
    moment: dt.datetime
    is_linked: bool
    number: int | None


def list_linked(officer: Account, tip: Tip) -> list[Tip]:
    """Return the tips linked to this one that the officer sees, by number; none of a walled tip."""
    if visibility.is_walled(tip):
        return []
    if not (linked := _read_links(tip).linked):
        return []
    visible = permissions.visible_tips(officer).filter(~visibility.WALLED, pk__in=linked)
    return list(visible.select_related("category", "assigned_to").defer("report").order_by("number"))


@once_a_request
def _read_links(tip: Tip) -> link_records.TipLinks:
    return link_records.read([tip.pk]).get(tip.pk, link_records.TipLinks())


def list_history(officer: Account, tip: Tip) -> list[HistoryLine]:
    """Return the history of a tip's links, newest first."""
    links = _read_links(tip)
    if not links.history:
        return []
    others = {entry.other for entry in links.history}
    visible = permissions.visible_tips(officer).filter(~visibility.WALLED, pk__in=others)
    numbers = dict(visible.values_list("pk", "number"))
    return [
        HistoryLine(entry.by, entry.moment(), entry.is_linked, numbers.get(entry.other))
        for entry in reversed(links.history)
    ]


def link(tip: Tip, others: Iterable[UUID], officer: Account) -> int:
    """Link a tip to others, and to all that these are linked to. Return how many tips are new to the tip.

    Raises TransitionError, conversation.TipGoneError, PermissionDenied, vault.SealError, vault.KeyMissingError.
    """
    permissions.require(permissions.can_act(officer))
    others = set(others)
    with transaction.atomic():
        wanted = {tip.pk, *others}
        before = link_records.read(wanted)
        wanted |= {linked for links in before.values() for linked in links.linked}
        tips = _lock(wanted, officer)
        if tip.pk not in tips:
            raise conversation.TipGoneError
        if not others <= tips.keys():
            raise TransitionError(_("You see no such tip, so nothing was linked."))
        _refuse_to_mix(tips[tip.pk], [tips[other] for other in others])
        kept = {tip_id for tip_id, each in tips.items() if _readers_of(each) == _readers_of(tips[tip.pk])}
        if len(kept) > MAX_LINKED:
            raise TransitionError(
                _("At most %(count)d tips can be linked. Nothing was linked.") % {"count": MAX_LINKED}
            )
        records = link_records.read(kept)
        new = kept - {tip.pk} - records.get(tip.pk, link_records.TipLinks()).linked
        if not new:
            return 0
        _write(tips, {(one, other) for one in kept for other in kept if one != other}, officer, is_linked=True)
        audit.record(officer, "linked", f"tip {tip.number}")
    return len(new)


def unlink(tip: Tip, other_id: UUID, officer: Account) -> None:
    """Take another tip out of those that this one is linked to: out of all of them. Raises as `link` does."""
    permissions.require(permissions.can_act(officer))
    with transaction.atomic():
        linked = link_records.read([tip.pk]).get(tip.pk, link_records.TipLinks()).linked
        tips = _lock({tip.pk, other_id, *linked}, officer)
        if not {tip.pk, other_id} <= tips.keys():
            raise conversation.TipGoneError
        if other_id not in linked:
            return
        rest = tips.keys() - {other_id}
        _write(tips, {pair for each in rest for pair in ((each, other_id), (other_id, each))}, officer, is_linked=False)
        audit.record(officer, "unlinked", f"tip {tip.number}")


def read_shared_notes(officer: Account, tip: Tip, linked: Sequence[Tip]) -> list[tuple[Tip, ConversationEntry]]:
    """Return the notes on the tips linked to this one, oldest first. That the officer read them is recorded, once a shift.

    The line names this tip alone: lines about the others beside it would tell which are linked. Their sealed records do. Must not be called in a transaction. Raises vault.SealError, vault.KeyMissingError, PermissionDenied.
    """
    permissions.require(permissions.can_open(officer))
    with_notes = [other for other in linked if other.notes.exists()]
    if with_notes:
        with transaction.atomic(durable=True):
            audit.record_once(officer, "read notes linked to", f"tip {tip.number}", triage.SHIFT)
    entries = [(other, entry) for other in with_notes for entry in conversation.read_notes(other)]
    # A translation says what the other source wrote: it stands on their tip's own page, which is recorded when it is opened.
    notes = [(other, entry) for other, entry in entries if entry.translates is None]
    return sorted(notes, key=lambda pair: pair[1].written_at)


def _write(tips: dict[UUID, Tip], pairs: set[tuple[UUID, UUID]], officer: Account, *, is_linked: bool) -> None:
    forget_answers()
    at = timezone.now().isoformat(timespec="minutes")
    records = link_records.read(tips)
    for one, other in sorted(pairs):
        links = records.get(one, link_records.TipLinks())
        if (other in links.linked) != is_linked:
            records[one] = links.with_entry(LinkEntry(officer.get_username(), at, is_linked, other))
    for tip_id in sorted({one for one, _other in pairs}):
        link_records.write(tips[tip_id], records.get(tip_id, link_records.TipLinks()))


def _lock(tip_ids: Iterable[UUID], officer: Account) -> dict[UUID, Tip]:
    """Lock those of these tips that the officer sees and that are not walled, always in the same order."""
    visible = permissions.visible_tips(officer).filter(~visibility.WALLED, pk__in=list(tip_ids))
    rows = visible.select_for_update(no_key=True, of=("self",)).select_related("category").order_by("pk")
    return {tip.pk: tip for tip in rows}


def _readers_of(tip: Tip) -> tuple[int | None, int | None]:
    return tip.unit_id, tip.category_id if tip.category.is_sensitive else None


def _refuse_to_mix(tip: Tip, others: Iterable[Tip]) -> None:
    for other in others:
        if _readers_of(other) != _readers_of(tip):
            raise TransitionError(
                _("Tip %(number)s is seen by other people than this one, so they can't be linked.")
                % {"number": other.number}
            )
