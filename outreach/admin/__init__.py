"""The editing desk in Django's admin: pages only. The rules are in the modules of outreach."""

from __future__ import annotations

from outreach.admin import channels, events, guides, pictures, priorities, stories, tags

__all__ = ["channels", "events", "guides", "pictures", "priorities", "stories", "tags"]
