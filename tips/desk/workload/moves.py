"""Moving all open tips of an officer who is ill, away or gone to another one. None is opened by it."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from django.db.models import QuerySet

from core import audit
from core.models import Account
from tips import readers
from tips.conversation import TipGoneError
from tips.desk import permissions, triage, worklist
from tips.desk.queue.views import GENERAL
from tips.models import State, Tip


@dataclass(slots=True)
class Moves:
    """`moved`: how many tips went; `kept`: numbers of the tips that stay, since the receiver may not see them."""

    moved: int = 0
    kept: list[int] = field(default_factory=list)


def list_movable(supervisor: Account, holder: Account | None) -> QuerySet[Tip]:
    """Return the tips of this holder, or of nobody, that are not closed, of those that the supervisor may know of."""
    tips = worklist.visible_with_unread(supervisor).filter(GENERAL, assigned_to=holder)
    return tips.exclude(state=State.CLOSED).defer("report").order_by("number")


def list_receivers(holder: Account | None) -> QuerySet[Account]:
    """Return the people of the desk who can receive the tips."""
    people = readers.desk_accounts().order_by("first_name", "last_name", "username")
    return people if holder is None else people.exclude(pk=holder.pk)


def move_tips(supervisor: Account, holder: Account | None, receiver: Account | None, form_id: bytes) -> Moves:
    """Assign all open tips of the holder to the receiver, or to nobody. The supervisor can undo it for a while.

    Each move stands in its tip's history as the supervisor's act, and all of it in one more line of the audit trail. Raises
    PermissionDenied.
    """
    permissions.require(permissions.can_supervise(supervisor))
    done, batch = Moves(), uuid.UUID(bytes=form_id[:16])
    for tip in list_movable(supervisor, holder):
        try:
            triage.assign(tip, supervisor, receiver, form_id=form_id, batch=batch)
        except triage.TransitionError:
            done.kept.append(tip.number)
        except TipGoneError:  # erased or walled meanwhile
            continue
        else:
            done.moved += 1
    if done.moved:
        names = [account.get_username() if account else "nobody" for account in (holder, receiver)]
        audit.record(supervisor, "moved tips", f"account {names[0]}", f"{done.moved} to {names[1]}, none opened")
    return done
