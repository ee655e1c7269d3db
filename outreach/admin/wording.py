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
    live_sentence = _("Residents read the version that was published; what is changed here they do not see yet.")
    sentences = {
        Status.DRAFT: live_sentence if state.is_live else _("Only staff can read it."),
        Status.IN_REVIEW: _("It waits for a second person to read and approve it."),
        Status.APPROVED: _("It is approved and can be published."),
        Status.SCHEDULED: _("It is published by itself on %(when)s.") % {"when": format_moment(story.publish_at)},
        Status.PUBLISHED: _("Residents read it."),
        Status.CORRECTED: _("Residents read it, with the correction under it."),
        Status.WITHDRAWN: _("Residents cannot read it; its address says that it is gone."),
    }
    sentence = sentences[Status(story.status)]
    is_waiting = story.status in (Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED)
    return f"{sentence} {live_sentence}" if is_waiting and state.is_live else sentence


def missing_button_sentence(story: Story, state: StoryState, steps: Sequence[StoryAction]) -> str:
    """Return why the button for the next step is missing, or an empty string."""
    if story.status == Status.IN_REVIEW and StoryAction.APPROVE not in steps:
        return _("You wrote this text, or your account may not approve: somebody else approves it.")
    if story.status == Status.DRAFT and state.problems:
        return _("Before it can go to review:")
    return ""


def format_moment(moment: object) -> str:
    """Format day and time in the agency's time zone, with the zone's name."""
    local = timezone.localtime(moment) if moment else None  # type: ignore[arg-type]
    return f"{date_format(local, 'DATETIME_FORMAT')} {local:%Z}" if local else ""


_BUTTONS = {
    StoryAction.SUBMIT: gettext_lazy("Send to review"),
    StoryAction.ASK_CHANGES: gettext_lazy("Send back with a comment"),
    StoryAction.APPROVE: gettext_lazy("Approve"),
    StoryAction.SCHEDULE: gettext_lazy("Schedule"),
    StoryAction.UNSCHEDULE: gettext_lazy("Do not publish by itself"),
    StoryAction.PUBLISH: gettext_lazy("Publish now"),
    StoryAction.WITHDRAW: gettext_lazy("Withdraw"),
    StoryAction.REOPEN: gettext_lazy("Take up again"),
}


def button_label(action: StoryAction, state: StoryState) -> str:
    if action is StoryAction.WITHDRAW and not state.is_live:
        return _("Put away")
    if action is StoryAction.SCHEDULE and state.status == Status.SCHEDULED:
        return _("Change the time")
    return str(_BUTTONS[action])


def action_explanation(action: StoryAction, state: StoryState) -> str:
    """Return what will happen when the button of a step's page is pressed."""
    return {
        StoryAction.SUBMIT: _("A second person reads the story next. Answer these questions first; they are asked again before it is approved."),
        StoryAction.ASK_CHANGES: _("The story becomes a draft again, and its author reads your comment."),
        StoryAction.APPROVE: _("With your approval this text can be published as it stands. Answer the questions for yourself, whatever the author answered."),
        StoryAction.SCHEDULE: _("The story is published by itself, to the minute. Residents see the day and no time."),
        StoryAction.UNSCHEDULE: _("The story stays approved, and nothing happens by itself."),
        StoryAction.PUBLISH: _("Residents can read the story at once. They see the day and no time."),
        StoryAction.WITHDRAW: _("Residents can no longer read the story, its pictures or its place in lists; its address says that it is gone.") if state.is_live else _("The story leaves the list. It can be taken up again."),
        StoryAction.REOPEN: _("The story becomes a draft. Residents go on reading that it is gone until it is published again."),
    }.get(action, "")  # fmt: skip


_STEP_PHRASES = {
    "create": gettext_lazy("wrote it"),
    StoryAction.EDIT: gettext_lazy("changed the text"),
    StoryAction.SUBMIT: gettext_lazy("sent it to review"),
    StoryAction.ASK_CHANGES: gettext_lazy("sent it back"),
    StoryAction.APPROVE: gettext_lazy("approved it"),
    StoryAction.SCHEDULE: gettext_lazy("scheduled it"),
    StoryAction.UNSCHEDULE: gettext_lazy("took it out of the schedule"),
    StoryAction.PUBLISH: gettext_lazy("published it"),
    StoryAction.WITHDRAW: gettext_lazy("withdrew it"),
    StoryAction.REOPEN: gettext_lazy("took it up again"),
}


def step_sentence(step: StoryStep) -> str:
    """Return a step of the history as a sentence, such as "Priya Marsh approved it"."""
    who = (step.by.get_full_name() or step.by.get_username()) if step.by else _("The clock")
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
