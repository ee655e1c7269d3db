"""The officer a tip is assigned to, in words."""

from __future__ import annotations

from django.utils.translation import gettext as _

from core.models import Account
from tips.desk import permissions


def describe_assignee(account: Account) -> str:
    """Return the name of the officer a tip is assigned to, and whether they can still work on it."""
    name = account.get_full_name() or account.get_username()
    if not account.is_active:
        return _("%(name)s (account turned off)") % {"name": name}
    if not permissions.is_desk_account(account):
        return _("%(name)s (no longer an officer)") % {"name": name}
    return name
