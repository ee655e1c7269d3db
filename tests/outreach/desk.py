"""Accounts, stories and pictures for tests of the desk."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from core.models import Account
from core.staff import groups
from outreach.content import pictures
from outreach.models import Picture, PictureOriginal, Story, StoryCategory
from outreach.stories import checks, workflow
from outreach.stories.texts import StoryValues
from outreach.stories.workflow_rules import ActionDetails, StoryAction
from tests.tips.files.sample_pictures import photo

PASSING_ANSWERS = {question.key: question.answers[0].key for question in checks.QUESTIONS}


def create_account(name: str = "marsh", *group_names: str) -> Account:
    account = Account.objects.create_user(name, f"{name}@example.org", is_staff=True)
    account.groups.set(Group.objects.filter(name__in=group_names or (groups.COMMUNICATIONS,)))
    return account


def story_values(**changes: Any) -> StoryValues:
    values = {
        "slug": "lamps",
        "title": "Brighter steps",
        "summary": "Nine lamps were replaced.",
        "body": "You told us of a **dark corner**.",
        "category": StoryCategory.PREVENTION,
        "areas": [],
        "lead_id": None,
        "what_happened": "",
        "how_soon": "",
        "arrests": None,
        "weapons": None,
        "property_returned": None,
        "property_words": "",
        "quote": "",
        "quote_by": "",
        "you_said": "",
        "we_did": "",
        "tags": [],
    }
    return values | changes


def action_details(**changes: Any) -> ActionDetails:
    return ActionDetails(changes.pop("now", None) or timezone.now(), **({"answers": PASSING_ANSWERS} | changes))


def perform(action: StoryAction, story: Story, by: Account, **changes: Any) -> Story:
    return workflow.perform(action, story.pk, by, Story.objects.get(pk=story.pk).version, action_details(**changes))


def create_published_story(author: Account, second: Account, **changes: Any) -> Story:
    story = workflow.create_story(author, story_values(**changes))
    perform(StoryAction.SUBMIT, story, author)
    perform(StoryAction.APPROVE, story, second)
    return perform(StoryAction.PUBLISH, story, author)


def upload_picture(by: Account | None = None, **changes: Any) -> Picture:
    """A picture as staff send it, waiting."""
    sent = SimpleUploadedFile("steps.jpg", changes.pop("content", None) or photo())
    return pictures.accept_upload(
        sent, changes.get("alt", "Steps with lamps"), changes.get("credit", "City of Riverton"), by
    )


def create_ready_picture(**changes: Any) -> Picture:
    taken = upload_picture(**changes)
    pictures.rebuild_picture(str(PictureOriginal.objects.get(picture=taken).pk))
    taken.refresh_from_db()
    return taken
