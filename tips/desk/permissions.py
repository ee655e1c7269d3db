"""Permissions to see, open, act on or hold a tip.

The list and its search, a tip's page, its files and their downloads, the duty switch and the counts all ask this module.
A tip that an account may not see does not exist for it: every query of the desk starts from `visible_tips`.
"""

from __future__ import annotations

from collections.abc import Hashable
from uuid import UUID

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet

from core.models import Account
from core.web.asked_once import once_a_request
from core.web.shared_rows import SharedRows
from core.web.sql_cache import SqlCache
from tips import readers
from tips.conversation import TipGoneError
from tips.models import Referral, State, Tip, Unit
from tips.walls import visibility

LIST_TIPS = "tips.view_tip"
OPEN_TIP = "tips.open_tip"
ANSWER_TIP = "tips.answer_tip"
HOLD_TIP = "tips.hold_tip"
_TIP_PERMISSIONS = (LIST_TIPS, OPEN_TIP, ANSWER_TIP, HOLD_TIP)
# Administrators open no tip, but keep accounts and their addresses in order.
_MANAGE_ACCOUNTS = "core.change_account"

User = Account | AnonymousUser
_SQL = SqlCache()


def visible_tips(account: User) -> QuerySet[Tip]:
    """Return the tips that this account may know of; none for an account without any permission on tips.

    By unit and by sensitive category: tips/readers.py. Walled tips: tips/walls/visibility.py.
    """
    return _find_visible(account).all()


@once_a_request
def _find_visible(account: User) -> QuerySet[Tip]:
    """Return `visible_tips`; a page asks for them many times, and to build the query takes longer than to run it."""
    may_see = _may_see(account)
    if not isinstance(account, Account) or not (may_see or account.has_perm(visibility.DECIDE)):
        return Tip.objects.none()
    walled = visibility.walled_for(account)
    chosen = readers.visible_to(account.pk) | walled if may_see else walled
    return Tip.objects.filter(chosen, visibility.COMPARED, ~visibility.hidden_from(account))


def _may_see(account: User) -> bool:
    return any(account.has_perm(permission) for permission in _TIP_PERMISSIONS)


@once_a_request
def describe_sight(account: Account) -> Hashable:
    """Return all that `visible_tips` depends on, as a part of the keys of SQL that is kept: the same, the same SQL."""
    return (
        _may_see(account),
        account.has_perm(visibility.DECIDE),
        readers.find_reach(account.pk),
        visibility.list_own(account),
    )


@once_a_request
def visible_ids(account: User) -> SharedRows:
    """Return the ids of `visible_tips`, for conditions on what belongs to a tip."""
    return SharedRows(visible_tips(account).values("pk"))


def counted_tips(account: User) -> QuerySet[Tip]:
    """Return the tips that notices about alerts may count for this account.

    Administrators see no tip, but keep alerts running: they are shown counts of all tips that are not sensitive.
    """
    if can_list(account) or not account.has_perm(_MANAGE_ACCOUNTS):
        return visible_tips(account)
    return Tip.objects.filter(visibility.COMPARED).exclude(readers.SENSITIVE | visibility.WALLED)


@once_a_request
def counted_ids(account: User) -> SharedRows:
    """Return the ids of `counted_tips`: a page counts by them four times."""
    return visible_ids(account) if can_list(account) else SharedRows(counted_tips(account).values("pk"))


def opened_tips(account: User) -> QuerySet[Tip]:
    """Return the visible tips whose seal an officer has opened: only their files are shown."""
    return visible_tips(account).exclude(state=State.NEW)


def find_tip(tip_id: UUID, account: User) -> Tip:
    """Return a visible tip, its sealed report left in the database. Raises TipGoneError if there is none with this id."""
    tip = visible_tips(account).defer("report").filter(pk=tip_id).first()
    if tip is None:
        raise TipGoneError
    return tip


@once_a_request
def find_number(tip_id: UUID, account: User) -> int:
    """Return the number of a visible tip. Raises TipGoneError if there is none with this id."""

    def select() -> QuerySet[Tip, tuple[int]]:
        return visible_tips(account).filter(pk=tip_id).values_list("number")

    row = _SQL.fetch_row(("number", describe_sight(account)), select, tip_id) if isinstance(account, Account) else None
    if row is None:
        raise TipGoneError
    number: int = row[0]
    return number


def visible_referrals(account: User) -> QuerySet[Referral]:
    """Return the referrals from and to the account's units, with tips that it no longer sees: numbers and units alone.

    None of tips that have become sensitive or walled since, except for those who see them.
    """
    if not can_list(account):
        return Referral.objects.none()
    own_units = Unit.objects.filter(members=account.pk)
    is_from_own_unit = Q(from_unit=None) | Q(from_unit__in=own_units)
    tips = Tip.objects.filter(visibility.COMPARED).exclude(readers.SENSITIVE | visibility.WALLED)
    return Referral.objects.filter(Q(is_from_own_unit, tip__in=tips) | Q(tip__in=visible_tips(account)))


def can_list(account: User) -> bool:
    """Return whether the account may see the list of tips and their counts."""
    return account.has_perm(LIST_TIPS) or account.has_perm(visibility.DECIDE)


def is_named(account: User) -> bool:
    """Return whether the account is named for a sensitive category, and so has a list of sensitive tips."""
    return can_list(account) and isinstance(account, Account) and bool(readers.find_reach(account.pk).named_for)


def can_open(account: User) -> bool:
    """Return whether the account may open the seal of the tips it sees, and view and download their files."""
    return account.has_perm(OPEN_TIP) or account.has_perm(visibility.DECIDE)


def can_act(account: User) -> bool:
    """Return whether the account may answer, note, assign, close and reopen the tips it sees, and be on duty for them."""
    return account.has_perm(ANSWER_TIP)


def can_hold(account: User) -> bool:
    """Return whether the account may put the tips it sees under legal hold and release them."""
    return account.has_perm(HOLD_TIP)


def can_supervise(account: User) -> bool:
    """Return whether the account oversees the desk's work: sees who has what, moves tips, and looks at closings again."""
    return can_hold(account) and can_act(account)


def can_see_alert_trouble(account: User) -> bool:
    """Return whether the account is shown that alerts do not reach officers: the desk and administrators."""
    return can_list(account) or account.has_perm(_MANAGE_ACCOUNTS)


def require(allowed: bool) -> None:
    """Raise PermissionDenied unless `allowed`."""
    if not allowed:
        raise PermissionDenied


def assignable_accounts(tip: Tip) -> QuerySet[Account]:
    """Return the accounts that a tip can be assigned to: those that may know of it."""
    return visibility.list_seeing(tip).filter(groups__name__in=readers.DESK_ROLES)


def list_assignable(tip: Tip) -> list[Account]:
    """Return `assignable_accounts` by their user names, with their groups."""
    return _list_assignable(tip, tip.category_id, tip.unit_id)


@once_a_request
def _list_assignable(tip: Tip, _category_id: int, _unit_id: int | None) -> list[Account]:
    return list(assignable_accounts(tip).distinct().order_by("username").prefetch_related("groups"))


def is_desk_account(account: Account) -> bool:
    """Return whether a tip can be assigned to the account; this reads the groups that were fetched with it, if they were."""
    return account.is_active and any(group.name in readers.DESK_ROLES for group in account.groups.all())
