"""What an administrator adds, changes or deletes here is a line of the audit trail, written with the change."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core import audit
from core.models import Account

_LONGEST = 60  # characters of a value that stands in the trail; of longer ones only the field's name does


class AuditedAdmin(admin.ModelAdmin):
    show_facets = admin.ShowFacets.NEVER

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if form.changed_data or not change:
            self.record(request, "changed" if change else "added", obj, changes(form) if change else "")

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


def changes(form: Any) -> str:
    """ "embargo_days: 7 -> 14, name: ..." """
    told = []
    for name in form.changed_data:
        before, after = str(form.initial.get(name, "")), str(form.cleaned_data.get(name, ""))
        short = len(before) <= _LONGEST and len(after) <= _LONGEST
        told.append(f"{name}: {before or '-'} -> {after or '-'}" if short else name)
    return ", ".join(told)
