"""The desk's sentences: states, buttons and steps in words, and the labeled fields of a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from crimemap import places
from outreach.models import HowSoon, Picture, Status, Story, StoryCategory, StoryContent, StoryStep, Tag
from outreach.stories.texts import StoryValues
from outreach.stories.workflow_rules import StoryAction, StoryState

STATUS_CHIPS = {
    Status.DRAFT: "",
    Status.IN_REVIEW: "chip-gold",
    Status.APPROVED: "chip-gold",
    Status.SCHEDULED: "chip-gold",
    Status.PUBLISHED: "chip-green",
    Status.CORRECTED: "chip-green",
    Status.WITHDRAWN: "chip-red",
}


def signed_in_again_sentence() -> str:
    return _(
        "You are signed in again, and what you wrote is here. It is not saved yet: press the button once more. A picture must be chosen again."
    )


def state_sentence(story: Story, state: StoryState) -> str:
    """Return a story's state in a sentence or two."""
    live_sentence = _("Residents still read the published version. They can't see these changes yet.")
    sentences = {
        Status.DRAFT: live_sentence if state.is_live else _("Only staff can read it."),
        Status.IN_REVIEW: _("A second person has to read and approve it."),
        Status.APPROVED: _("It's approved. You can publish it."),
        Status.SCHEDULED: _("It will be published on %(when)s.") % {"when": format_moment(story.publish_at)},
        Status.PUBLISHED: _("Residents can read it."),
        Status.CORRECTED: _("Residents can read it, with the correction below it."),
        Status.WITHDRAWN: _("Residents can't read it. Its web address says the story was withdrawn."),
    }
    sentence = sentences[Status(story.status)]
    is_waiting = story.status in (Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED)
    return f"{sentence} {live_sentence}" if is_waiting and state.is_live else sentence


def missing_button_sentence(story: Story, state: StoryState, steps: Sequence[StoryAction]) -> str:
    """Return why the button for the next step is missing, or an empty string."""
    if story.status == Status.IN_REVIEW and StoryAction.APPROVE not in steps:
        return _("Someone else has to approve it: you wrote this text, or your account can't approve stories.")
    if story.status == Status.DRAFT and state.problems:
        return _("Fix these before you send it to review:")
    return ""


def format_moment(moment: object) -> str:
    """Format day and time in the agency's time zone, with the zone's name."""
    local = timezone.localtime(moment) if moment else None  # type: ignore[arg-type]
    return f"{date_format(local, 'DATETIME_FORMAT')} {local:%Z}" if local else ""


_BUTTONS = {
    StoryAction.SUBMIT: gettext_lazy("Send to review"),
    StoryAction.ASK_CHANGES: gettext_lazy("Send back with comment"),
    StoryAction.APPROVE: gettext_lazy("Approve story"),
    StoryAction.SCHEDULE: gettext_lazy("Schedule story"),
    StoryAction.UNSCHEDULE: gettext_lazy("Cancel schedule"),
    StoryAction.PUBLISH: gettext_lazy("Publish now"),
    StoryAction.WITHDRAW: gettext_lazy("Withdraw story"),
    StoryAction.REOPEN: gettext_lazy("Reopen story"),
}


def button_label(action: StoryAction, state: StoryState) -> str:
    if action is StoryAction.WITHDRAW and not state.is_live:
        return _("Put story away")
    if action is StoryAction.SCHEDULE and state.status == Status.SCHEDULED:
        return _("Change time")
    return str(_BUTTONS[action])


def action_explanation(action: StoryAction, state: StoryState) -> str:
    """Return what will happen when the button of a step's page is pressed."""
    return {
        StoryAction.SUBMIT: _("Next, a second person reads the story. Answer these questions first. That person answers them too."),
        StoryAction.ASK_CHANGES: _("The story becomes a draft again, and its author reads your comment."),
        StoryAction.APPROVE: _("After you approve it, this text can be published. Answer the questions yourself, no matter what the author answered."),
        StoryAction.SCHEDULE: _("The story will be published at this time. Residents see the day but not the time."),
        StoryAction.UNSCHEDULE: _("The story stays approved. It won't be published until someone does it."),
        StoryAction.PUBLISH: _("Residents can read the story right away. They see the day but not the time."),
        StoryAction.WITHDRAW: _("Residents will no longer see the story or its pictures. Its web address will say it was withdrawn.") if state.is_live else _("The story leaves the list. You can reopen it later."),
        StoryAction.REOPEN: _("The story becomes a draft. Its web address still says it was withdrawn until you publish it again."),
    }.get(action, "")  # fmt: skip


_STEP_PHRASES = {
    "create": gettext_lazy("wrote it"),
    StoryAction.EDIT: gettext_lazy("changed the text"),
    StoryAction.SUBMIT: gettext_lazy("sent it to review"),
    StoryAction.ASK_CHANGES: gettext_lazy("sent it back"),
    StoryAction.APPROVE: gettext_lazy("approved it"),
    StoryAction.SCHEDULE: gettext_lazy("scheduled it"),
    StoryAction.UNSCHEDULE: gettext_lazy("canceled its schedule"),
    StoryAction.PUBLISH: gettext_lazy("published it"),
    StoryAction.WITHDRAW: gettext_lazy("withdrew it"),
    StoryAction.REOPEN: gettext_lazy("reopened it"),
}


def step_sentence(step: StoryStep) -> str:
    """Return a step of the history as a sentence, such as "Priya Marsh approved it"."""
    who = (step.by.get_full_name() or step.by.get_username()) if step.by else _("The schedule")
    return f"{who} {_STEP_PHRASES.get(step.action, step.action)}"


def label_fields(values: StoryValues) -> dict[str, str]:
    """Return the fields of a text by their labels, in the order of the model. Empty fields are empty strings."""
    tags = Tag.objects.filter(pk__in=values.get("tags") or []).values_list("name", flat=True)
    lead = Picture.objects.filter(pk=values.get("lead_id") or 0).first()
    special = {
        "category": str(dict(StoryCategory.choices).get(values.get("category") or "", "")),
        "how_soon": str(dict(HowSoon.choices).get(values["how_soon"], "")) if values.get("how_soon") else "",
        "areas": ", ".join(_area_name(*area) for area in values.get("areas") or []),
        "lead": lead.alt if lead else "",
        "tags": ", ".join(tags),
    }
    labeled: dict[str, str] = {}
    for field in (*StoryContent._meta.fields, *StoryContent._meta.many_to_many):
        value = special.get(field.name, values.get(field.name))
        labeled[str(field.verbose_name).capitalize()] = "" if value is None else str(value)
    return labeled | {_("Address"): str(values.get("slug") or "")}


def label_facts(values: StoryValues) -> list[tuple[str, str]]:
    """Return (label, value) of the fields with a value, apart from title, summary and text."""
    fields: list[Any] = [StoryContent._meta.get_field(name) for name in ("title", "summary", "body")]
    main_labels = {str(field.verbose_name).capitalize() for field in fields}
    labeled = label_fields(values)
    return [(label, value) for label, value in labeled.items() if value and label not in main_labels]


def _area_name(layer: str, code: str) -> str:
    return next((area.name for area in places.area_outlines(layer) if area.code == code), code)
