"""Admin pages of tags."""

from __future__ import annotations

from django import forms
from django.contrib import admin

from core.plain_text import clean_published_line
from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from outreach.models import Tag


class TagForm(forms.ModelForm):
    class Meta:
        model = Tag
        fields = ("name", "slug")

    def clean_name(self) -> str:
        return clean_published_line(self.cleaned_data["name"])


@admin.register(Tag)
class TagAdmin(FoldedSearch, AuditedAdmin):
    form = TagForm
    list_display = ("name", "slug")
    search_fields = ("name",)
    prepopulated_fields = {"slug": ("name",)}
