"""The response targets in the admin: how long each step of the work on a tip may take."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core.sign_in.fresh_factor import require_fresh_factor_to_change
from core.staff.audited_admin import AuditedAdmin
from tips.desk.queue import targets
from tips.models import ResponseTarget


@admin.register(ResponseTarget)
@require_fresh_factor_to_change
class ResponseTargetAdmin(AuditedAdmin):
    """The rows are fixed; each change is in the audit trail with the minutes before and after."""

    list_display = ("step_shown", "target_shown", "counting_shown")
    readonly_fields = ("step_shown", "counting_shown")
    fields = ("step_shown", "minutes", "counting_shown")

    @admin.display(description=gettext_lazy("step"), ordering="step")
    def step_shown(self, target: ResponseTarget) -> str:
        return str(target)

    @admin.display(description=gettext_lazy("target"), ordering="minutes")
    def target_shown(self, target: ResponseTarget) -> str:
        return targets.describe_minutes(target.minutes)

    @admin.display(description=gettext_lazy("counts"))
    def counting_shown(self, target: ResponseTarget) -> str:
        if target.step in targets.AROUND_CLOCK:
            return _("day and night")
        return _("hours in which an officer has a shift; day and night if your agency has no duty calendar")

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False
