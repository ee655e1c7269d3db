"""The stories of the demo city, written, checked, approved and published the way every story is. Nobody in them is real."""

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
    """Tell the stories that are not there yet. One that was cut short is told whole the next time."""
    known = set(Story.objects.values_list("slug", flat=True))
    for told in tomllib.loads(_SCRIPT.read_text(encoding="utf-8"))["story"]:
        if told["slug"] not in known:
            _load_story(told)


@transaction.atomic
def _load_story(told: dict[str, Any]) -> None:
    writer = Account.objects.get(username=groups.COMMUNICATIONS)
    text = {name: told[name] for name in texts.FIELDS if name in told}
    text |= {"body": told["body"].strip(), "tags": _create_tags(told["tags"]), "lead_id": _create_lead(told, writer)}
    published = timezone.now() - dt.timedelta(days=told["age"])
    with freeze_clock(published):
        story = workflow.create_story(writer, text | told.get("first", {}))
        _publish(story, writer, until=told.get("until", ""))
    if note := told.get("correction"):
        with freeze_clock(published + dt.timedelta(days=told["corrected"])):
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


def _create_lead(told: dict[str, Any], writer: Account) -> int | None:
    """The drawing, taken and rebuilt like a photograph; None where this machine cannot do that now."""
    if "drawing" not in told:
        return None
    sent = SimpleUploadedFile(f"{told['drawing']}.png", drawings.png_file(told["drawing"]))
    picture = pictures.accept_upload(sent, told["alt"], _("Drawn for this page"), writer)
    pictures.rebuild_picture(str(picture.original.pk))
    return picture.pk if Picture.objects.filter(pk=picture.pk, state=Picture.PictureState.READY).exists() else None
