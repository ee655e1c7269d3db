"""A row of the queue: what an officer reads about a tip before opening it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from core.models import Account
from core.staff import list_filters
from tips.desk.assignees import describe_assignee
from tips.desk.queue import targets
from tips.models import Priority, State, Tip


@dataclass(frozen=True, slots=True)
class Row:
    """The words of one row. `chip` asks for something, `state` is plain; one of the two is shown."""

    pk: UUID
    number: int
    address: str
    line: str
    is_unseen: bool
    needs_you: bool
    chip: str
    chip_class: str
    state: str
    details: list[str]
    assignee: str
    due: targets.Due | None


def build_row(tip: Tip, account: Account, query: str, now: dt.datetime) -> Row:
    """Return the row of a tip from the list's query, which has its annotations."""
    chip, chip_class = _choose_chip(tip)
    details = [] if tip.unit is None or tip.category.is_sensitive else [str(tip.unit)]
    return Row(
        pk=tip.pk,
        number=tip.number,
        address=list_filters.row_address(reverse("admin:tips_tip_change", args=[tip.pk]), query),
        line=str(tip.category),
        is_unseen=tip.state == State.NEW or tip.has_unread,  # type: ignore[attr-defined]
        needs_you=tip.needs_you,  # type: ignore[attr-defined]
        chip=chip,
        chip_class=chip_class,
        state=_describe_state(tip),
        details=details,
        assignee=_describe_holder(tip, account),
        due=targets.measure(tip, now),
    )


def _choose_chip(tip: Tip) -> tuple[str, str]:
    """Return the chip's words and class; ("", "") if nothing is asked of an officer."""
    has_unread: bool = tip.has_unread  # type: ignore[attr-defined]
    if tip.state == State.CLOSED:
        return (_("Wrote after close"), "word-gold") if has_unread else ("", "")
    if tip.priority == Priority.URGENT:
        return _("Urgent"), "word-red"
    if tip.state == State.NEW:
        return _("New"), ""
    return (_("Source wrote"), "") if has_unread else ("", "")


def _describe_state(tip: Tip) -> str:
    words = str(State(tip.state).label)
    return f"{words}: {tip.get_disposition_display()}" if tip.disposition else words


def _describe_holder(tip: Tip, account: Account) -> str:
    if tip.assigned_to is None:
        return _("Nobody")
    return _("You") if tip.assigned_to_id == account.pk else describe_assignee(tip.assigned_to)
