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
from outreach.stories.texts import Text

FARTHEST = dt.timedelta(days=366)


class Act(enum.StrEnum):
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


_ANY = frozenset(Status)
_ALIVE = _ANY - {Status.WITHDRAWN}
# From which states each act leads where.
TRANSITIONS: dict[Act, tuple[frozenset[Status], Status]] = {
    Act.EDIT: (_ALIVE, Status.DRAFT),
    Act.SUBMIT: (frozenset({Status.DRAFT}), Status.IN_REVIEW),
    Act.ASK_CHANGES: (frozenset({Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED}), Status.DRAFT),
    Act.APPROVE: (frozenset({Status.IN_REVIEW}), Status.APPROVED),
    Act.SCHEDULE: (frozenset({Status.APPROVED, Status.SCHEDULED}), Status.SCHEDULED),
    Act.UNSCHEDULE: (frozenset({Status.SCHEDULED}), Status.APPROVED),
    Act.PUBLISH: (frozenset({Status.APPROVED, Status.SCHEDULED}), Status.PUBLISHED),
    Act.WITHDRAW: (_ALIVE, Status.WITHDRAWN),
    Act.REOPEN: (frozenset({Status.WITHDRAWN}), Status.DRAFT),
}
_CHECKED = (Act.SUBMIT, Act.APPROVE)


