"""Admin base class that records each addition, change and deletion in the audit trail, in the same transaction."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from core import audit
from core.models import Account

_MAX_VALUE_CHARACTERS = 60  # of longer values, only the field's name is recorded


class AuditedAdmin(admin.ModelAdmin):
    show_facets = admin.ShowFacets.NEVER

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data or not change:
            self.record(request, "changed" if change else "added", obj, describe_changes(form) if change else "")

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Record the rows below the object too, such as the questions of a category."""
        super().save_related(request, form, formsets, change)
        for formset in formsets:
            if details := [*_describe_rows(formset)]:
                verb = f"changed {formset.model._meta.verbose_name_plural} of"
                self.record(request, verb, form.instance, "; ".join(details))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.record(request, "deleted", obj)
        super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for obj in queryset:
            self.record(request, "deleted", obj)
        super().delete_queryset(request, queryset)

    def record(self, request: HttpRequest, verb: str, obj: Any, detail: str = "") -> None:
        assert isinstance(request.user, Account)
        kind = str(self.opts.verbose_name)
        audit.record(request.user, f"{verb} {kind}", f"{kind} {obj}", detail)


def describe_changes(form: Any) -> str:
    """Describe a form's changes: "embargo_days: 7 -> 14, name: Old -> New"."""
    descriptions = []
    for name in form.changed_data:
        before, after = _describe_value(form.initial.get(name, "")), _describe_value(form.cleaned_data.get(name, ""))
        is_short = len(before) <= _MAX_VALUE_CHARACTERS and len(after) <= _MAX_VALUE_CHARACTERS
        descriptions.append(f"{name}: {before or '-'} -> {after or '-'}" if is_short else name)
    return ", ".join(descriptions)


def _describe_value(value: object) -> str:
    if isinstance(value, QuerySet | list | tuple):
        return ", ".join(sorted(str(each) for each in value))
    return str(value)


def _describe_rows(formset: Any) -> Iterable[str]:
    added: list[Model] = formset.new_objects
    yield from (f"added {row}" for row in added)
    yield from (f"changed {row} ({', '.join(names)})" for row, names in formset.changed_objects)
    yield from (f"deleted {row}" for row in formset.deleted_objects)
