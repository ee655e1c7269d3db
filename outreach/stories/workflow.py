"""What may be done with a story, by whom and when; and doing it.

`verdict` is the whole rule, without a database: every act, every state. The functions below it lock the story, ask the
rule, write, and record themselves: as a step of the story, and in the audit trail where a person did it.

    draft -> in review -> approved -> (scheduled ->) published -> withdrawn -> draft

A change of the text takes a story back to draft, wherever it stood; what residents read stays as it was approved until the
changed text has gone the same way. It then carries a correction.
"""

from __future__ import annotations

import datetime as dt
import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.models import Account
from outreach.models import Status, Story, StoryCheck, StoryRevision, StoryStep
from outreach.stories import checks, publication, texts
from outreach.stories.texts import StoryValues

MAX_LEAD_TIME = dt.timedelta(days=366)


class StoryAction(enum.StrEnum):
    """In the order in which a page offers them: what leads on comes first."""

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
# From which states each act leads where.
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


class StoryActionRefusedError(Exception):
    """This cannot be done; the message is a sentence for the editor, `fields` the sentences for parts of the form."""

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.fields = dict(fields or {})


class StaleStoryError(Exception):
    """Somebody has changed the text since this editor's page was made; nothing was done. `story` is as it is now."""

    def __init__(self, story: Story) -> None:
        super().__init__("stale")
        self.story = story


@dataclass(frozen=True, slots=True)
class StoryState:
    """What the rule needs to know of a story.

    `live`: residents read a version of it. `writers`: who changed its text since it was last published. `problems`: what
    the program found (outreach/stories/checks.py).
    """

    status: Status
    live: bool = False
    writers: frozenset[int] = frozenset()
    problems: tuple[str, ...] = ()
    publish_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks, and what their group lets them. The clock has no id and may publish what is due."""

    id: int | None
    writes: bool = False
    approves: bool = False
    withdraws: bool = False


CLOCK = Actor(None)


@dataclass(frozen=True, slots=True)
class ActionDetails:
    """What comes with an act: answers to the checks, a reason or correction, a time."""

    now: dt.datetime
    answers: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`to` is the state it leads to, or None, and then `reason` says why not, `fields` what to mend in the form."""

    to: Status | None
    reason: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def offered_actions(standing: StoryState, person: Actor, *, self_approval: bool) -> list[StoryAction]:
    """The acts a page offers: those that state and person allow, whatever the form will then say."""
    return [act for act in StoryAction if not _forbidden_reason(act, standing, person, self_approval=self_approval)]


def decide(
    act: StoryAction, standing: StoryState, person: Actor, asked: ActionDetails, *, self_approval: bool
) -> Verdict:
    """Whether this person may do this now, with what they say."""
    if reason := _forbidden_reason(act, standing, person, self_approval=self_approval):
        return Verdict(None, reason)
    if act in CHECKED_ACTIONS and standing.problems:
        return Verdict(None, " ".join(standing.problems))
    if fields := _input_errors(act, standing, person, asked):
        unanswered = _("The checks are not all answered so that the story can go on.")
        return Verdict(None, unanswered if act in CHECKED_ACTIONS else " ".join(fields.values()), fields)
    if act is StoryAction.PUBLISH and standing.live:
        return Verdict(Status.CORRECTED)
    return Verdict(TRANSITIONS[act][1])


def _forbidden_reason(act: StoryAction, standing: StoryState, person: Actor, *, self_approval: bool) -> str:
    """Why neither state nor person allow it; empty when they do."""
    if standing.status not in TRANSITIONS[act][0]:
        return _("That cannot be done with this story as it is now: somebody has moved it on, or it was done already.")
    if person is CLOCK:
        clocked = act is StoryAction.PUBLISH and standing.status == Status.SCHEDULED
        return "" if clocked else _("Only a person may do that.")
    may = {
        StoryAction.APPROVE: person.approves,
        StoryAction.WITHDRAW: person.withdraws,
        StoryAction.ASK_CHANGES: person.writes or person.approves,
        StoryAction.SCHEDULE: person.writes or person.approves,
        StoryAction.UNSCHEDULE: person.writes or person.approves,
        StoryAction.PUBLISH: person.writes or person.approves,
    }.get(act, person.writes)
    if not may:
        return _("Your account may not do that.")
    if act is StoryAction.APPROVE and person.id in standing.writers and not self_approval:
        return _("You wrote this text, so somebody else approves it.")
    return ""


