"""`{% load account_notices %}`: what staff have to know about accounts on the first page of the admin.

The settings name this library for roles that serve staff: other roles load no sign-in code.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils import timezone

from core.accounts import appointments, consent
from core.models import Account, ConsentRequest, SignInLink
from core.staff import tip_access

register = template.Library()


@register.inclusion_tag("admin/core/account_notices.html", takes_context=True)
def account_notices(context: dict[str, Any]) -> dict[str, Any]:
    """Show requests to decide, decisions about one's own, appointments from the server, and whether a second supervisor is missing."""
    account = context.get("user")
    if not isinstance(account, Account):
        return {}
    is_supervisor = tip_access.is_supervisor(account)
    waiting = appointments.find_waiting()
    return {
        "request": context["request"],
        "user": account,
        "csrf_token": context.get("csrf_token"),
        "is_supervisor": is_supervisor,
        "waiting": waiting,
        "waiting_people": appointments.name_people(waiting) if waiting else "",
        "carried_out_from": waiting.asked_at + appointments.WAIT if waiting else None,
        "unseen": [(each, appointments.name_people(each)) for each in appointments.list_unseen(account)]
        if is_supervisor
        else [],
        "to_decide": len(consent.list_open(account)),
        "decided": _describe_decided(account) if account.has_perm("core.change_account") else [],
        "lacks_four_eyes": is_supervisor and not tip_access.has_four_eyes(),
    }


def _describe_decided(asker: Account) -> list[tuple[ConsentRequest, str, str]]:
    """Return each decided request with what it changes and the name of the person who decided."""
    return [
        (each, " ".join(consent.describe_changes(each)), consent.name_account(each.decided_by))
        for each in consent.list_decided(asker)
        if each.decided_by
    ]


@register.inclusion_tag("admin/core/accounts_home.html", takes_context=True)
def accounts_home(context: dict[str, Any]) -> dict[str, Any]:
    """Show the people who invite others what waits for them, and how many accounts there are."""
    account = context.get("user")
    if not isinstance(account, Account) or not account.has_perm("core.add_account"):
        return {}
    active = Account.objects.filter(is_active=True)
    return {
        "may_invite": True,
        "open_links": SignInLink.objects.count(),
        "expired_links": SignInLink.objects.filter(expires_at__lt=timezone.now()).count(),
        "active": active.count(),
        "never_signed_in": active.filter(last_login=None).count(),
    }
