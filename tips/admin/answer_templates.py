"""Answer templates in the admin: supervisors write them, each change is in the audit trail."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.staff.audited_admin import AuditedAdmin
from tips.models import AnswerTemplate


@admin.register(AnswerTemplate)
class AnswerTemplateAdmin(AuditedAdmin):
    list_display = ("title", "category_shown", "language", "order")
    list_filter = ("category", "language")
    search_fields = ("title",)
    fields = ("title", "category", "language", "text", "order")

    @admin.display(description=gettext_lazy("category"), ordering="category")
    def category_shown(self, template: AnswerTemplate) -> str:
        return str(template.category or _("All categories"))