def _input_errors(act: StoryAction, standing: StoryState, person: Actor, asked: ActionDetails) -> Mapping[str, str]:
    """Parts of the form that keep the act from being done, a sentence each."""
    said = bool(asked.note.strip())
    if act in CHECKED_ACTIONS:
        return checks.find_answer_errors(asked.answers)
    if act is StoryAction.ASK_CHANGES and not said:
        return {"note": _("Say what should be changed.")}
    if act is StoryAction.WITHDRAW and not said:
        return {"note": _("Say why. Only staff read it.")}
    if person is CLOCK:
        return {} if standing.publish_at and standing.publish_at <= asked.now else {"at": _("It is not due yet.")}
    missing = {}
    if act in (StoryAction.SCHEDULE, StoryAction.PUBLISH) and standing.live and not said:
        missing["note"] = _(
            "Residents have read this story. Say in a sentence what is corrected; it stands under the story."
        )
    if act is StoryAction.SCHEDULE and (sentence := _publish_time_error(asked)):
        missing["at"] = sentence
    return missing


def _publish_time_error(asked: ActionDetails) -> str:
    if asked.at is None:
        return _("Choose a day and a time.")
    if asked.at <= asked.now:
        return _("This time is over. Choose one to come, or publish the story now.")
    if asked.at > asked.now + MAX_LEAD_TIME:
        return _("This is more than a year ahead. Choose an earlier time.")
    return ""


# Doing it


def is_self_approval_allowed() -> bool:
    """Whether this agency lets people approve what they wrote."""
    return bool(settings.OUTREACH_SELF_APPROVAL)


def actor_for(account: Account) -> Actor:
    return Actor(
        account.pk,
        writes=account.has_perm("outreach.change_story"),
        approves=account.has_perm("outreach.approve_story"),
        withdraws=account.has_perm("outreach.withdraw_story"),
    )


def read_state(story: Story) -> StoryState:
    last = story.steps.filter(act=StoryAction.PUBLISH).values_list("version", flat=True).first() or 0
    changes = StoryRevision.objects.filter(story=story, aside=False, number__gt=last)
    writers = {pk for pk in changes.values_list("by_id", flat=True) if pk is not None}
    return StoryState(
        status=Status(story.status),
        live=publication.is_live(story),
        writers=frozenset(writers or {story.author_id, story.edited_by_id}),
        problems=tuple(checks.find_problems(story)),
        publish_at=story.publish_at,
    )


@transaction.atomic
def create_story(by: Account, text: StoryValues) -> Story:
    """A new draft. The form has checked the text."""
    if not actor_for(by).writes:
        raise StoryActionRefusedError(_("Your account may not do that."))
    story = Story(author=by, edited_by=by)
    texts.write_values(story, text)
    StoryRevision.objects.create(story=story, number=1, by=by, snapshot=texts.take_snapshot(story))
    _record_step(story, by, "create")
    return story


@transaction.atomic
def save_text(story_id: int, by: Account, text: StoryValues, version: int, note: str = "") -> Story:
    """Keep a changed text, begun from `version`. The same text again changes nothing.

    Raises RefusedError; and StaleError where the text was changed meanwhile: `set_aside` then keeps this one.
    """
    story = _lock_story(story_id)
    if texts.is_unchanged(story, text):
        return story
    if story.version != version:
        raise StaleStoryError(story)
    _require_allowed(StoryAction.EDIT, story, by, ActionDetails(timezone.now()))
    text = text | ({"slug": story.slug} if publication.was_published(story) else {})
    story.status, story.publish_at, story.correction, story.approved_by = Status.DRAFT, None, "", None
    story.version, story.edited_by, story.edited_at = version + 1, by, timezone.now()
    texts.write_values(story, text)
    snapshot = texts.take_snapshot(story)
    StoryRevision.objects.create(story=story, number=story.version, by=by, note=note[:200], snapshot=snapshot)
    _record_step(story, by, StoryAction.EDIT, note)
    return story


@transaction.atomic
def set_text_aside(story_id: int, by: Account, text: StoryValues, version: int) -> StoryRevision:
    """Keep a text that was overtaken, beside the history; once, however often it is sent."""
    story, snapshot = _lock_story(story_id), texts.snapshot_of_values(text)
    kept = StoryRevision.objects.filter(story=story, aside=True, by=by, snapshot=snapshot).first()
    return kept or StoryRevision.objects.create(story=story, number=version, by=by, aside=True, snapshot=snapshot)


def restore_revision(story_id: int, by: Account, revision: StoryRevision, version: int) -> Story:
    """An earlier text becomes the newest. Raises what `save` raises."""
    note = _("Restored from version %(number)s") % {"number": revision.number}
    return save_text(story_id, by, texts.values_from_snapshot(revision.snapshot), version, note)


