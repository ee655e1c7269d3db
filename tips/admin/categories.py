"""Categories of tips and their follow-up questions.

Administrators edit what residents see of a category. Supervisors decide which unit handles it and who sees sensitive tips.
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _gettext
from django.utils.translation import gettext_lazy as _

from core.models import Account
from core.sign_in.fresh_factor import require_fresh_factor_to_change
from core.staff.audited_admin import AuditedAdmin
from core.staff.folded_search import FoldedSearch
from tips import readers
from tips.admin.units import PersonField, separate_added
from tips.desk import access_changes
from tips.models import Category, Question

# Symbols of static/img/icons.svg that fit a subject of tips.
ICONS = {
    "weapon": _("Gun"), "drugs": _("Pill"), "violence": _("Warning sign"), "theft": _("House"), "vehicle": _("Car"),
    "fraud": _("Dollar coin"), "trafficking": _("Broken chain"), "school": _("School"), "person": _("Person"), "shield": _("Shield"),
    "card": _("Bank card"), "chat": _("Speech bubble"), "book": _("Book"), "pin": _("Map pin"), "clock": _("Clock"),
    "eye-off": _("Crossed-out eye"), "lock": _("Lock"), "trash": _("Trash can"), "dots": _("Three dots"),
}  # fmt: skip

_ACCESS_FIELDS = ["unit", "is_sensitive", "concerns_life"]


class IconSelect(forms.RadioSelect):
    """Radio buttons with the picture of each icon."""

    option_template_name = "admin/tips/icon_option.html"


class CategoryForm(forms.ModelForm):
    icon = forms.ChoiceField(label=_("Icon"), choices=lambda: list(ICONS.items()), widget=IconSelect, initial="dots")

    readers = PersonField(
        label=_("People who see these tips"),
        help_text=_("Supervisors see them only if you name them. Everyone named gets an email when a tip arrives."),
    )
    editor: Account
    added: list[Account]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        icon, field = self.instance.icon, self.fields.get("icon")
        if isinstance(field, forms.ChoiceField) and icon not in ICONS:  # from before icons were chosen from a list
            field.choices = [*ICONS.items(), (icon, icon)]
        people = self.fields.get("readers")
        if isinstance(people, PersonField):
            people.offer(self.named_before())

    def named_before(self) -> list[Account]:
        return list(self.instance.readers.all()) if self.instance.pk else []

    def clean_readers(self) -> list[Account]:
        kept, self.added = separate_added(self.editor, self.named_before(), self.cleaned_data["readers"])
        return kept

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        before = self.named_before()
        named = list(cleaned.get("readers", before))
        is_sensitive = cleaned.get("is_sensitive", self.instance.is_sensitive)
        has_reader = readers.desk_accounts().filter(pk__in=[account.pk for account in named]).exists()
        if is_sensitive and cleaned.get("active", self.instance.active) and not has_reader:
            sentence = _gettext(
                "Nobody could see these tips. Name at least one person, and have a supervisor allow it, before you offer"
                " this category on the form."
            )
            self.add_error("active", sentence)
        if "is_sensitive" in self.fields:
            saw = access_changes.sees_category(
                self.editor, is_sensitive=self.initial.get("is_sensitive", False), named=before
            )
            sees = access_changes.sees_category(self.editor, is_sensitive=is_sensitive, named=named)
            if problem := access_changes.explain_refused_gain(self.editor, sees_before=saw, sees_after=sees):
                self.add_error("is_sensitive", problem)
        return cleaned


class QuestionInline(admin.StackedInline):
    """Stacked: a tabular inline's controls have no labels."""

    model = Question
    extra = 1
    fields = ("label", "hint", ("kind", "order"))


