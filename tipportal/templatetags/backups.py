"""`{% load backups %}`: the panel about backups and the version, on the first page of administrators."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext

from tipportal.backup import records
from tipportal.version import VERSION

register = template.Library()


@register.inclusion_tag("admin/core/backups_home.html", takes_context=True)
def backups_home(context: RequestContext) -> dict[str, Any]:
    user = context.get("user")
    may_see = user is not None and user.has_perm("core.change_account")
    return {"may_see": True, "record": records.read_record(), "version": VERSION} if may_see else {"may_see": False}
