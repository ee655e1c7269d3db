"""Applies the roles that the provider names to an account: it may take any, and gives none to an account that opens tips.

| the provider | an account that opens tips | any other account |
|---|---|---|
| no longer names a role of OIDC_ROLES | loses it | loses it |
| names one that opens tips | is not given it | is not given it |
| names another one | is not given it | gets it |

Otherwise the people who run the provider could read tips. Roles that OIDC_ROLES does not list are left alone.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from django.db import transaction

from core import audit
from core.models import Account
from core.single_sign_on.id_tokens import Claims
from core.single_sign_on.provider import Provider
from core.staff import account_mails, tip_access
from core.staff.groups import SUPERVISOR

ACTOR = "single sign-on"


class RolesMissingError(Exception):
    """The token has no claim of roles: a mistake at the provider, which must not take the roles of everyone who signs in."""


def apply(provider: Provider, account: Account, claims: Claims) -> None:
    """Change the account's roles and record it in the audit trail. Raises RolesMissingError."""
    if not provider.roles_claim:
        return
    named = {provider.roles[value] for value in _read_values(provider, claims) if value in provider.roles}
    with transaction.atomic():
        was_opening = tip_access.opens_tips(account)
        present = set(account.groups.values_list("name", flat=True))
        removed = {role for role in provider.roles.values() if role in present} - named
        if SUPERVISOR in removed and tip_access.is_last_supervisor(account):
            removed.remove(SUPERVISOR)
        added = set() if was_opening else _list_closed_roles(named - present)
        if not removed | added:
            return
        account.groups.remove(*Group.objects.filter(name__in=removed))
        account.groups.add(*Group.objects.filter(name__in=added))
        after = (present - removed) | added
        detail = f"{', '.join(sorted(present)) or 'none'} -> {', '.join(sorted(after)) or 'none'}"
        subject = f"account {account.get_username()}"
        audit.record(ACTOR, "changed the roles of", subject, detail)
        if was_opening:
            account_mails.mail_supervisors(f"{ACTOR} changed the roles of {subject}: {detail}")


def _list_closed_roles(names: set[str]) -> set[str]:
    """Return those of the roles that open no tip."""
    groups = Group.objects.filter(name__in=names)
    return {group.name for group in groups} - {group.name for group in tip_access.find_tip_roles(groups)}


def _read_values(provider: Provider, claims: Claims) -> list[str]:
    """Return the claim's values: a claim of this name, or one inside others ("realm_access.roles"). Raises RolesMissingError."""
    found: Any = claims.content.get(provider.roles_claim)
    if found is None:
        found = claims.content
        for name in provider.roles_claim.split("."):
            found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, str):
        found = [found]
    if not isinstance(found, list):
        raise RolesMissingError
    return [value for value in found if isinstance(value, str)]
