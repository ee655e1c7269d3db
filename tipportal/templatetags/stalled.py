"""`{% load stalled %}`: the notice about work that waits or fails, on the first page of the admin and above the list of tips."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext
from django.urls import reverse

from core.models import Account
from tipportal import stalled_work as rules

register = template.Library()


@register.inclusion_tag("admin/core/stalled_work.html", takes_context=True)
def stalled_work(context: RequestContext) -> dict[str, Any]:
    user, request = context.get("user"), context.get("request")
    return {
        "stalled": rules.find_stalled_work(user) if isinstance(user, Account) else None,
        # Above a tip the heading is enough, which opens: five sentences would push the tip off a phone's screen.
        "is_first_page": request is not None and request.path == reverse("admin:index"),
    }
