"""Categories of tips and their follow-up questions, edited by administrators."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from tips.models import Category, Question

# Symbols of static/img/icons.svg that fit a subject of tips.
ICONS = {
    "weapon": _("Gun"), "drugs": _("Pill"), "violence": _("Warning sign"), "theft": _("House"), "vehicle": _("Car"),
    "fraud": _("Dollar coin"), "trafficking": _("Broken chain"), "school": _("School"), "person": _("Person"), "shield": _("Shield"),
    "card": _("Bank card"), "chat": _("Speech bubble"), "book": _("Book"), "pin": _("Map pin"), "clock": _("Clock"),
    "eye-off": _("Crossed-out eye"), "lock": _("Lock"), "trash": _("Trash can"), "dots": _("Three dots"),
}  # fmt: skip


class IconSelect(forms.RadioSelect):
    """Radio buttons with the picture of each icon."""

    option_template_name = "admin/tips/icon_option.html"


class CategoryForm(forms.ModelForm):
    icon = forms.ChoiceField(label=_("Icon"), choices=lambda: list(ICONS.items()), widget=IconSelect, initial="dots")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        icon = self.instance.icon
        field = self.fields["icon"]
        assert isinstance(field, forms.ChoiceField)
        if icon not in ICONS:  # from before icons were chosen from a list
            field.choices = [*ICONS.items(), (icon, icon)]


class QuestionInline(admin.StackedInline):
    """Stacked: a tabular inline's controls have no labels."""

    model = Question
    extra = 1
    fields = ("label", "hint", ("kind", "order"))


@admin.register(Category)
class CategoryAdmin(FoldedSearch, AuditedAdmin):
    form = CategoryForm
    list_display = ("name", "hint", "questions_asked", "order", "active")
    list_filter = ("active",)
    search_fields = ("name", "hint")
    fields = ("name", "slug", "hint", "icon", "order", "active")
    inlines = (QuestionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        categories: QuerySet[Category] = super().get_queryset(request)
        return categories.annotate(question_count=Count("questions"))

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("slug",) if obj and obj.tips.exists() else ()

    def get_prepopulated_fields(self, request: HttpRequest, obj: Category | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {} if obj else {"slug": ("name",)}

    @admin.display(description=_("follow-up questions"), ordering="question_count")
    def questions_asked(self, category: Category) -> int:
        count: int = category.question_count  # type: ignore[attr-defined]
        return count
