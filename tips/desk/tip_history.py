"""Words the acts of officers on a tip from the audit trail: for the tip's time line and for a post that came too late.

Only acts that every reader of the tip may know of: never what concerned its wall, which would tell the person it names that it
was walled, and no views of files. Nothing here is about the source, so no time of theirs is finer than elsewhere on the page.
To show another act, add its action to _SENTENCES and _LABELS.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from core.models import Account, AuditEntry
from tips.desk.moments import describe_day, describe_moment, describe_time
from tips.models import Disposition, Tip

OPENED, ANSWERED, WROTE_NOTE = "opened", "answered", "wrote a note on"
CLOSED, CORRECTED = "closed", "corrected the closing of"
# Acts that the time line shows as a message or note of their own.
WRITTEN_ACTIONS = (ANSWERED, WROTE_NOTE)
_MAX_LINES = 500  # of one tip; the oldest are left out
_TOOK, _HANDED_BACK = "took", "handed back"

# A sentence and a short label for each action of the trail. `detail` is the line's detail, in words.
_SENTENCES: dict[str, Promise] = {
    OPENED: gettext_lazy("%(when)s, %(name)s opened this tip."),
    ANSWERED: gettext_lazy("%(when)s, %(name)s answered."),
    WROTE_NOTE: gettext_lazy("%(when)s, %(name)s wrote a note."),
    "assigned": gettext_lazy("%(when)s, %(name)s assigned it to %(detail)s."),
    "reminded": gettext_lazy("%(when)s, %(name)s reminded %(detail)s of it, since it was late."),
    _TOOK: gettext_lazy("%(when)s, %(name)s took this tip."),
    _HANDED_BACK: gettext_lazy("%(when)s, %(name)s handed it back, so nobody has it."),
    "set to waiting": gettext_lazy("%(when)s, %(name)s set it to wait for the source."),
    "stopped waiting on": gettext_lazy("%(when)s, %(name)s stopped waiting for the source."),
    CLOSED: gettext_lazy("%(when)s, %(name)s closed it: %(detail)s."),
    "reopened": gettext_lazy("%(when)s, %(name)s opened it again."),
    "referred": gettext_lazy("%(when)s, %(name)s referred it: %(detail)s."),
    "took back": gettext_lazy("%(when)s, %(name)s took it back: %(detail)s."),
    "changed the category of": gettext_lazy("%(when)s, %(name)s changed the category: %(detail)s."),
    "changed the priority of": gettext_lazy("%(when)s, %(name)s changed the priority: %(detail)s."),
    "put a legal hold on": gettext_lazy("%(when)s, %(name)s put it under legal hold."),
    "ended the legal hold of": gettext_lazy("%(when)s, %(name)s ended the legal hold."),
    CORRECTED: gettext_lazy("%(when)s, %(name)s corrected what came of it."),
    "marked as spam": gettext_lazy("%(when)s, %(name)s marked it as spam."),
    "took out of spam": gettext_lazy("%(when)s, %(name)s took it out of spam."),
    "muted the source of": gettext_lazy("%(when)s, %(name)s muted its source."),
    "ended the mute of": gettext_lazy("%(when)s, %(name)s ended the mute of its source."),
    "told dispatch of": gettext_lazy("%(when)s, %(name)s told dispatch."),
    "snoozed": gettext_lazy("%(when)s, %(name)s put it aside."),
    "woke": gettext_lazy("%(when)s, %(name)s ended its snooze."),
    "did not carry out": gettext_lazy("%(when)s, an act on it did not go out. A note says why."),
    "undid": gettext_lazy("%(when)s, %(name)s undid an act."),
    "asked to close": gettext_lazy("%(when)s, %(name)s asked a second person to agree to close it."),
    "agreed to close": gettext_lazy("%(when)s, %(name)s agreed to close it."),
    "refused to close": gettext_lazy("%(when)s, %(name)s refused to close it."),
    "linked": gettext_lazy("%(when)s, %(name)s linked it to another tip."),
    "unlinked": gettext_lazy("%(when)s, %(name)s unlinked it from another tip."),
    "read notes linked to": gettext_lazy("%(when)s, %(name)s read the notes on linked tips."),
}
_LABELS: dict[str, Promise] = {
    OPENED: pgettext_lazy("what was done with a tip", "opened"),
    ANSWERED: pgettext_lazy("what was done with a tip", "answered"),
    WROTE_NOTE: pgettext_lazy("what was done with a tip", "note"),
    "assigned": pgettext_lazy("what was done with a tip", "assigned"),
    "reminded": pgettext_lazy("what was done with a tip", "reminder"),
    _TOOK: pgettext_lazy("what was done with a tip", "taken"),
    _HANDED_BACK: pgettext_lazy("what was done with a tip", "handed back"),
    "set to waiting": pgettext_lazy("what was done with a tip", "waiting for the source"),
    "stopped waiting on": pgettext_lazy("what was done with a tip", "no longer waiting"),
    CLOSED: pgettext_lazy("what was done with a tip", "closed"),
    "reopened": pgettext_lazy("what was done with a tip", "opened again"),
    "referred": pgettext_lazy("what was done with a tip", "referred"),
    "took back": pgettext_lazy("what was done with a tip", "taken back"),
    "changed the category of": pgettext_lazy("what was done with a tip", "category"),
    "changed the priority of": pgettext_lazy("what was done with a tip", "priority"),
    "put a legal hold on": pgettext_lazy("what was done with a tip", "legal hold"),
    "ended the legal hold of": pgettext_lazy("what was done with a tip", "legal hold ended"),
    CORRECTED: pgettext_lazy("what was done with a tip", "closing corrected"),
    "marked as spam": pgettext_lazy("what was done with a tip", "spam"),
    "took out of spam": pgettext_lazy("what was done with a tip", "not spam"),
    "muted the source of": pgettext_lazy("what was done with a tip", "muted"),
    "ended the mute of": pgettext_lazy("what was done with a tip", "no longer muted"),
    "told dispatch of": pgettext_lazy("what was done with a tip", "dispatch told"),
    "snoozed": pgettext_lazy("what was done with a tip", "snoozed"),
    "woke": pgettext_lazy("what was done with a tip", "awake"),
    "did not carry out": pgettext_lazy("what was done with a tip", "not sent"),
    "undid": pgettext_lazy("what was done with a tip", "undone"),
    "asked to close": pgettext_lazy("what was done with a tip", "second person asked"),
    "agreed to close": pgettext_lazy("what was done with a tip", "agreed"),
    "refused to close": pgettext_lazy("what was done with a tip", "refused"),
    "linked": pgettext_lazy("what was done with a tip", "linked"),
    "read notes linked to": pgettext_lazy("what was done with a tip", "notes of linked tips read"),
    "unlinked": pgettext_lazy("what was done with a tip", "unlinked"),
}


@dataclass(frozen=True, slots=True)
class TipChange:
    """One act of an officer on a tip. `actor` is the username, `name` what colleagues call the officer."""

    at: dt.datetime
    actor: str
    name: str
    action: str
    detail: str

    @property
    def label(self) -> str:
        return str(_LABELS[self.action])

    @property
    def sentence(self) -> str:
        values = {"name": self.name, "when": capfirst(describe_moment(self.at)), "detail": self.detail}
        return str(_SENTENCES[self.action]) % values


def list_changes(tip: Tip, since: dt.datetime | None = None) -> list[TipChange]:
    """Return the acts on a tip in their order; with `since`, those after that time."""
    lines = AuditEntry.objects.filter(subject=f"tip {tip.number}", action__in=_SENTENCES)
    if since is not None:
        lines = lines.filter(at__gt=since)
    rows = list(lines.order_by("-id").values_list("at", "actor", "action", "detail")[:_MAX_LINES])
    names = _name_accounts({actor for _at, actor, _action, _detail in rows} | {_read_assignee(row[3]) for row in rows})
    return [_read_line(*row, names) for row in reversed(rows)]


def find_last_act(tip_number: int, officer: Account) -> dt.datetime | None:
    """Return when this officer last did something with the tip, or opened it, as the trail has it."""
    lines = AuditEntry.objects.filter(subject=f"tip {tip_number}", actor=officer.get_username())
    return lines.order_by("-id").values_list("at", flat=True).first()


def describe_since(tip: Tip, since: dt.datetime, but: Account) -> list[str]:
    """Return a sentence for each of the last three acts of others on a tip since then, openings left out."""
    changes = [
        change
        for change in list_changes(tip, since)
        if change.actor != but.get_username() and change.action not in (OPENED, WROTE_NOTE)
    ]
    return [change.sentence for change in changes[-3:]]


def _read_line(at: dt.datetime, actor: str, action: str, detail: str, names: dict[str, str]) -> TipChange:
    match action:
        case "assigned" if detail == "to nobody":
            action, detail = _HANDED_BACK, ""
        case "assigned":
            assignee = _read_assignee(detail)
            action, detail = (_TOOK, "") if assignee == actor else (action, names.get(assignee, assignee))
        case "reminded":
            detail = names.get(_read_assignee(detail), _read_assignee(detail))
        case action if action in (CLOSED, CORRECTED):
            detail = str(Disposition(detail).label) if detail in Disposition.values else detail
    return TipChange(at, actor, names.get(actor, actor), action, detail)


def _read_assignee(detail: str) -> str:
    return detail.removeprefix("to ") if detail.startswith("to ") else ""


def _name_accounts(usernames: set[str]) -> dict[str, str]:
    accounts = Account.objects.filter(username__in=usernames)
    return {account.get_username(): account.get_full_name() or account.get_username() for account in accounts}


def describe_group(changes: Sequence[TipChange]) -> str:
    """Return one line for the acts between two messages: who, from when to when, and what."""
    first, last = changes[0], changes[-1]
    when = describe_moment(first.at)
    if len(changes) > 1 and describe_moment(last.at) != when:
        end = describe_time(last.at) if describe_day(first.at) == describe_day(last.at) else describe_moment(last.at)
        when = _("%(first)s to %(last)s") % {"first": when, "last": end}
    names = list(dict.fromkeys(change.name for change in changes))
    who = names[0] if len(names) == 1 else ", ".join(names)
    labels = ", ".join(dict.fromkeys(change.label for change in changes))
    return _("%(names)s, %(when)s: %(labels)s") % {"names": who, "when": when, "labels": labels}
