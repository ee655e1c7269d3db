"""`{% load trail %}`: the notice about the audit trail, on the first page of those who read it."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from core.models import Account
from tipportal.audit_trail import notices

register = template.Library()


@register.inclusion_tag("admin/core/trail_notice.html", takes_context=True)
def trail_notice(context: RequestContext) -> dict[str, Any]:
    user = context.get("user")
    return {"notice": notices.find_notice(user) if isinstance(user, Account) else None}