class RefusedError(Exception):
    """This cannot be done; the message is a sentence for the editor, `fields` the sentences for parts of the form."""

    def __init__(self, sentence: str, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.fields = dict(fields or {})


class StaleError(Exception):
    """Somebody has changed the text since this editor's page was made; nothing was done. `story` is as it is now."""

    def __init__(self, story: Story) -> None:
        super().__init__("stale")
        self.story = story


@dataclass(frozen=True, slots=True)
class Standing:
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
class Person:
    """Who asks, and what their group lets them. The clock has no id and may publish what is due."""

    id: int | None
    writes: bool = False
    approves: bool = False
    withdraws: bool = False


CLOCK = Person(None)


@dataclass(frozen=True, slots=True)
class Asked:
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


def offered(standing: Standing, person: Person, *, self_approval: bool) -> list[Act]:
    """The acts a page offers: those that state and person allow, whatever the form will then say."""
    return [act for act in Act if not _closed(act, standing, person, self_approval=self_approval)]


def verdict(act: Act, standing: Standing, person: Person, asked: Asked, *, self_approval: bool) -> Verdict:
    """Whether this person may do this now, with what they say."""
    if reason := _closed(act, standing, person, self_approval=self_approval):
        return Verdict(None, reason)
    if act in _CHECKED and standing.problems:
        return Verdict(None, " ".join(standing.problems))
    if fields := _missing(act, standing, person, asked):
        unanswered = _("The checks are not all answered so that the story can go on.")
        return Verdict(None, unanswered if act in _CHECKED else " ".join(fields.values()), fields)
    if act is Act.PUBLISH and standing.live:
        return Verdict(Status.CORRECTED)
    return Verdict(TRANSITIONS[act][1])


def _closed(act: Act, standing: Standing, person: Person, *, self_approval: bool) -> str:
    """Why neither state nor person allow it; empty when they do."""
    if standing.status not in TRANSITIONS[act][0]:
        return _("That cannot be done with this story as it is now: somebody has moved it on, or it was done already.")
    if person is CLOCK:
        clocked = act is Act.PUBLISH and standing.status == Status.SCHEDULED
        return "" if clocked else _("Only a person may do that.")
    may = {
        Act.APPROVE: person.approves,
        Act.WITHDRAW: person.withdraws,
        Act.ASK_CHANGES: person.writes or person.approves,
        Act.SCHEDULE: person.writes or person.approves,
        Act.UNSCHEDULE: person.writes or person.approves,
        Act.PUBLISH: person.writes or person.approves,
    }.get(act, person.writes)
    if not may:
        return _("Your account may not do that.")
    if act is Act.APPROVE and person.id in standing.writers and not self_approval:
        return _("You wrote this text, so somebody else approves it.")
    return ""


def _missing(act: Act, standing: Standing, person: Person, asked: Asked) -> Mapping[str, str]:
    """Parts of the form that keep the act from being done, a sentence each."""
    said = bool(asked.note.strip())
    if act in _CHECKED:
        return checks.refusals(asked.answers)
    if act is Act.ASK_CHANGES and not said:
        return {"note": _("Say what should be changed.")}
    if act is Act.WITHDRAW and not said:
        return {"note": _("Say why. Only staff read it.")}
    if person is CLOCK:
        return {} if standing.publish_at and standing.publish_at <= asked.now else {"at": _("It is not due yet.")}
    missing = {}
    if act in (Act.SCHEDULE, Act.PUBLISH) and standing.live and not said:
        missing["note"] = _(
            "Residents have read this story. Say in a sentence what is corrected; it stands under the story."
        )
    if act is Act.SCHEDULE and (sentence := _about_time(asked)):
        missing["at"] = sentence
    return missing


def _about_time(asked: Asked) -> str:
    if asked.at is None:
        return _("Choose a day and a time.")
    if asked.at <= asked.now:
        return _("This time is over. Choose one to come, or publish the story now.")
    if asked.at > asked.now + FARTHEST:
        return _("This is more than a year ahead. Choose an earlier time.")
    return ""


# Doing it


def self_approval() -> bool:
    """Whether this agency lets people approve what they wrote."""
    return bool(settings.OUTREACH_SELF_APPROVAL)


def person(account: Account) -> Person:
    return Person(
        account.pk,
        writes=account.has_perm("outreach.change_story"),
        approves=account.has_perm("outreach.approve_story"),
        withdraws=account.has_perm("outreach.withdraw_story"),
    )


def standing(story: Story) -> Standing:
    last = story.steps.filter(act=Act.PUBLISH).values_list("version", flat=True).first() or 0
    changes = StoryRevision.objects.filter(story=story, aside=False, number__gt=last)
    writers = {pk for pk in changes.values_list("by_id", flat=True) if pk is not None}
    return Standing(
        status=Status(story.status),
        live=publication.is_live(story),
        writers=frozenset(writers or {story.author_id, story.edited_by_id}),
        problems=tuple(checks.problems(story)),
        publish_at=story.publish_at,
    )


@transaction.atomic
def create(by: Account, text: Text) -> Story:
    """A new draft. The form has checked the text."""
    if not person(by).writes:
        raise RefusedError(_("Your account may not do that."))
    story = Story(author=by, edited_by=by)
    texts.write(story, text)
    StoryRevision.objects.create(story=story, number=1, by=by, snapshot=texts.snapshot(story))
    _record(story, by, "create")
    return story


@transaction.atomic
def save(story_id: int, by: Account, text: Text, version: int, note: str = "") -> Story:
    """Keep a changed text, begun from `version`. The same text again changes nothing.

    Raises RefusedError; and StaleError where the text was changed meanwhile: `set_aside` then keeps this one.
    """
    story = _locked(story_id)
    if texts.is_same(story, text):
        return story
    if story.version != version:
        raise StaleError(story)
    _decided(Act.EDIT, story, by, Asked(timezone.now()))
    text = text | ({"slug": story.slug} if publication.was_published(story) else {})
    story.status, story.publish_at, story.correction, story.approved_by = Status.DRAFT, None, "", None
    story.version, story.edited_by, story.edited_at = version + 1, by, timezone.now()
    texts.write(story, text)
    snapshot = texts.snapshot(story)
    StoryRevision.objects.create(story=story, number=story.version, by=by, note=note[:200], snapshot=snapshot)
    _record(story, by, Act.EDIT, note)
    return story


@transaction.atomic
def set_aside(story_id: int, by: Account, text: Text, version: int) -> StoryRevision:
    """Keep a text that was overtaken, beside the history; once, however often it is sent."""
    story, snapshot = _locked(story_id), texts.as_snapshot(text)
    kept = StoryRevision.objects.filter(story=story, aside=True, by=by, snapshot=snapshot).first()
    return kept or StoryRevision.objects.create(story=story, number=version, by=by, aside=True, snapshot=snapshot)


def restore(story_id: int, by: Account, revision: StoryRevision, version: int) -> Story:
    """An earlier text becomes the newest. Raises what `save` raises."""
    note = _("Restored from version %(number)s") % {"number": revision.number}
    return save(story_id, by, texts.from_snapshot(revision.snapshot), version, note)


@transaction.atomic
def do(act: Act, story_id: int, by: Account, version: int, asked: Asked) -> Story:
    """Any act but a change of the text. Raises RefusedError and StaleError."""
    story = _locked(story_id)
    if story.version != version:
        raise StaleError(story)
    to, own = _decided(act, story, by, asked)
    if act in _CHECKED:
        for question in checks.QUESTIONS:
            StoryCheck.objects.create(
                story=story, version=version, act=act, key=question.key, answer=asked.answers[question.key], by=by
            )
    _move_on(story, act, to, by, asked, own=own)
    return story


def _move_on(story: Story, act: Act, to: Status, by: Account | None, asked: Asked, *, own: bool = False) -> None:
    """Carry out an allowed act on a locked story: the public copy, the story's state, its record.

    The one way to publish, for people and for the clock (`by` is None).
    """
    if act is Act.PUBLISH:
        publication.publish(story, asked.note, asked.now)
    elif act is Act.WITHDRAW:
        publication.withdraw(story, asked.now)
    story.publish_at = asked.at if act is Act.SCHEDULE else None
    story.correction = asked.note if act is Act.SCHEDULE and publication.is_live(story) else ""
    story.status = to
    changed = ["status", "publish_at", "correction"]
    if act in (Act.SUBMIT, Act.APPROVE, Act.ASK_CHANGES, Act.REOPEN):
        story.approved_by = by if act is Act.APPROVE else None
        changed.append("approved_by")  # else left out: the bulk worker may not write it (grants.sql)
    story.save(update_fields=changed)
    _record(story, by, act, asked.note, at=asked.now, own=own)


def publish_due(now: dt.datetime | None = None) -> int:
    """Publish what is scheduled and due, each story in its own transaction. Returns how many.

    Two workers at once, or a kill in between, publish once: the state changes with the copy, under a lock.
    """
    now, done = now or timezone.now(), 0
    due = Story.objects.filter(status=Status.SCHEDULED, publish_at__lte=now).order_by("publish_at", "pk")
    for pk in due.values_list("pk", flat=True):
        done += _publish_due(pk, now)
    return done


@transaction.atomic
def _publish_due(pk: int, now: dt.datetime) -> bool:
    waiting = Story.objects.select_for_update(of=("self",), skip_locked=True)
    story = waiting.filter(pk=pk, status=Status.SCHEDULED).first()
    if story is None:
        return False
    stands = Standing(Status.SCHEDULED, live=publication.is_live(story), publish_at=story.publish_at)
    asked = Asked(now, note=story.correction)
    ruled = verdict(Act.PUBLISH, stands, CLOCK, asked, self_approval=False)
    if ruled.to is None:
        return False
    _move_on(story, Act.PUBLISH, ruled.to, None, asked)
    return True


def _locked(story_id: int) -> Story:
    """Raises Story.DoesNotExist."""
    return Story.objects.select_for_update(of=("self",)).get(pk=story_id)


def _decided(act: Act, story: Story, by: Account, asked: Asked) -> tuple[Status, bool]:
    """The state it leads to, and whether it is somebody's approval of their own text. Raises RefusedError."""
    stands = standing(story)
    ruled = verdict(act, stands, person(by), asked, self_approval=self_approval())
    if ruled.to is None:
        raise RefusedError(ruled.reason, ruled.fields)
    return ruled.to, act is Act.APPROVE and by.pk in stands.writers


_AUDITED = {
    "create": "wrote story",
    Act.EDIT: "changed story",
    Act.SUBMIT: "sent story to review",
    Act.ASK_CHANGES: "sent story back",
    Act.APPROVE: "approved story",
    Act.SCHEDULE: "scheduled story",
    Act.UNSCHEDULE: "unscheduled story",
    Act.PUBLISH: "published story",
    Act.WITHDRAW: "withdrew story",
    Act.REOPEN: "took up story again",
}


def _record(
    story: Story, by: Account | None, act: str, note: str = "", *, at: dt.datetime | None = None, own: bool = False
) -> None:
    """Record a step of the story, and in the audit trail what a person did."""
    StoryStep.objects.create(
        story=story, at=at or timezone.now(), by=by, act=act, version=story.version, note=note[:500]
    )
    if by is not None:
        action = "approved own story" if own else _AUDITED[act]
        when = f", for {timezone.localtime(story.publish_at):%Y-%m-%d %H:%M}" if story.publish_at else ""
        audit.record(by, action, f"story {story.slug}", f"version {story.version}{when}")
