"""One answer to all tips of an event: each conversation stays apart, and the answers leave hours apart, in random order.

Were they to leave together, a suspect who had sent a tip about their own crime would know from a friend's answer, or from how fast
theirs came, that others have told. So each gets a time of its own, drawn at random, the tip that the officer is on among them; an
urgent tip is answered at once. Undo takes back each that has not left yet.
"""

from __future__ import annotations

import datetime as dt
import secrets
import uuid
from dataclasses import dataclass, field

from django.utils import timezone

from core.models import Account
from tips import conversation
from tips.desk import outbox
from tips.desk.alike import links
from tips.desk.triage import TransitionError
from tips.models import PendingAct, Priority, Tip

SPREAD = dt.timedelta(hours=4)
_STEP_SECONDS = 60


@dataclass(slots=True)
class WaveAnswer:
    """The numbers of the tips that are answered, and a sentence for each that is not."""

    answered: list[int] = field(default_factory=list)
    left_out: list[tuple[int, str]] = field(default_factory=list)


def answer_all(
    tip: Tip, officer: Account, text: str, form_id: bytes, *, ask: bool, shown_stamp: str | None = None
) -> WaveAnswer:
    """Hold back the same answer for a tip and all linked tips that the officer sees.

    A linked tip that can't be answered is left out; if the tip itself can't, nothing is done. Raises as outbox.hold_back does.
    """
    fields, batch = {"text": text, "ask": ask}, uuid.uuid4()
    result = WaveAnswer()
    for each in (tip, *links.list_linked(officer, tip)):
        stamp = shown_stamp if each == tip else None
        try:
            kind = PendingAct.Kind.ANSWER
            due_at = draw_due_time(each)
            outbox.hold_back(each, officer, kind, fields, form_id, shown_stamp=stamp, batch=batch, due_at=due_at)
        except (TransitionError, conversation.TipGoneError) as problem:
            if each == tip:
                raise
            if isinstance(problem, TransitionError):
                result.left_out.append((each.number, str(problem)))
        else:
            result.answered.append(each.number)
    return result


def draw_due_time(tip: Tip) -> dt.datetime | None:
    """Return a random minute within SPREAD; None, the usual 30 seconds, for an urgent tip."""
    if tip.priority == Priority.URGENT:
        return None
    minutes = int(SPREAD.total_seconds()) // _STEP_SECONDS
    moment = timezone.now().replace(second=0, microsecond=0)
    return moment + dt.timedelta(seconds=_STEP_SECONDS * (1 + secrets.randbelow(minutes)))
