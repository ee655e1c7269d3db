"""`{% load first_run %}`: the steps of the first days on the administrators' first page, until all are done."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from core.models import Account
from core.staff import tip_access
from tipportal.first_run import checklist

register = template.Library()


@register.inclusion_tag("admin/core/first_run_home.html", takes_context=True)
def first_run(context: RequestContext) -> dict[str, Any]:
    user = context.get("user")
    if not isinstance(user, Account) or not tip_access.is_administrator(user):
        return {}
    steps = checklist.list_steps(user)
    return {"steps": steps, "done": sum(step.is_done for step in steps)}
