"""Stories, guides, pictures and events for the public, and the channels that stories are posted on."""

from outreach.models.channels import Channel, Post
from outreach.models.events import Event, Reminder, ReminderMail
from outreach.models.guides import Guide, GuideRevision
from outreach.models.pictures import Picture, PictureFile, PictureOriginal
from outreach.models.priorities import AreaPriority
from outreach.models.stories import (
    Correction,
    PreviewLink,
    PublishedStory,
    ReviewComment,
    Status,
    Story,
    StoryCheck,
    StoryRevision,
    StoryStep,
    Withdrawal,
)
from outreach.models.story_content import HowSoon, StoryCategory, StoryContent, Tag

__all__ = [
    "AreaPriority",
    "Channel",
    "Correction",
    "Event",
    "Guide",
    "GuideRevision",
    "HowSoon",
    "Picture",
    "PictureFile",
    "PictureOriginal",
    "Post",
    "PreviewLink",
    "PublishedStory",
    "Reminder",
    "ReminderMail",
    "ReviewComment",
    "Status",
    "Story",
    "StoryCategory",
    "StoryCheck",
    "StoryContent",
    "StoryRevision",
    "StoryStep",
    "Tag",
    "Withdrawal",
]
