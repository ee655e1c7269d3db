"""Guides: the agency's own words on how to use the portal. What is saved and shown is public at once."""

from __future__ import annotations

from django.contrib import admin

from outreach.models import Guide


@admin.register(Guide)
class GuideAdmin(admin.ModelAdmin):
    list_display = ("title", "place", "order", "shown", "updated_on")
