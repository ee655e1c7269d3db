"""`{% load outreach_desk %}`: tags for the admin: open work on its first page, and a story's posts."""

from __future__ import annotations

from typing import Any

from django import template

from outreach.channels import posting
from outreach.models import Status, Story
from outreach.stories import workflow, workflow_rules
from outreach.stories.workflow_rules import StoryAction

register = template.Library()


@register.inclusion_tag("admin/outreach/channels/unsure_posts.html", takes_context=True)
def unsure_posts(context: dict[str, Any]) -> dict[str, Any]:
    """List posts that staff have to look for on the channel, if the user may settle them."""
    user = context["request"].user
    return {"posts": posting.list_unsure_posts() if user.has_perm("outreach.change_story") else []}


@register.inclusion_tag("admin/outreach/stories/awaiting_approval.html", takes_context=True)
def awaiting_approval(context: dict[str, Any]) -> dict[str, Any]:
    """List the stories in review that the user may approve."""
    actor = workflow.actor_for(context["request"].user)
    stories = Story.objects.filter(status=Status.IN_REVIEW) if actor.can_approve else Story.objects.none()
    self_approval = workflow.is_self_approval_allowed()
    return {
        "stories": [
            story
            for story in stories
            if StoryAction.APPROVE
            in workflow_rules.offered_actions(workflow.read_state(story), actor, self_approval=self_approval)
        ]
    }


@register.inclusion_tag("admin/outreach/channels/story_posts.html")
def story_posts(story: Story) -> dict[str, Any]:
    """List a story's posts on the channels and their state."""
    return {"story": story, "posts": posting.list_posts(story)}
