"""The audit trail in the admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.models import AuditEntry
from core.staff.admin_site import ReadOnlyAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """Read only, for everybody; a database trigger refuses the rest too."""

    list_display = ("id", "moment", "actor", "action", "subject", "detail")
    list_display_links = None
    list_filter = ("at", "action")
    search_fields = ("actor", "subject", "action")
    search_help_text = gettext_lazy("A username, “tip 12”, or an action such as “opened”")
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    fields = ("id", "moment", "actor", "action", "subject", "detail")

    @admin.display(description=gettext_lazy("time"), ordering="at")
    def moment(self, entry: AuditEntry) -> str:
        return f"{timezone.localtime(entry.at):%Y-%m-%d %H:%M:%S}"

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        return super().changelist_view(request, {"title": _("Audit trail"), **(extra_context or {})})
