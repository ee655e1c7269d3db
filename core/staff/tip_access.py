"""Says which accounts and roles open tips, and which changes of accounts therefore need a second person.

Administrators run the portal and open no tip. If they could give a role that does, or set the password, the name or the mail
address of an officer's account, they could open every tip. A supervisor who could do that alone could make an accomplice. So a
supervisor other than the one who asks has to consent (core/accounts/consent.py).

Supervisors in turn must not become administrators, so an account with both kinds of roles is changed by an administrator, with
the consent of a supervisor.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.contrib.auth.models import Group, Permission
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from core.advisory_locks import lock_until_commit
from core.models import Account
from core.staff.account_mails import list_supervisors
from core.staff.groups import ADMINISTRATOR, SUPERVISOR

_LOCK = b"staff"
_OPENING = ("view_tip", "open_tip", "answer_tip", "hold_tip", "decide_wall")


def opens_tips(account: Account) -> bool:
    """Return whether the account has a right on tips, or will have once it is active."""
    permissions = _tip_permissions()
    return (
        account.pk is not None
        and Account.objects.filter(pk=account.pk).filter(groups__permissions__in=permissions).exists()
    ) or (account.pk is not None and account.user_permissions.filter(pk__in=permissions).exists())


def find_tip_roles(groups: Iterable[Group]) -> list[Group]:
    """Return those of the groups that give a right on tips."""
    pks = [group.pk for group in groups]
    return list(Group.objects.filter(pk__in=pks, permissions__in=_tip_permissions()).distinct())


def is_administrator(account: Account) -> bool:
    """Return whether the account may change accounts that open no tip."""
    return account.is_superuser or account.groups.filter(name=ADMINISTRATOR).exists()


def is_supervisor(account: Account) -> bool:
    return account.groups.filter(name=SUPERVISOR).exists()


def list_managers() -> list[Account]:
    """Return the active accounts that may ask for changes of accounts: administrators and supervisors."""
    is_manager = Q(groups__name__in=(ADMINISTRATOR, SUPERVISOR)) | Q(is_superuser=True)
    return list(Account.objects.filter(is_manager, is_active=True).distinct().order_by("username"))


def explain_refused_sign_in_change(editor: Account, account: Account) -> str:
    """Return "" if the editor may change how the account signs in, or ask for it; else why not."""
    has_other_roles = account.groups.exclude(
        pk__in=[group.pk for group in find_tip_roles(account.groups.all())]
    ).exists()
    if (not opens_tips(account) or has_other_roles or account.is_superuser) and not is_administrator(editor):
        return _("Only an administrator can change this account.")
    return ""


def explain_refused_roles(editor: Account, added: Collection[Group], removed: Collection[Group]) -> str:
    """Return "" if the editor may give and take these roles, or ask for them; else why not."""
    others = set(added) | set(removed)
    if others - set(find_tip_roles(others)) and not is_administrator(editor):
        return _("Only an administrator can give or take roles other than officer and supervisor.")
    return ""


def has_four_eyes() -> bool:
    """Return whether there are two active supervisors, so that a second one can check a first.

    The same function of the database answers for /privacy/ (tipportal/database/rules.sql): residents' pages can't read accounts.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT has_four_eyes()")
        ((answer,),) = cursor.fetchall()
    return bool(answer)


def is_last_supervisor(account: Account) -> bool:
    """Return whether no other account is an active supervisor who can sign in. Holds a lock until the caller's transaction ends.

    The lock keeps two requests at a time from switching off the last two supervisors. A supervisor whose sign-in was reset
    counts again once they have used their link.
    """
    lock_until_commit(_LOCK)
    if not Account.objects.filter(pk=account.pk, is_active=True, groups__name=SUPERVISOR).exists():
        return False
    others = Account.objects.filter(is_active=True, groups__name=SUPERVISOR).exclude(pk=account.pk)
    return not others.filter(sign_in_links__isnull=True).exists()


def is_last_other_manager(account: Account, editor: Account) -> bool:
    """Return whether a supervisor who stops this account's work would be the only supervisor and administrator left.

    Nobody could then ask or decide beside them, so that they would decide their own requests. Holds a lock until the caller's
    transaction ends, as is_last_supervisor does.
    """
    lock_until_commit(_LOCK)
    others = {manager.pk for manager in list_managers()} - {editor.pk}
    return is_supervisor(editor) and others == {account.pk}


def name_supervisors() -> str:
    """Return the names of the active supervisors, for a sentence."""
    return ", ".join(supervisor.get_full_name() or supervisor.get_username() for supervisor in list_supervisors())


def _tip_permissions() -> QuerySet[Permission]:
    return Permission.objects.filter(content_type__app_label="tips", codename__in=_OPENING)
