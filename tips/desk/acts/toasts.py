"""Words the acts that an officer can undo right now: one toast an act, one for all acts on a selection."""

from __future__ import annotations

import datetime as dt
import math
from dataclasses import dataclass
from uuid import UUID

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from core.models import Account
from tips.desk import outbox
from tips.desk.acts.reversals import UNDO_SECONDS, Kind
from tips.models import Disposition, PendingAct

_SHOWN = 3
# Answers to the tips of an event leave within hours: their undo is in each tip's time line, not on every page.
_SHOWN_FOR = dt.timedelta(seconds=2 * UNDO_SECONDS)
_SENTENCES: dict[str, Promise] = {
    Kind.ANSWER: gettext_lazy("Tip %(number)s answered."),
    Kind.CLOSE: gettext_lazy("Tip %(number)s closed: %(disposition)s."),
    Kind.CORRECT: gettext_lazy("Closing of tip %(number)s corrected."),
    Kind.REFER: gettext_lazy("Tip %(number)s referred."),
    Kind.MOVE: gettext_lazy("Tip %(number)s moved to another category."),
    Kind.CATEGORY: gettext_lazy("Category of tip %(number)s changed."),
    Kind.ASSIGN: gettext_lazy("Tip %(number)s assigned."),
    Kind.PRIORITY: gettext_lazy("Priority of tip %(number)s changed."),
    Kind.SNOOZE: gettext_lazy("Tip %(number)s is snoozed."),
    Kind.SPAM: gettext_lazy("Tip %(number)s is spam. Nothing was sent."),
    Kind.LINK: gettext_lazy("Tip %(number)s linked."),
    Kind.DISPATCH: gettext_lazy("Dispatch knows about tip %(number)s."),
    Kind.MUTE: gettext_lazy("The source of tip %(number)s is muted."),
}
_SENTENCES_OF_MANY = {
    Kind.ANSWER: ngettext_lazy("%(count)d tip answered.", "%(count)d tips answered.", "count"),
    Kind.CLOSE: ngettext_lazy("%(count)d tip closed.", "%(count)d tips closed.", "count"),
    Kind.CATEGORY: ngettext_lazy("Category of %(count)d tip changed.", "Category of %(count)d tips changed.", "count"),
    Kind.MOVE: ngettext_lazy("%(count)d tip moved.", "%(count)d tips moved.", "count"),
    Kind.ASSIGN: ngettext_lazy("%(count)d tip assigned.", "%(count)d tips assigned.", "count"),
    Kind.PRIORITY: ngettext_lazy("Priority of %(count)d tip changed.", "Priority of %(count)d tips changed.", "count"),
    Kind.SNOOZE: ngettext_lazy("%(count)d tip is snoozed.", "%(count)d tips are snoozed.", "count"),
    Kind.SPAM: ngettext_lazy(
        "%(count)d tip is spam. Nothing was sent.", "%(count)d tips are spam. Nothing was sent.", "count"
    ),
}


@dataclass(frozen=True, slots=True)
class Toast:
    """`act` is what its button posts, to the tip's page or, for a selection (`tip_id` None), to the queue's.

    `seconds_left` is at least 0; an act that is late can still be undone.
    """

    act: str
    tip_id: UUID | None
    sentence: str
    seconds_left: int


def list_toasts(officer: Account) -> list[Toast]:
    """Return this officer's newest toasts, the newest last."""
    groups: dict[UUID, list[PendingAct]] = {}
    soon = timezone.now() + _SHOWN_FOR
    for act in outbox.list_undoable(officer):
        if act.due_at and act.due_at > soon:
            continue
        groups.setdefault(act.batch or act.pk, []).append(act)
    newest = sorted(groups.values(), key=_rank)
    return [_build_toast(acts) for acts in newest[-_SHOWN:]]


def _rank(acts: list[PendingAct]) -> tuple[dt.datetime, int]:
    """Order acts by their due time. This is rounded, so of acts in the same seconds the one on most tips counts as the newest."""
    return max(act.due_at for act in acts if act.due_at), len(acts)


def _build_toast(acts: list[PendingAct]) -> Toast:
    first = acts[0]
    assert first.due_at is not None
    seconds_left = max(0, math.ceil((first.due_at - timezone.now()).total_seconds()))
    if first.batch is not None and first.kind in _SENTENCES_OF_MANY:
        sentence = _SENTENCES_OF_MANY[Kind(first.kind)] % {"count": len(acts)}
        return Toast(f"undo-batch:{first.batch}", None, sentence, seconds_left)
    disposition = first.after.get("disposition")
    named = Disposition(disposition).label if disposition else _("no disposition")
    sentence = str(_SENTENCES[first.kind]) % {"number": first.tip_number, "disposition": named}  # type: ignore[attr-defined]
    return Toast(f"undo:{first.pk}", first.tip_id, sentence, seconds_left)
