"""Filters of the list of tips."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tips import readers
from tips.desk import permissions, worklist
from tips.models import State, Tip
from tips.walls import visibility

SENSITIVE_PARAMETER = "sensitive"
WALLED_PARAMETER = "walled"


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


class SensitiveFilter(admin.SimpleListFilter):
    """Sensitive tips have a list of their own: the general list leaves them out. Only people named for a category have it."""

    title = gettext_lazy("sensitive tips")
    parameter_name = SENSITIVE_PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [("only", _("Only sensitive ones"))] if permissions.is_named(request.user) else []

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Leave out")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tip]) -> QuerySet[Tip]:
        if self.value() == "only":
            return queryset.filter(worklist.SENSITIVE)
        # The list of walled tips has the sensitive ones too: those who see it are chosen tip by tip.
        shows_walled = request.GET.get(WALLED_PARAMETER) == "only"
        return queryset if shows_walled else queryset.exclude(worklist.SENSITIVE)


class CategoryFilter(admin.RelatedFieldListFilter):
    """The categories of the list's tips: the sensitive ones in the sensitive list, the others in the general one."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        tips = model_admin.get_queryset(request).order_by()
        if request.GET.get(WALLED_PARAMETER) == "only":
            tips = tips.filter(worklist.WALLED)
        else:
            shows_sensitive = request.GET.get(SENSITIVE_PARAMETER) == "only"
            tips = tips.exclude(worklist.WALLED).filter(category__is_sensitive=shows_sensitive)
        return field.get_choices(include_blank=False, limit_choices_to={"pk__in": tips.values("category")})


class UnitFilter(admin.RelatedOnlyFieldListFilter):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.empty_value_display = format_html("{}", _("All officers"))


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


class WallFilter(admin.SimpleListFilter):
    """Walled tips have a list of their own: the general list leaves them out. Only those who may see one have the filter."""

    title = gettext_lazy("walled tips")
    parameter_name = WALLED_PARAMETER

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        is_decider = request.user.has_perm(visibility.DECIDE)
        is_offered = is_decider or model_admin.get_queryset(request).filter(worklist.WALLED).exists()
        return [("only", _("Only walled ones"))] if is_offered else []

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        first, *others = super().choices(changelist)
        yield {**first, "display": _("Leave out")}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tip]) -> QuerySet[Tip]:  # noqa: ARG002
        return queryset.filter(worklist.WALLED) if self.value() == "only" else queryset.exclude(worklist.WALLED)
