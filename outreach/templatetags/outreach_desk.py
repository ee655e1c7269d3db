"""`{% load outreach_desk %}`: tags for the admin: open work on its first page, and a story's posts."""

from __future__ import annotations

from typing import Any

from django import template

from outreach import home
from outreach.channels import posting
from outreach.models import Story
from outreach.stories import impact

register = template.Library()


@register.inclusion_tag("admin/outreach/channels/unsure_posts.html", takes_context=True)
def unsure_posts(context: dict[str, Any]) -> dict[str, Any]:
    """List posts that staff have to look for on the channel, if the user may settle them."""
    user = context["request"].user
    return {"posts": posting.list_unsure_posts() if user.has_perm("outreach.change_story") else []}


@register.inclusion_tag("admin/outreach/home.html", takes_context=True)
def newsroom(context: dict[str, Any]) -> dict[str, Any]:
    """Show communications their work; to other accounts only the stories that they may approve."""
    user = context["request"].user
    shown: dict[str, Any] = {"to_approve": home.list_to_approve(user)}
    if not user.has_perm("outreach.change_story"):
        return shown
    return shown | {
        "is_writer": True,
        "days": home.list_days(),
        "returned": home.list_returned(user),
        "in_work": home.list_in_work(),
        "out": home.list_out(),
        "events": home.list_next_events(),
        "faults": home.list_faults(),
        "outcomes": impact.total_outcomes(),
    }


@register.inclusion_tag("admin/outreach/channels/story_posts.html")
def story_posts(story: Story) -> dict[str, Any]:
    """List a story's posts on the channels and their state."""
    return {"story": story, "posts": posting.list_posts(story)}
