"""What the desk says: states, buttons and steps in words, a text's fields as lines."""

from __future__ import annotations

from collections.abc import Sequence

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
    """Where a story state, in a sentence or two."""
    read = _("Residents read the version that was published; what is changed here they do not see yet.")
    sentences = {
        Status.DRAFT: read if state.is_live else _("Only staff can read it."),
        Status.IN_REVIEW: _("It waits for a second person to read and approve it."),
        Status.APPROVED: _("It is approved and can be published."),
        Status.SCHEDULED: _("It is published by itself on %(when)s.") % {"when": format_moment(story.publish_at)},
        Status.PUBLISHED: _("Residents read it."),
        Status.CORRECTED: _("Residents read it, with the correction under it."),
        Status.WITHDRAWN: _("Residents cannot read it; its address says that it is gone."),
    }
    sentence = sentences[Status(story.status)]
    waiting = story.status in (Status.IN_REVIEW, Status.APPROVED, Status.SCHEDULED)
    return f"{sentence} {read}" if waiting and state.is_live else sentence


def missing_button_sentence(story: Story, state: StoryState, steps: Sequence[StoryAction]) -> str:
    """Why somebody who looks for a button does not find it."""
    if story.status == Status.IN_REVIEW and StoryAction.APPROVE not in steps:
        return _("You wrote this text, or your account may not approve: somebody else approves it.")
    if story.status == Status.DRAFT and state.problems:
        return _("Before it can go to review:")
    return ""


def format_moment(at: object) -> str:
    """Day and time in the agency's zone, with the zone's name."""
    local = timezone.localtime(at) if at else None  # type: ignore[arg-type]
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
    """What happens when the button of a step's page is pressed."""
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
    """ "Priya Marsh approved it" """
    who = (step.by.get_full_name() or step.by.get_username()) if step.by else _("The clock")
    return f"{who} {_STEP_PHRASES.get(step.action, step.action)}"


def label_fields(text: StoryValues) -> dict[str, str]:
    """The fields of a text by their names in words, in the order of the editor; empty where nothing is said."""
    tags = Tag.objects.filter(pk__in=text.get("tags") or []).values_list("name", flat=True)
    lead = Picture.objects.filter(pk=text.get("lead_id") or 0).first()
    special = {
        "category": str(dict(StoryCategory.choices).get(text.get("category") or "", "")),
        "how_soon": str(dict(HowSoon.choices).get(text["how_soon"], "")) if text.get("how_soon") else "",
        "areas": ", ".join(_area_name(*area) for area in text.get("areas") or []),
        "lead": lead.alt if lead else "",
        "tags": ", ".join(tags),
    }
    shown: dict[str, str] = {}
    for field in (*StoryContent._meta.fields, *StoryContent._meta.many_to_many):
        value = special.get(field.name, text.get(field.name))
        shown[str(field.verbose_name).capitalize()] = "" if value is None else str(value)
    return shown | {_("Address"): str(text.get("slug") or "")}


def label_facts(text: StoryValues) -> list[tuple[str, str]]:
    """What is said beside title, summary and text."""
    told = {str(StoryContent._meta.get_field(name).verbose_name).capitalize() for name in ("title", "summary", "body")}  # type: ignore[union-attr]
    return [(label, words) for label, words in label_fields(text).items() if words and label not in told]


def _area_name(layer: str, code: str) -> str:
    return next((area.name for area in places.area_outlines(layer) if area.code == code), code)
