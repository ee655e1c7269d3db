"""Which tips are walled, and which accounts may see a walled tip nevertheless.

- A tip that has not been compared with the names of staff is nobody's.
- A walled tip is for the supervisors that it does not name, until one of them decides; in a sensitive category, for the people
  named for the category, whatever their role. If it names all of these, for the accounts of oversight that it does not name.
- After the decision to keep the wall, also for the people named then.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from core.models import Account
from core.staff.groups import OVERSIGHT, SUPERVISOR
from core.web.asked_once import once_a_request
from core.web.shared_rows import Among, AmongJoined, SharedRows
from core.web.sql_cache import SqlCache
from tips import readers
from tips.models import Arrival, Category, Tip, Wall
from tips.walls import records

DECIDE = "tips.decide_wall"

_SQL = SqlCache()
STANDING = ~Q(decision=Wall.Decision.RELEASED)
COMPARED = ~Q(Among("pk", SharedRows(Arrival.objects.filter(is_recheck=False).values("tip"))))
WALLED = Q(AmongJoined("pk", SharedRows(Wall.objects.filter(STANDING).values("tip"))))


def sees_walled(account: Account) -> bool:
    """Return whether the account decides about walls, or sees a walled tip now."""
    return account.has_perm(DECIDE) or bool(list_own(account))


def walled_for(account: Account) -> Q:
    """Return the condition on Tip for the walled tips that this account may see."""
    return Q(pk__in=list_own(account))


def hidden_from(account: Account) -> Exists:
    """Return the condition on Tip for the walled tips that this account may not see.

    It looks into the small table of walls alone, so that PostgreSQL joins it once and not for each tip.
    """
    return Exists(Wall.objects.filter(STANDING, tip=OuterRef("pk")).exclude(tip__in=list_own(account)))


def choose_deciders(tip: Tip, named: frozenset[int]) -> QuerySet[Account]:
    """Return the accounts that may decide about this tip's wall."""
    first_choice = Account.objects.filter(is_active=True).exclude(pk__in=named).distinct()
    if tip.category.is_sensitive:
        chosen = readers.readers_of(tip.category_id, tip.unit_id).exclude(pk__in=named)
    else:
        chosen = first_choice.filter(groups__name=SUPERVISOR)
    return chosen if chosen.exists() else first_choice.filter(groups__name=OVERSIGHT)


def may_decide(tip: Tip, account: Account) -> bool:
    """Return whether the account may decide about the wall of this tip; False if it has none."""
    wall = _find_wall(tip)
    return wall is not None and choose_deciders(tip, records.read_record(wall).named).filter(pk=account.pk).exists()


def is_walled(tip: Tip) -> bool:
    return _find_wall(tip) is not None


@once_a_request
def _find_wall(tip: Tip) -> Wall | None:
    """Return the wall of a tip unless it is released."""
    return Wall.objects.filter(STANDING, tip=tip).first()


def list_seeing(tip: Tip) -> QuerySet[Account]:
    """Return the accounts that may see this tip: those that decide about its wall and its readers, or those of its unit."""
    return _find_seeing(tip, tip.category_id, tip.unit_id).all()


@once_a_request
def _find_seeing(tip: Tip, category_id: int, unit_id: int | None) -> QuerySet[Account]:
    """Return `list_seeing` for a tip in this category and unit."""
    wall = _find_wall(tip)
    if wall is None:
        return readers.readers_of(category_id, unit_id)
    deciders = choose_deciders(tip, records.read_record(wall).named)
    chosen = Q(pk__in=deciders.values("pk")) | Q(pk__in=wall.readers.values("pk"))
    return Account.objects.filter(chosen, is_active=True).distinct()


@once_a_request
def list_own(account: Account) -> tuple[UUID, ...]:
    """Return the ids of the walled tips that this account may see."""

    def select() -> QuerySet[Wall, tuple[UUID]]:
        return Wall.objects.filter(STANDING, readers=account.pk).values_list("tip")

    as_reader = _SQL.fetch_rows(("reader", account.pk), select)
    return (*_list_decidable(account), *(row[0] for row in as_reader))


def _select_roles() -> QuerySet[Account, tuple[int, str]]:
    of_roles = Account.objects.filter(is_active=True, groups__name__in=(SUPERVISOR, OVERSIGHT))
    return of_roles.values_list("pk", "groups__name")


def _select_named() -> QuerySet[Any, tuple[int, int]]:
    named_for = Category.readers.through.objects.filter(account__in=readers.desk_accounts())
    return named_for.values_list("category", "account")


def _list_decidable(account: Account) -> list[UUID]:
    """Return the ids of the tips whose wall this account may decide about. The number of queries doesn't depend on the tips."""
    # Asked for every supervisor alike, so that a walled tip costs them the same work as one that doesn't exist.
    if not (account.has_perm(DECIDE) or readers.find_reach(account.pk).named_for):
        return []
    roles = _SQL.fetch_rows("roles", _select_roles)
    supervisors = {pk for pk, role in roles if role == SUPERVISOR}
    overseers = {pk for pk, role in roles if role == OVERSIGHT}
    for_category: dict[int, set[int]] = {}
    for category_id, account_id in _SQL.fetch_rows("named", _select_named):
        for_category.setdefault(category_id, set()).add(account_id)
    decidable = []
    for wall in records.list_standing_walls():
        if wall.record is None:
            continue
        chosen = for_category.get(wall.category_id, set()) if wall.is_sensitive else supervisors
        deciders = (chosen - wall.record.named) or (overseers - wall.record.named)
        if account.pk in deciders:
            decidable.append(wall.tip_id)
    return decidable
