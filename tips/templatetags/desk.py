"""Parts of the tips that stand on every page of the admin: the duty switch, and what keeps alerts from officers."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from tips import alerts
from tips.models import Duty

register = template.Library()


@register.inclusion_tag("admin/tips/duty_switch.html", takes_context=True)
def duty_switch(context: RequestContext) -> dict[str, Any]:
    """The signed-in officer's own switch; nothing for who has no desk."""
    user = context.get("user")
    if user is None or not user.has_perm("tips.answer_tip"):
        return {}
    on_duty = Duty.objects.filter(officer=user.pk, on_duty=True).exists()
    return {"officer": user, "on_duty": on_duty}


@register.inclusion_tag("admin/tips/alert_trouble.html", takes_context=True)
def alert_trouble(context: RequestContext) -> dict[str, Any]:
    """Red lines for those who can mend it or must know: the desk and administrators."""
    user = context.get("user")
    if user is None or not (user.has_perm("tips.view_tip") or user.has_perm("tipportal.change_account")):
        return {}
    return {"trouble": alerts.trouble()}
