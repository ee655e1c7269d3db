"""Template tags of forms and pages for staff; built-ins of the template engine, so that none needs to load them."""

from __future__ import annotations

from typing import Any

from django import template
from django.template import RequestContext
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.models import Account
from core.sign_in.sessions import screen_lock as locks
from core.staff import list_filters
from core.staff.form_author import FIELD, sign_author

register = template.Library()


@register.simple_tag(takes_context=True)
def form_author(context: RequestContext) -> SafeString | str:
    """Return the hidden field that names the signed-in account as the author of what is typed into this form."""
    user = context.get("user")
    if not isinstance(user, Account):
        return ""
    return format_html('<input type="hidden" name="{}" value="{}">', FIELD, sign_author(user))


@register.simple_tag(takes_context=True)
def list_url(context: RequestContext, name: str) -> str:
    """Return the address of a list for a breadcrumb, with the filters that it was left with."""
    return list_filters.list_address(context["request"], name)


@register.simple_tag(takes_context=True)
def row_url(context: RequestContext, name: str, *args: Any) -> str:
    """Return the address of a page below a list, with the filters that the list was left with."""
    return list_filters.keep_filters(context["request"], reverse(name, args=args))


@register.inclusion_tag("admin/core/screen_lock.html", takes_context=True)
def screen_lock(context: RequestContext) -> dict[str, Any]:
    """Load the script that covers the page when its session locks; nothing where nobody is signed in."""
    request = context.get("request")
    row = locks.read_row(request) if request is not None and context.get("has_permission") else None
    seconds = locks.count_seconds_left(row) if row is not None else None
    return {"seconds": seconds, "account": row and row.account_id, "csrf_token": context.get("csrf_token")}
