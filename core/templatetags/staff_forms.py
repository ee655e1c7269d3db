"""Template tag of every form for staff; a built-in of the template engine, so that none needs to load it."""

from __future__ import annotations

from django import template
from django.template import RequestContext
from django.utils.html import format_html
from django.utils.safestring import SafeString

from core.models import Account
from core.staff import session_resume

register = template.Library()


@register.simple_tag(takes_context=True)
def form_author(context: RequestContext) -> SafeString | str:
    """Return the hidden field that names the signed-in account as the author of what is typed into this form."""
    user = context.get("user")
    if not isinstance(user, Account):
        return ""
    return format_html(
        '<input type="hidden" name="{}" value="{}">', session_resume.AUTHOR, session_resume.sign_author(user)
    )
