"""`{% load sign_ins %}`: guesses at sign-in, on the first page of the admin; the button of single sign-on."""

from __future__ import annotations

from typing import Any

from django import template
from django.conf import settings
from django.template import RequestContext

from core.sign_in import attempts
from core.single_sign_on.provider import Provider

register = template.Library()

# Fewer are the typing errors of a normal day.
_MANY_NAMES = 10


@register.inclusion_tag("admin/core/limited_sign_ins.html", takes_context=True)
def limited_sign_ins(context: RequestContext) -> dict[str, Any]:
    """Say how many accounts must wait and whether many names were tried; nothing to those who change no accounts."""
    user = context.get("user")
    if user is None or not user.has_perm("core.change_account"):
        return {}
    names = attempts.count_guessed_names()
    return {
        "waiting": len({wait.account.pk for wait in attempts.list_waits()}),
        "guessed_names": names if names >= _MANY_NAMES else 0,
    }


@register.inclusion_tag("admin/core/single_sign_on_button.html", takes_context=True)
def single_sign_on_button(context: RequestContext) -> dict[str, Any]:
    """Show the form that leads to the agency's identity provider; nothing if there is none."""
    return {
        "provider": settings.OIDC_PROVIDER,
        "next": context.get("next", ""),
        "csrf_token": context.get("csrf_token"),
    }


@register.simple_tag
def identity_provider() -> Provider | None:
    """`{% identity_provider as provider %}`: the agency's identity provider, None if there is none."""
    provider: Provider | None = settings.OIDC_PROVIDER
    return provider
