"""Staff's actions on stories: write, change, and perform the actions that workflow_rules.py allows.

Each function locks the story, asks the rules, writes, and records a step of the story and a line of the audit trail.

A change of the text turns a story back into a draft, whatever its state was. Residents go on reading the approved version
until the changed text is approved and published as well; it then carries a correction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit
from core.agency import current_settings
from core.models import Account
from outreach.models import Status, Story, StoryCheck, StoryRevision, StoryStep
from outreach.stories import checks, publication, texts
from outreach.stories.texts import StoryValues
from outreach.stories.workflow_rules import (
    CHECKED_ACTIONS,
    ActionDetails,
    Actor,
    StoryAction,
    StoryState,
    decide,
)


class StoryActionRefusedError(Exception):
    """The rules refuse the action. The message is a sentence for the editor, `field_errors` holds one per form field."""

    def __init__(self, sentence: str, field_errors: Mapping[str, str] | None = None) -> None:
        super().__init__(sentence)
        self.field_errors = dict(field_errors or {})


class StaleStoryError(Exception):
    """Another editor changed the text after this editor opened it. Nothing was written; `story` is the present row."""

    def __init__(self, story: Story) -> None:
        super().__init__("stale")
        self.story = story


def is_self_approval_allowed() -> bool:
    """Return whether this agency lets people approve their own text."""
    return bool(current_settings.current().allows_self_approval)


def actor_for(account: Account) -> Actor:
    return Actor(
        account.pk,
        can_write=account.has_perm("outreach.change_story"),
        can_approve=account.has_perm("outreach.approve_story"),
        can_withdraw=account.has_perm("outreach.withdraw_story"),
    )


def read_state(story: Story) -> StoryState:
    """Read the facts that the rules need from the story, its revisions and its steps."""
    last_published = story.steps.filter(action=StoryAction.PUBLISH).values_list("version", flat=True).first() or 0
    changes = StoryRevision.objects.filter(story=story, aside=False, number__gt=last_published)
    writer_ids = {pk for pk in changes.values_list("by_id", flat=True) if pk is not None}
    return StoryState(
        status=Status(story.status),
        is_live=publication.is_live(story),
        writer_ids=frozenset(writer_ids or {story.author_id, story.edited_by_id}),
        problems=tuple(checks.find_problems(story)),
        publish_at=story.publish_at,
    )


@transaction.atomic
def create_story(by: Account, values: StoryValues) -> Story:
    """Create a draft from values that the form has checked. Raises StoryActionRefusedError."""
    if not actor_for(by).can_write:
        raise StoryActionRefusedError(_("Your account can't do that. Ask an administrator."))
    story = Story(author=by, edited_by=by)
    texts.write_values(story, values)
    StoryRevision.objects.create(story=story, number=1, by=by, snapshot=texts.take_snapshot(story))
    _record_step(story, by, "create")
    return story


@transaction.atomic
def save_text(story_id: int, by: Account, values: StoryValues, version: int, note: str = "") -> Story:
    """Save a text that was begun from `version`. An unchanged text writes nothing.

    Raises StoryActionRefusedError; and StaleStoryError if the text was changed meanwhile: `set_text_aside` then keeps
    this one.
    """
    story = _lock_story(story_id)
    if texts.is_unchanged(story, values):
        return story
    if story.version != version:
        raise StaleStoryError(story)
    _require_allowed(StoryAction.EDIT, story, by, ActionDetails(timezone.now()))
    values = values | ({"slug": story.slug} if publication.was_published(story) else {})
    story.status, story.publish_at, story.correction, story.approved_by = Status.DRAFT, None, "", None
    story.version, story.edited_by, story.edited_at = version + 1, by, timezone.now()
    texts.write_values(story, values)
    snapshot = texts.take_snapshot(story)
    StoryRevision.objects.create(story=story, number=story.version, by=by, note=note[:200], snapshot=snapshot)
    _record_step(story, by, StoryAction.EDIT, note)
    return story


@transaction.atomic
def set_text_aside(story_id: int, by: Account, values: StoryValues, version: int) -> StoryRevision:
    """Keep a text that lost an edit conflict beside the history. Sending the same text again keeps it once."""
    story, snapshot = _lock_story(story_id), texts.snapshot_of_values(values)
    known = StoryRevision.objects.filter(story=story, aside=True, by=by, snapshot=snapshot).first()
    if known:
        return known
    audit.record(by, "kept a second text of story", f"story {story.slug}", f"begun from version {version}")
    return StoryRevision.objects.create(story=story, number=version, by=by, aside=True, snapshot=snapshot)


def restore_revision(story_id: int, by: Account, revision: StoryRevision, version: int) -> Story:
    """Save an earlier text as the newest version. Raises the errors of `save_text`."""
    note = _("Restored from version %(number)s") % {"number": revision.number}
    return save_text(story_id, by, texts.values_from_snapshot(revision.snapshot), version, note)


@transaction.atomic
def perform(action: StoryAction, story_id: int, by: Account, version: int, details: ActionDetails) -> Story:
    """Perform any action but EDIT. Raises StoryActionRefusedError and StaleStoryError."""
    story = _lock_story(story_id)
    if story.version != version:
        raise StaleStoryError(story)
    new_status, approves_own_text = _require_allowed(action, story, by, details)
    if action in CHECKED_ACTIONS:
        for question in checks.QUESTIONS:
            answer = details.answers[question.key]
            StoryCheck.objects.create(
                story=story, version=version, action=action, key=question.key, answer=answer, by=by
            )
    carry_out(story, action, new_status, by, details, approves_own_text=approves_own_text)
    return story


def _lock_story(story_id: int) -> Story:
    """Raises Story.DoesNotExist."""
    return Story.objects.select_for_update(of=("self",)).get(pk=story_id)


def _require_allowed(action: StoryAction, story: Story, by: Account, details: ActionDetails) -> tuple[Status, bool]:
    """Return the new status, and whether `by` approves their own text. Raises StoryActionRefusedError."""
    state = read_state(story)
    verdict = decide(action, state, actor_for(by), details, self_approval=is_self_approval_allowed())
    if verdict.new_status is None:
        raise StoryActionRefusedError(verdict.reason, verdict.field_errors)
    return verdict.new_status, action is StoryAction.APPROVE and by.pk in state.writer_ids


def carry_out(
    story: Story,
    action: StoryAction,
    new_status: Status,
    by: Account | None,
    details: ActionDetails,
    *,
    approves_own_text: bool = False,
) -> None:
    """Carry out an allowed action on a locked story: change the public copy and the state, record the step.

    Publishes for people and for the clock (`by` is None) alike.
    """
    if action is StoryAction.PUBLISH:
        publication.publish(story, details.note, details.now)
    elif action is StoryAction.WITHDRAW:
        publication.withdraw(story, details.now)
    is_scheduling = action is StoryAction.SCHEDULE
    story.publish_at = details.publish_at if is_scheduling else None
    story.correction = details.note if is_scheduling and publication.is_live(story) else ""
    story.status = new_status
    columns = ["status", "publish_at", "correction"]
    if action in (StoryAction.SUBMIT, StoryAction.APPROVE, StoryAction.ASK_CHANGES, StoryAction.REOPEN):
        story.approved_by = by if action is StoryAction.APPROVE else None
        columns.append("approved_by")  # only here: the bulk worker, which publishes, may not write it (grants.sql)
    story.save(update_fields=columns)
    _record_step(story, by, action, details.note, at=details.now, approves_own_text=approves_own_text)


_AUDIT_ACTIONS = {
    "create": "created story",
    StoryAction.EDIT: "changed story",
    StoryAction.SUBMIT: "sent story to review",
    StoryAction.ASK_CHANGES: "sent story back",
    StoryAction.APPROVE: "approved story",
    StoryAction.SCHEDULE: "scheduled story",
    StoryAction.UNSCHEDULE: "unscheduled story",
    StoryAction.PUBLISH: "published story",
    StoryAction.WITHDRAW: "withdrew story",
    StoryAction.REOPEN: "moved story back to draft",
}


def _record_step(
    story: Story,
    by: Account | None,
    action: str,
    note: str = "",
    *,
    at: dt.datetime | None = None,
    approves_own_text: bool = False,
) -> None:
    """Record a step of the story, and a line of the audit trail unless the clock did it."""
    StoryStep.objects.create(
        story=story, at=at or timezone.now(), by=by, action=action, version=story.version, note=note[:500]
    )
    if by is not None:
        audited = "approved own story" if approves_own_text else _AUDIT_ACTIONS[action]
        when = f", for {timezone.localtime(story.publish_at):%Y-%m-%d %H:%M}" if story.publish_at else ""
        audit.record(by, audited, f"story {story.slug}", f"version {story.version}{when}")
