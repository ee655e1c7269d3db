"""The rules of a story's workflow: which action is allowed in which state, for whom, and where it leads.

Pure: no database and no clock. `decide` is the whole rule.

    draft -> in review -> approved -> (scheduled ->) published -> withdrawn -> draft
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.translation import gettext as _

from outreach.models import Status
from outreach.stories import checks

MAX_LEAD_TIME = dt.timedelta(days=366)


class StoryAction(enum.StrEnum):
    """In the order in which a page offers them: actions that lead toward publication come first."""

    EDIT = "edit"
    SUBMIT = "submit"
    APPROVE = "approve"
    PUBLISH = "publish"
    SCHEDULE = "schedule"
    UNSCHEDULE = "unschedule"
    ASK_CHANGES = "ask_changes"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


_ANY_STATUS = frozenset(Status)
_NOT_WITHDRAWN = _ANY_STATUS - {Status.WITHDRAWN}
# For each action: the states it is allowed in, and the state it leads to.
TRANSITIONS: dict[StoryAction, tuple[frozenset[Status], Status]] = {
    StoryAction.EDIT: (_NOT_WITHDRAWN, Status.DRAFT),
    StoryAction.SUBMIT: (frozenset({Status.DRAFT}), Status.IN_REVIEW),
    StoryAction.ASK_CHANGES: (frozenset({Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED}), Status.DRAFT),
    StoryAction.APPROVE: (frozenset({Status.IN_REVIEW}), Status.APPROVED),
    StoryAction.SCHEDULE: (frozenset({Status.APPROVED, Status.SCHEDULED}), Status.SCHEDULED),
    StoryAction.UNSCHEDULE: (frozenset({Status.SCHEDULED}), Status.APPROVED),
    StoryAction.PUBLISH: (frozenset({Status.APPROVED, Status.SCHEDULED}), Status.PUBLISHED),
    StoryAction.WITHDRAW: (_NOT_WITHDRAWN, Status.WITHDRAWN),
    StoryAction.REOPEN: (frozenset({Status.WITHDRAWN}), Status.DRAFT),
}
CHECKED_ACTIONS = (StoryAction.SUBMIT, StoryAction.APPROVE)


@dataclass(frozen=True, slots=True)
class StoryState:
    """The facts about a story that decide which actions are allowed.

    `is_live`: residents can read a version of it. `writer_ids`: accounts that changed its text since it was last
    published. `problems`: sentences from outreach/stories/checks.py.
    """

    status: Status
    is_live: bool = False
    writer_ids: frozenset[int] = frozenset()
    problems: tuple[str, ...] = ()
    publish_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """An account and its permissions. The clock has no id and may publish stories that are due."""

    id: int | None
    can_write: bool = False
    can_approve: bool = False
    can_withdraw: bool = False


CLOCK = Actor(None)


@dataclass(frozen=True, slots=True)
class ActionDetails:
    """Input of an action: answers to the checks, a reason or correction, the time to publish at."""

    now: dt.datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    publish_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`new_status` is None if the action is refused: `reason` says why, `field_errors` holds a sentence per form field."""

    new_status: Status | None
    reason: str = ""
    field_errors: Mapping[str, str] = field(default_factory=dict)


def offered_actions(state: StoryState, actor: Actor, *, self_approval: bool) -> list[StoryAction]:
    """Return the actions that state and permissions allow, before any input is checked."""
    return [
        action for action in StoryAction if not _forbidden_reason(action, state, actor, self_approval=self_approval)
    ]


def decide(
    action: StoryAction, state: StoryState, actor: Actor, details: ActionDetails, *, self_approval: bool
) -> Verdict:
    """Decide whether the actor may perform the action now, with this input."""
    if reason := _forbidden_reason(action, state, actor, self_approval=self_approval):
        return Verdict(None, reason)
    if action in CHECKED_ACTIONS and state.problems:
        return Verdict(None, " ".join(state.problems))
    if errors := _input_errors(action, state, actor, details):
        unanswered = _("Some answers are missing or stop the story. See below.")
        return Verdict(None, unanswered if action in CHECKED_ACTIONS else " ".join(errors.values()), errors)
    if action is StoryAction.PUBLISH and state.is_live:
        return Verdict(Status.CORRECTED)
    return Verdict(TRANSITIONS[action][1])


def _forbidden_reason(action: StoryAction, state: StoryState, actor: Actor, *, self_approval: bool) -> str:
    """Return why state or permissions forbid the action, or an empty string."""
    if state.status not in TRANSITIONS[action][0]:
        return _("You can't do that now. Someone else may have changed the story's state. Reload the page.")
    if actor is CLOCK:
        is_due_publication = action is StoryAction.PUBLISH and state.status == Status.SCHEDULED
        return "" if is_due_publication else _("Only a person can do that.")
    is_permitted = {
        StoryAction.APPROVE: actor.can_approve,
        StoryAction.WITHDRAW: actor.can_withdraw,
        StoryAction.ASK_CHANGES: actor.can_write or actor.can_approve,
        StoryAction.SCHEDULE: actor.can_write or actor.can_approve,
        StoryAction.UNSCHEDULE: actor.can_write or actor.can_approve,
        StoryAction.PUBLISH: actor.can_write or actor.can_approve,
    }.get(action, actor.can_write)
    if not is_permitted:
        return _("Your account can't do that. Ask an administrator.")
    if action is StoryAction.APPROVE and actor.id in state.writer_ids and not self_approval:
        return _("You wrote this text, so someone else has to approve it.")
    return ""


def _input_errors(action: StoryAction, state: StoryState, actor: Actor, details: ActionDetails) -> Mapping[str, str]:
    """Return a sentence for each form field that keeps the action from being performed."""
    has_note = bool(details.note.strip())
    if action in CHECKED_ACTIONS:
        return checks.find_answer_errors(details.answers)
    if action is StoryAction.ASK_CHANGES and not has_note:
        return {"note": _("Say what to change.")}
    if action is StoryAction.WITHDRAW and not has_note:
        return {"note": _("Say why. Only staff can read it.")}
    if actor is CLOCK:
        return {} if state.publish_at and state.publish_at <= details.now else {"at": _("It isn't time yet.")}
    errors = {}
    if action in (StoryAction.SCHEDULE, StoryAction.PUBLISH) and state.is_live and not has_note:
        errors["note"] = _(
            "Residents have read this story. Say in one sentence what you corrected. They'll read it below the story."
        )
    if action is StoryAction.SCHEDULE and (sentence := _publish_time_error(details)):
        errors["at"] = sentence
    return errors


def _publish_time_error(details: ActionDetails) -> str:
    if details.publish_at is None:
        return _("Choose a day and a time.")
    if details.publish_at <= details.now:
        return _("This time is in the past. Choose a later one, or publish the story now.")
    if details.publish_at > details.now + MAX_LEAD_TIME:
        return _("This is more than a year away. Choose an earlier time.")
    return ""
