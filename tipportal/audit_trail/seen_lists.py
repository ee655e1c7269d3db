"""Opens the sealed list of the lines of tips that an officer was shown during a shift, for a supervisor who gives a reason.

That it was opened is recorded before it is, with the reason sealed as the words of searches are. Of tips that the supervisor may not see,
or that are gone, nothing is shown: not even that the list has such lines.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core import audit
from core.models import Account, AuditEntry
from tips import vault
from tips.desk import permissions, search_record
from tips.desk.queue import summary_record
from tips.models import SummaryList, Tip

OPENED = "opened a list of summaries"
MAX_REASON = 200
_LIST = re.compile(r", list (\d+) [0-9a-f]{32}\Z")


@dataclass(frozen=True, slots=True)
class SeenTip:
    """A tip of a list: what of it was shown, in words, and whether the officer opened it at any time."""

    tip: Tip
    shown: str
    was_opened: bool


def find_list_id(line: AuditEntry) -> int | None:
    """Return the list that a line of the trail is about; None for other lines."""
    found = _LIST.search(line.detail) if line.action == summary_record.SAW else None
    return int(found[1]) if found else None


def find_ended(list_id: int) -> SummaryList | None:
    """Return a list whose shift is over; the present one isn't opened, so that none is opened to follow an officer."""
    return SummaryList.objects.filter(pk=list_id, audit_entry__isnull=False).select_related("officer").first()


def is_unchanged(shown: SummaryList) -> bool:
    """Return whether the list is the one that its line in the audit trail was written for."""
    line = AuditEntry.objects.filter(pk=shown.audit_entry or 0).first()
    return line is not None and line.detail.endswith(f", list {shown.pk} {summary_record.digest(shown)}")


def open_list(shown: SummaryList, supervisor: Account, reason: str) -> list[SeenTip] | None:
    """Record the opening with its reason, and return the tips of the list that the supervisor may see; None if it doesn't open.

    Must not be called in a transaction. Raises PermissionDenied.
    """
    permissions.require(permissions.can_hold(supervisor))
    officer = shown.officer.get_username() if shown.officer else summary_record.FORMER_ACCOUNT
    sealed = search_record.seal(supervisor.get_username(), _encode(reason))
    with transaction.atomic(durable=True):
        audit.record(supervisor, OPENED, summary_record.SUBJECT, f"list {shown.pk} of {officer}{sealed}")
    try:
        lines = summary_record.read_lines(shown)
    except (vault.SealError, vault.KeyMissingError):
        return None
    positions: dict[int, list[int]] = {}
    for number, position in lines:
        positions.setdefault(number, []).append(position)
    tips = permissions.visible_tips(supervisor).filter(number__in=positions).defer("report")
    opened = AuditEntry.objects.filter(actor=officer, action="opened", tip__in=positions).values_list("tip", flat=True)
    was_opened = set(opened)
    return [
        SeenTip(tip, _describe(positions[tip.number]), tip.number in was_opened)
        for tip in tips.select_related("category", "unit").order_by("number")
    ]


def fits(reason: str) -> bool:
    """Return whether a reason can be sealed: letters beyond ASCII take more room."""
    return len(reason) <= MAX_REASON and len(_encode(reason)) <= search_record.RECORD_BYTES


def _encode(reason: str) -> bytes:
    return json.dumps([reason], ensure_ascii=False).encode()


def read_reason(line: AuditEntry) -> str:
    """Return the reason for which a list was opened, "" if it can't be read."""
    content = search_record.open_sealed(line.actor, line.detail)
    return str(json.loads(content)[0]) if content else ""


def _describe(positions: list[int]) -> str:
    messages = sum(position > 0 for position in positions)
    of_messages = ngettext(
        "the first words of %(count)s message", "the first words of %(count)s messages", messages
    ) % {"count": messages}
    if not messages:
        return _("the first words of the report")
    if 0 not in positions:
        return of_messages
    return _("the first words of the report, and %(messages)s") % {"messages": of_messages}
