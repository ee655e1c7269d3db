"""A row of the queue: what an officer reads about a tip before opening it."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from core.staff import list_filters
from tips.desk.alike import languages
from tips.desk.assignees import describe_assignee
from tips.desk.queue import targets
from tips.desk.queue.summaries import Summary
from tips.models import Priority, State, Tip


@dataclass(frozen=True, slots=True)
class Row:
    """The words of one row. `chip` asks for something, `state` is plain; one of the two is shown.

    `alike` says how many tips are like it, `wave` are the rows folded under it (waves.py).

    `language` is that of the report, "" for the desk's own or an unknown one.

    `line` is what the source wrote if `has_line`, else the category: of sensitive and walled tips no word is shown here.
    """

    pk: UUID
    number: int
    address: str
    line: str
    has_line: bool
    is_unseen: bool
    needs_you: bool
    chip: str
    chip_class: str
    state: str
    place: str
    files: str
    language: str
    line_language: str
    unit: str
    assignee: str
    due: targets.Due | None
    is_urgent: bool
    alike: str = ""
    wave: tuple[Row, ...] = ()

    @property
    def shown_number(self) -> str:
        return str(self.number)

    @property
    def css_class(self) -> str:
        is_late = self.due is not None and self.due.is_late
        return " ".join([*(["new"] if self.is_unseen else []), *(["late"] if is_late else [])])

    @property
    def pick_words(self) -> str:
        return _("Choose tip %(number)s") % {"number": self.number}

    @property
    def open_words(self) -> str:
        words = _("Tip %(number)s, new:") if self.is_unseen else _("Tip %(number)s:")
        return words % {"number": self.number}

    @property
    def details(self) -> list[str]:
        """Return what the second line says after the place."""
        return [each for each in (self.unit, self.files, self.language, self.alike) if each]


def build_row(
    tip: Tip,
    account: Account,
    query: str,
    *,
    due: targets.Due | None,
    summary: Summary | None,
    file_count: int,
    language: str,
    is_unread: bool,
) -> Row:
    """Return the row of a tip from the list's query, which has its annotations."""
    chip, chip_class = _choose_chip(tip, due)
    files = ngettext("%(count)s file", "%(count)s files", file_count) % {"count": file_count} if file_count else ""
    return Row(
        pk=tip.pk,
        number=tip.number,
        address=list_filters.row_address(reverse("admin:tips_tip_change", args=[tip.pk]), query),
        line=summary.line if summary else str(tip.category),
        has_line=summary is not None and not summary.is_damaged,
        is_unseen=is_unread,
        needs_you=tip.needs_you,  # type: ignore[attr-defined]
        chip=chip,
        chip_class=chip_class,
        state=_describe_state(tip),
        place=_describe_place(summary),
        files=files,
        language=languages.describe_foreign(language),
        line_language=language if summary and not summary.position else "",
        unit="" if tip.unit is None or tip.category.is_sensitive else str(tip.unit),
        assignee=_describe_holder(tip, account),
        due=due,
        is_urgent=tip.priority == Priority.URGENT,
    )


def _describe_place(summary: Summary | None) -> str:
    if summary is None or summary.is_damaged:
        return ""
    return summary.place or _("no place given")


def _choose_chip(tip: Tip, due: targets.Due | None) -> tuple[str, str]:
    """Return the chip's words and class; ("", "") if nothing is asked of an officer."""
    has_unread: bool = tip.has_unread  # type: ignore[attr-defined]
    is_closed = tip.state == State.CLOSED
    if is_closed or tip.is_asleep:  # type: ignore[attr-defined]
        return (_("Wrote after close"), "word-gold") if is_closed and has_unread else ("", "")
    if tip.priority == Priority.URGENT:
        return _("Urgent"), "word-red"
    if tip.state == State.WAITING and due is not None and due.is_late:
        return _("No answer"), "word-gold"
    if tip.state == State.NEW:
        return _("New"), ""
    if _is_awake_again(tip):
        return _("Snooze over"), "word-gold"
    return (_("Source wrote"), "") if has_unread else ("", "")


def _is_awake_again(tip: Tip) -> bool:
    state = getattr(tip, "desk_state", None)
    return state is not None and state.snoozed_after is not None and not tip.has_unread  # type: ignore[attr-defined]


def _describe_state(tip: Tip) -> str:
    state = getattr(tip, "desk_state", None)
    if state is not None and state.spam_since:
        return _("Spam since %(day)s") % {"day": date_format(state.spam_since, "MONTH_DAY_FORMAT")}
    if tip.is_asleep and state is not None:  # type: ignore[attr-defined]
        if state.snoozed_until is None:
            return _("Snoozed until the source writes")
        return _("Snoozed to %(time)s") % {"time": date_format(timezone.localtime(state.snoozed_until), "D P")}
    words = str(State(tip.state).label)
    return f"{words}: {tip.get_disposition_display()}" if tip.disposition else words


def _describe_holder(tip: Tip, account: Account) -> str:
    if tip.assigned_to is None:
        return _("Nobody")
    return _("You") if tip.assigned_to_id == account.pk else describe_assignee(tip.assigned_to)
