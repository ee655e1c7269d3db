"""The first page of communications: the next days, stories that need a decision, work in progress, and faults to mend."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from core.models import Account
from outreach.events import public_events
from outreach.models import Event, Guide, Picture, Post, PublishedStory, Status, Story, StoryStep
from outreach.stories import workflow, workflow_rules
from outreach.stories.workflow_rules import StoryAction

_DAYS = 7
_MOST_LISTED = 5
# A guide is read again once a year.
_GUIDE_AGE = dt.timedelta(days=365)
_UNTOUCHED_DAYS = 7
PostState = Post.PostState


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happens on a day."""

    words: str
    address: str
    is_event: bool = False


@dataclass(slots=True)
class Day:
    date: dt.date
    is_today: bool
    entries: list[Entry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something to mend: what it is, where it is, and the page that mends it."""

    title: str
    detail: str
    address: str
    action: str


def list_days() -> list[Day]:
    """Return today and the six days after it, each with its stories, scheduled or out, and its events."""
    today = timezone.localdate()
    days = {
        today + dt.timedelta(days=ahead): Day(today + dt.timedelta(days=ahead), ahead == 0) for ahead in range(_DAYS)
    }
    end = today + dt.timedelta(days=_DAYS)
    for story in PublishedStory.objects.filter(published_on=today).only("title"):
        days[today].entries.append(
            Entry(_("Story out: %(title)s") % {"title": story.title}, _address("story", story.pk))
        )
    timed: list[tuple[dt.datetime, Entry]] = []
    for due in Story.objects.filter(status=Status.SCHEDULED).only("title", "publish_at"):
        assert due.publish_at is not None
        words = _("%(time)s story: %(title)s") % {"time": _format_time(due.publish_at), "title": due.title}
        timed.append((due.publish_at, Entry(words, _address("story", due.pk))))
    first, last = (timezone.make_aware(dt.datetime.combine(day, dt.time())) for day in (today, end))
    for event in public_events.visible_events().filter(starts_at__gte=first, starts_at__lt=last):
        is_canceled = event.status == Event.EventStatus.CANCELLED
        sentence = _("%(time)s event, canceled: %(title)s") if is_canceled else _("%(time)s event: %(title)s")
        words = sentence % {"time": _format_time(event.starts_at), "title": event.title}
        timed.append((event.starts_at, Entry(words, _address("event", event.pk), is_event=True)))
    for moment, entry in sorted(timed, key=lambda each: each[0]):
        day = days.get(timezone.localdate(moment))
        if day is not None:
            day.entries.append(entry)
    return list(days.values())


def list_to_approve(account: Account) -> list[Story]:
    """Return the stories in review that this account may approve: never one that it wrote, unless the agency allows that."""
    actor = workflow.actor_for(account)
    if not actor.can_approve:
        return []
    self_approval = workflow.is_self_approval_allowed()
    return [
        story
        for story in Story.objects.filter(status=Status.IN_REVIEW).select_related("edited_by").order_by("edited_at")
        if StoryAction.APPROVE
        in workflow_rules.offered_actions(workflow.read_state(story), actor, self_approval=self_approval)
    ]


def _with_last_step() -> QuerySet[Any]:
    """Return the stories with `last_action`, and the `last_note` and `last_step_at` of the same step."""
    steps = StoryStep.objects.filter(story=OuterRef("pk")).order_by("-at", "-pk")
    columns = {"last_action": "action", "last_note": "note", "last_step_at": "at", "last_step_by": "by__username"}
    return Story.objects.annotate(**{name: Subquery(steps.values(column)[:1]) for name, column in columns.items()})


def list_returned(account: Account) -> QuerySet[Any]:
    """Return the stories of this account that were sent back for changes and have not been changed since."""
    returned = _with_last_step().filter(status=Status.DRAFT, last_action=StoryAction.ASK_CHANGES)
    return returned.filter(Q(author=account) | Q(edited_by=account)).order_by("last_step_at")


def list_in_work() -> list[tuple[Story, str]]:
    """Return the stories that are not out yet or are being corrected, each with its state in words: the next to go out first."""
    states = (Status.SCHEDULED, Status.APPROVED, Status.IN_REVIEW, Status.DRAFT)
    stories = Story.objects.filter(status__in=states).select_related("approved_by", "edited_by")
    ordered = sorted(stories.order_by("-edited_at"), key=lambda story: states.index(Status(story.status)))
    return [(story, _describe_state(story)) for story in ordered[: 2 * _MOST_LISTED]]


def _describe_state(story: Story) -> str:
    if story.status == Status.SCHEDULED and story.publish_at:
        when = formats.date_format(timezone.localtime(story.publish_at), "D, N j, P")
        return _("Goes out %(when)s, approved by %(name)s.") % {"when": when, "name": _name(story.approved_by)}
    if story.status == Status.APPROVED:
        return _("Approved by %(name)s. It has no time yet.") % {"name": _name(story.approved_by)}
    day = formats.date_format(timezone.localtime(story.edited_at), "D, N j")
    if story.status == Status.IN_REVIEW:
        return _("In review. Last changed %(day)s by %(name)s.") % {"day": day, "name": _name(story.edited_by)}
    untouched = (timezone.now() - story.edited_at).days
    if untouched >= _UNTOUCHED_DAYS:
        sentence = ngettext("Draft, untouched for %(count)s day", "Draft, untouched for %(count)s days", untouched)
        return sentence % {"count": untouched}
    return _("Draft, last changed %(day)s by %(name)s") % {"day": day, "name": _name(story.edited_by)}


def list_out() -> list[tuple[PublishedStory, list[Post]]]:
    """Return the last five published stories, each with its posts on channels."""
    stories = list(PublishedStory.objects.all()[:_MOST_LISTED])
    posts = Post.objects.filter(story__in=[story.pk for story in stories]).exclude(state=PostState.LEFT_OUT)
    found = list(posts.select_related("channel"))
    return [(story, [post for post in found if post.story_id == story.pk]) for story in stories]


def list_next_events() -> QuerySet[Event]:
    """Return the next events, canceled ones left out, each with `reminder_count`: how many residents want a reminder."""
    confirmed = Count("reminders", filter=Q(reminders__confirmed_at__isnull=False))
    upcoming = public_events.upcoming_events().filter(status=Event.EventStatus.PUBLISHED)
    return upcoming.annotate(reminder_count=confirmed)[:_MOST_LISTED]


def list_faults() -> list[Fault]:
    """Return what is to be mended: posts that failed, events without a place on the map, old guides, refused pictures."""
    faults = []
    for post in Post.objects.filter(state=PostState.FAILED).select_related("channel", "story")[:_MOST_LISTED]:
        title = _("%(channel)s refused a post") % {"channel": post.channel.name}
        address = reverse("admin:outreach_story_channels", args=[post.story_id])
        faults.append(Fault(title, f"{post.story.title}. {post.problem}", address, _("Look at it")))
    for event in public_events.upcoming_events().filter(latitude=None, status=Event.EventStatus.PUBLISHED)[
        :_MOST_LISTED
    ]:
        faults.append(
            Fault(_("This event has no place on the map"), event.title, _address("event", event.pk), _("Place it"))
        )
    old = Guide.objects.filter(shown=True, updated_on__lt=timezone.localdate() - _GUIDE_AGE).order_by("updated_on")
    for guide in old[:_MOST_LISTED]:
        day = formats.date_format(guide.updated_on, "N j, Y")
        detail = _("%(title)s, last changed %(day)s") % {"title": guide.title, "day": day}
        faults.append(
            Fault(_("This guide is more than a year old"), detail, _address("guide", guide.pk), _("Read it again"))
        )
    for picture in Picture.objects.filter(state=Picture.PictureState.REFUSED)[:_MOST_LISTED]:
        title = _("This picture couldn't be used")
        faults.append(Fault(title, picture.alt, _address("picture", picture.pk), _("See why")))
    return faults


def _address(kind: str, pk: int) -> str:
    return reverse(f"admin:outreach_{kind}_change", args=[pk])


def _format_time(moment: dt.datetime) -> str:
    return formats.time_format(timezone.localtime(moment), "P")


def _name(account: Account | None) -> str:
    return (account.get_full_name() or account.get_username()) if account else ""
