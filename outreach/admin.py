"""Stories in the admin: for now the list of what residents read."""

from __future__ import annotations

from django.contrib import admin

from outreach.models import Guide, Story, Tag


@admin.register(Story)
class StoryAdmin(admin.ModelAdmin):
    list_display = ["title", "status"]


@admin.register(Guide)
class GuideAdmin(admin.ModelAdmin):
    list_display = ["title", "shown"]


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ["name"]
