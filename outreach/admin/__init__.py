"""Outreach in Django's admin: the editing desk. Rules are in the modules named after them."""

from __future__ import annotations

from outreach.admin import channels, events, guides, pictures, stories, tags

__all__ = ["channels", "events", "guides", "pictures", "stories", "tags"]
