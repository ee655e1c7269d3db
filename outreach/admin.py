"""Stories in the admin. Their editor comes with issue 7."""

from __future__ import annotations

from django.contrib import admin

from outreach.models import Story


@admin.register(Story)
class StoryAdmin(admin.ModelAdmin):
    list_display = ["title", "published_on"]
    search_fields = ["title"]
    prepopulated_fields = {"slug": ["title"]}
