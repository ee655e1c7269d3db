"""`{% load trail %}`: the notice about the audit trail, on the first page of those who read it, and the details of its lines."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from core.models import Account, AuditEntry
from tipportal.audit_trail import notices, seen_lists
from tipportal.audit_trail.search_details import SearchDetails

register = template.Library()


@register.inclusion_tag("admin/core/trail_notice.html", takes_context=True)
def trail_notice(context: RequestContext) -> dict[str, Any]:
    user = context.get("user")
    return {"notice": notices.find_notice(user) if isinstance(user, Account) else None}


@register.filter
def details_of(search_details: SearchDetails, line: AuditEntry) -> str:
    """Return the details of a line, with what is sealed in it if its reader may see that."""
    return search_details.describe(line)


@register.filter
def list_of(line: AuditEntry) -> int | None:
    """Return the list of what an officer saw that a line is about, None for other lines."""
    return seen_lists.find_list_id(line)
