"""Tags: words that stories are found by."""

from __future__ import annotations

from django.contrib import admin

from outreach.models import Tag


@admin.register(Tag)
class TagAdmin(admin.ModelAdmin):
    list_display = ("name", "slug")
    search_fields = ("name",)
    show_facets = admin.ShowFacets.NEVER
    prepopulated_fields = {"slug": ("name",)}
