"""Filters of the list of tips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tips import readers
from tips.desk import worklist
from tips.models import State, Tip


class StatusFilter(admin.SimpleListFilter):
    """Status of a tip; without a choice, tips that need an officer are listed (tips/desk/worklist.py)."""

    title = gettext_lazy("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [*((state.value, str(state.label)) for state in State), ("all", _("All"))]

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Active")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tip]) -> QuerySet[Tip]:  # noqa: ARG002
        value = self.value()
        if value == "all":
            return queryset
        return queryset.filter(state=value) if value in State.values else queryset.filter(worklist.ACTIVE)


class AssigneeFilter(admin.SimpleListFilter):
    title = gettext_lazy("assigned to")
    parameter_name = "assigned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [
            ("me", _("Me")),
            ("nobody", _("No one")),
            ("others", _("Someone else")),
            ("inactive", _("Someone who left")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tip]) -> QuerySet[Tip]:
        match self.value():
            case "me":
                return queryset.filter(assigned_to=request.user.pk)
            case "nobody":
                return queryset.filter(assigned_to=None)
            case "others":
                return queryset.filter(assigned_to__isnull=False).exclude(assigned_to=request.user.pk)
            case "inactive":
                return queryset.filter(assigned_to__isnull=False).exclude(
                    assigned_to__in=readers.desk_accounts().values("pk")
                )
        return queryset


class UnreadFilter(admin.SimpleListFilter):
    title = gettext_lazy("unread")
    parameter_name = "unread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("yes", _("Has something unread"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tip]) -> QuerySet[Tip]:  # noqa: ARG002
        return queryset.filter(worklist.UNREAD) if self.value() == "yes" else queryset
