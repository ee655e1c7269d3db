"""The demo city's stories, written, checked, approved and published like any other story. All people in them are invented."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from django.utils.translation import gettext as _

from core.demo_clock import freeze_clock
from core.models import Account
from core.staff import groups
from outreach.content import pictures
from outreach.demo import drawings
from outreach.models import Picture, Story, Tag
from outreach.stories import texts, workflow
from outreach.stories.workflow_rules import ActionDetails, StoryAction

_SCRIPT = Path(__file__).with_name("stories.toml")
_CHECK_ANSWERS = {"consent": "nobody", "source": "nothing", "case": "closed"}


def load() -> None:
    """Create the stories that are missing. A story is created in one transaction, so an interrupted load can be repeated."""
    known = set(Story.objects.values_list("slug", flat=True))
    for script in tomllib.loads(_SCRIPT.read_text(encoding="utf-8"))["story"]:
        if script["slug"] not in known:
            _load_story(script)


@transaction.atomic
def _load_story(script: dict[str, Any]) -> None:
    writer = Account.objects.get(username=groups.COMMUNICATIONS)
    text = {name: script[name] for name in texts.FIELDS if name in script}
    text |= {
        "body": script["body"].strip(),
        "tags": _create_tags(script["tags"]),
        "lead_id": _create_lead(script, writer),
    }
    published = timezone.now() - dt.timedelta(days=script["age"])
    with freeze_clock(published):
        story = workflow.create_story(writer, text | script.get("first", {}))
        _publish(story, writer, until=script.get("until", ""))
    if note := script.get("correction"):
        with freeze_clock(published + dt.timedelta(days=script["corrected"])):
            _publish(workflow.save_text(story.pk, writer, text, story.version), writer, note)


def _publish(story: Story, writer: Account, note: str = "", *, until: str = "") -> None:
    approver = Account.objects.get(username=groups.ADMINISTRATOR)
    details = ActionDetails(timezone.now(), _CHECK_ANSWERS)
    workflow.perform(StoryAction.SUBMIT, story.pk, writer, story.version, details)
    if until == StoryAction.SUBMIT:
        return
    workflow.perform(StoryAction.APPROVE, story.pk, approver, story.version, details)
    workflow.perform(StoryAction.PUBLISH, story.pk, writer, story.version, ActionDetails(timezone.now(), note=note))


def _create_tags(names: list[str]) -> list[int]:
    return [Tag.objects.get_or_create(slug=slugify(name), defaults={"name": name})[0].pk for name in names]


def _create_lead(script: dict[str, Any], writer: Account) -> int | None:
    """Upload and rebuild the drawing like a photograph. Returns None if this machine cannot do that now."""
    if "drawing" not in script:
        return None
    upload = SimpleUploadedFile(f"{script['drawing']}.png", drawings.png_file(script["drawing"]))
    picture = pictures.accept_upload(upload, script["alt"], _("Riverton Police"), writer)
    pictures.rebuild_picture(str(picture.original.pk))
    return picture.pk if Picture.objects.filter(pk=picture.pk, state=Picture.PictureState.READY).exists() else None
