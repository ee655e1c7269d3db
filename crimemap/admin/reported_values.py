"""Kinds of place and outcomes that imports brought and the portal does not know: shown to residents once approved; and names of areas
that no layer has: shown unless refused."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext

from core.models import Account
from crimemap.importing import reported_values
from crimemap.models import ReportedValue

Decision = ReportedValue.Decision


@admin.register(ReportedValue)
class ReportedValueAdmin(admin.ModelAdmin):
    list_display = ("text", "field", "decision")
    list_filter = ("decision", "field")
    search_fields = ("text",)
    show_full_result_count = False
    actions = ("approve", "refuse")
    list_per_page = 200

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Never: the next import would bring it back undecided."""
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:  # noqa: ARG002
        return ("field", "text")

    def save_model(self, request: HttpRequest, obj: ReportedValue, form: Any, change: bool) -> None:  # noqa: ARG002
        self._decide(request, [obj], obj.decision)

    @admin.action(description=gettext_lazy("Show to residents"), permissions=["change"])
    def approve(self, request: HttpRequest, queryset: QuerySet[ReportedValue]) -> None:
        self._decide(request, list(queryset), Decision.APPROVED)
        sentence = ngettext(
            "%(count)s text is shown from now on.", "%(count)s texts are shown from now on.", len(queryset)
        )
        messages.success(request, sentence % {"count": len(queryset)})

    @admin.action(description=gettext_lazy("Never show"), permissions=["change"])
    def refuse(self, request: HttpRequest, queryset: QuerySet[ReportedValue]) -> None:
        self._decide(request, list(queryset), Decision.REFUSED)
        sentence = ngettext("%(count)s text is never shown.", "%(count)s texts are never shown.", len(queryset))
        messages.success(request, sentence % {"count": len(queryset)})

    def _decide(self, request: HttpRequest, values: list[ReportedValue], decision: str) -> None:
        assert isinstance(request.user, Account)
        reported_values.decide(values, decision, request.user)