@admin.register(Category)
@require_fresh_factor_to_change
class CategoryAdmin(FoldedSearch, AuditedAdmin):
    form = CategoryForm
    list_display = ("name", "hint", "questions_asked", "seen_by", "order", "active")
    list_filter = ("active", "is_sensitive", "unit")
    search_fields = ("name", "hint")
    fieldsets = (
        (None, {"fields": ("name", "slug", "hint", "icon", "order", "active", "safety_note")}),
        (
            _("Who sees these tips"),
            {
                "fields": ("unit", "is_sensitive", "readers", "waiting", "concerns_life"),
                "description": _(
                    "Only supervisors choose the unit and what is sensitive. A supervisor other than you has to allow each"
                    " new person. All supervisors get an email about each change."
                ),
            },
        ),
    )
    inlines = (QuestionInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Category]:
        categories: QuerySet[Category] = super().get_queryset(request)
        return categories.select_related("unit").prefetch_related("readers").annotate(question_count=Count("questions"))

    def get_form(self, request: HttpRequest, obj: Category | None = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        form.editor = request.user
        return form

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "unit":
            kwargs["empty_label"] = _gettext("All officers")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field: Any = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "unit":  # without links to add and change units, which lead away from the form
            field.widget = field.widget.widget
        return field

    def get_fieldsets(self, request: HttpRequest, obj: Category | None = None) -> Any:
        """Leave out what only administrators need."""
        fieldsets = super().get_fieldsets(request, obj)
        if request.user.has_perm("tips.add_category"):
            return fieldsets
        return [(None, {"fields": ("name", "hint", "active", "safety_note")}), *fieldsets[1:]]

    def get_readonly_fields(self, request: HttpRequest, obj: Category | None = None) -> tuple[str, ...]:
        assert isinstance(request.user, Account)
        fields = ["waiting"]
        if not request.user.has_perm("tips.add_category"):
            fields += ["name", "slug", "hint", "icon", "order", "safety_note"]
        # Of a sensitive category, not even whether there is a tip.
        elif obj and (obj.is_sensitive or obj.tips.exists()):
            fields.append("slug")
        if not access_changes.decides(request.user):
            fields += _ACCESS_FIELDS
        return tuple(fields)

    def has_delete_permission(self, request: HttpRequest, obj: Category | None = None) -> bool:
        """Keep sensitive categories: whether one can be deleted would say whether there is a tip."""
        return super().has_delete_permission(request, obj) and not (obj and obj.is_sensitive)

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Leave out the numbers of tips that keep a category from being deleted."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        return (deleted, counts, set(), [_("Tips in this category")]) if protected else (deleted, counts, missing, [])

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record a change of who sees the tips, one line a person, and mail it to the supervisors."""
        category, editor = form.instance, request.user
        assert isinstance(editor, Account)
        before = form.named_before() if change else []
        super().save_related(request, form, formsets, change)
        subject = f"category {category}"
        if {"unit", "is_sensitive"} & set(form.changed_data):
            access_changes.record(editor, "changed who sees", subject, access_changes.describe_readers(category))
        access_changes.record_removals(editor, subject, set(before) - set(category.readers.all()))
        for sentence in access_changes.ask_to_add(editor, category, form.added):
            self.message_user(request, sentence, messages.WARNING)

    def get_prepopulated_fields(self, request: HttpRequest, obj: Category | None = None) -> dict[str, Any]:  # noqa: ARG002
        return {} if obj else {"slug": ("name",)}

    @admin.display(description=_("waiting for consent"))
    def waiting(self, category: Category) -> str:
        return access_changes.name_waiting(category) if category.pk else _gettext("No one")

    @admin.display(description=_("seen by"))
    def seen_by(self, category: Category) -> str:
        if not category.is_sensitive:
            return category.unit.name if category.unit else _gettext("All officers")
        return access_changes.name_accounts(category.readers.all()) or _gettext("Nobody is named")

    @admin.display(description=_("follow-up questions"), ordering="question_count")
    def questions_asked(self, category: Category) -> int:
        count: int = category.question_count  # type: ignore[attr-defined]
        return count
