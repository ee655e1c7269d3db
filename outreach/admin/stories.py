"""Stories in the admin."""

from __future__ import annotations

from django.contrib import admin

from outreach.models import Story


@admin.register(Story)
class StoryAdmin(admin.ModelAdmin):
    list_display = ("title", "status")