@transaction.atomic
def perform(act: StoryAction, story_id: int, by: Account, version: int, asked: ActionDetails) -> Story:
    """Any act but a change of the text. Raises RefusedError and StaleError."""
    story = _lock_story(story_id)
    if story.version != version:
        raise StaleStoryError(story)
    to, own = _require_allowed(act, story, by, asked)
    if act in CHECKED_ACTIONS:
        for question in checks.QUESTIONS:
            StoryCheck.objects.create(
                story=story, version=version, act=act, key=question.key, answer=asked.answers[question.key], by=by
            )
    _carry_out(story, act, to, by, asked, own=own)
    return story


def _carry_out(
    story: Story, act: StoryAction, to: Status, by: Account | None, asked: ActionDetails, *, own: bool = False
) -> None:
    """Carry out an allowed act on a locked story: the public copy, the story's state, its record.

    The one way to publish, for people and for the clock (`by` is None).
    """
    if act is StoryAction.PUBLISH:
        publication.publish(story, asked.note, asked.now)
    elif act is StoryAction.WITHDRAW:
        publication.withdraw(story, asked.now)
    story.publish_at = asked.at if act is StoryAction.SCHEDULE else None
    story.correction = asked.note if act is StoryAction.SCHEDULE and publication.is_live(story) else ""
    story.status = to
    changed = ["status", "publish_at", "correction"]
    if act in (StoryAction.SUBMIT, StoryAction.APPROVE, StoryAction.ASK_CHANGES, StoryAction.REOPEN):
        story.approved_by = by if act is StoryAction.APPROVE else None
        changed.append("approved_by")  # else left out: the bulk worker may not write it (grants.sql)
    story.save(update_fields=changed)
    _record_step(story, by, act, asked.note, at=asked.now, own=own)


def publish_due_stories(now: dt.datetime | None = None) -> int:
    """Publish what is scheduled and due, each story in its own transaction. Returns how many.

    Two workers at once, or a kill in between, publish once: the state changes with the copy, under a lock.
    """
    now, done = now or timezone.now(), 0
    due = Story.objects.filter(status=Status.SCHEDULED, publish_at__lte=now).order_by("publish_at", "pk")
    for pk in due.values_list("pk", flat=True):
        done += _publish_if_due(pk, now)
    return done


@transaction.atomic
def _publish_if_due(pk: int, now: dt.datetime) -> bool:
    waiting = Story.objects.select_for_update(of=("self",), skip_locked=True)
    story = waiting.filter(pk=pk, status=Status.SCHEDULED).first()
    if story is None:
        return False
    stands = StoryState(Status.SCHEDULED, live=publication.is_live(story), publish_at=story.publish_at)
    asked = ActionDetails(now, note=story.correction)
    ruled = decide(StoryAction.PUBLISH, stands, CLOCK, asked, self_approval=False)
    if ruled.to is None:
        return False
    _carry_out(story, StoryAction.PUBLISH, ruled.to, None, asked)
    return True


def _lock_story(story_id: int) -> Story:
    """Raises Story.DoesNotExist."""
    return Story.objects.select_for_update(of=("self",)).get(pk=story_id)


def _require_allowed(act: StoryAction, story: Story, by: Account, asked: ActionDetails) -> tuple[Status, bool]:
    """The state it leads to, and whether it is somebody's approval of their own text. Raises RefusedError."""
    stands = read_state(story)
    ruled = decide(act, stands, actor_for(by), asked, self_approval=is_self_approval_allowed())
    if ruled.to is None:
        raise StoryActionRefusedError(ruled.reason, ruled.fields)
    return ruled.to, act is StoryAction.APPROVE and by.pk in stands.writers


_AUDIT_ACTIONS = {
    "create": "wrote story",
    StoryAction.EDIT: "changed story",
    StoryAction.SUBMIT: "sent story to review",
    StoryAction.ASK_CHANGES: "sent story back",
    StoryAction.APPROVE: "approved story",
    StoryAction.SCHEDULE: "scheduled story",
    StoryAction.UNSCHEDULE: "unscheduled story",
    StoryAction.PUBLISH: "published story",
    StoryAction.WITHDRAW: "withdrew story",
    StoryAction.REOPEN: "took up story again",
}


def _record_step(
    story: Story, by: Account | None, act: str, note: str = "", *, at: dt.datetime | None = None, own: bool = False
) -> None:
    """Record a step of the story, and in the audit trail what a person did."""
    StoryStep.objects.create(
        story=story, at=at or timezone.now(), by=by, act=act, version=story.version, note=note[:500]
    )
    if by is not None:
        action = "approved own story" if own else _AUDIT_ACTIONS[act]
        when = f", for {timezone.localtime(story.publish_at):%Y-%m-%d %H:%M}" if story.publish_at else ""
        audit.record(by, action, f"story {story.slug}", f"version {story.version}{when}")
