"""Decides who may change which accounts open tips, or sign in as one that does.

Administrators run the portal and open no tip. If they could give a role that does, or set the password, the name or the mail
address of an officer's account, they could open every tip. So a supervisor does that, and all supervisors are told by mail. As
long as there is no active supervisor, which is so on a new portal, an administrator may.

Supervisors in turn must not become administrators, so an account with both kinds of roles is changed by someone with both.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.contrib.auth.models import Group, Permission
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from core.advisory_locks import lock_until_commit
from core.models import Account
from core.staff.account_mails import list_supervisors
from core.staff.groups import ADMINISTRATOR, SUPERVISOR

_LOCK = b"staff"
_OPENING = ("view_tip", "open_tip", "answer_tip", "hold_tip")


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


def decides(editor: Account) -> bool:
    """Return whether the editor may change who opens tips: a supervisor, or anyone with the form if there is none."""
    supervisors = list_supervisors()
    return not supervisors or editor in supervisors


def explain_refused_sign_in_change(editor: Account, account: Account) -> str:
    """Return "" if the editor may set name, mail address or password of the account and turn it on; else why not."""
    is_opening = opens_tips(account)
    if is_opening and not decides(editor):
        return _("This account opens tips, so only a supervisor can change this. Ask %(names)s.") % {
            "names": _name_supervisors()
        }
    has_other_roles = account.groups.exclude(
        pk__in=[group.pk for group in find_tip_roles(account.groups.all())]
    ).exists()
    if (not is_opening or has_other_roles or account.is_superuser) and not is_administrator(editor):
        return _("Only an administrator can change this account.")
    return ""


def explain_refused_roles(editor: Account, added: Collection[Group], removed: Collection[Group]) -> str:
    """Return "" if the editor may give and take these roles, else why not."""
    if find_tip_roles(added) and not decides(editor):
        return _("This role opens tips, so only a supervisor can give it. Ask %(names)s.") % {
            "names": _name_supervisors()
        }
    others = set(added) | set(removed)
    if others - set(find_tip_roles(others)) and not is_administrator(editor):
        return _("Only an administrator can give or take roles other than officer and supervisor.")
    return ""


def is_last_supervisor(account: Account) -> bool:
    """Return whether no other account is an active supervisor. Holds a lock until the caller's transaction ends.

    The lock keeps two requests at a time from switching off the last two supervisors.
    """
    lock_until_commit(_LOCK)
    return [supervisor.pk for supervisor in list_supervisors()] == [account.pk]


def is_supervisor(account: Account) -> bool:
    return account.groups.filter(name=SUPERVISOR).exists()


def _tip_permissions() -> QuerySet[Permission]:
    return Permission.objects.filter(content_type__app_label="tips", codename__in=_OPENING)


def _name_supervisors() -> str:
    return ", ".join(supervisor.get_full_name() or supervisor.get_username() for supervisor in list_supervisors())
