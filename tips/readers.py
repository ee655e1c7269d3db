"""Decides which accounts of the desk may know of which tips, by unit and by sensitive category.

The desk asks `visible_to` for the tips of an account (tips/desk/permissions.py adds the account's permissions), alerts and
assignments ask `readers_of` for the accounts of a tip. Both state one rule:

- a tip in a sensitive category: only the people named for that category, whatever its unit is;
- a tip without a unit: all officers and supervisors;
- any other tip: the members of its unit; supervisors too while the unit has no active member, so that no tip is lost.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import (
    BooleanField,
    Exists,
    ExpressionWrapper,
    OuterRef,
    Q,
    QuerySet,
    prefetch_related_objects,
)

from core.models import Account
from core.staff.groups import OFFICER, SUPERVISOR
from core.web.asked_once import once_a_request
from core.web.shared_rows import Among, SharedRows
from core.web.sql_cache import SqlCache
from tips.models import Category, Unit

DESK_ROLES = (OFFICER, SUPERVISOR)

SENSITIVE = Q(category__is_sensitive=True)
_SQL = SqlCache()


def desk_accounts() -> QuerySet[Account]:
    """Return the active officers and supervisors."""
    return Account.objects.filter(is_active=True, groups__name__in=DESK_ROLES).distinct()


def unmanned_units() -> QuerySet[Unit]:
    """Return the units without an active member of the desk."""
    return Unit.objects.exclude(Exists(desk_accounts().filter(units=OuterRef("pk"))))


_UNMANNED = SharedRows(unmanned_units().values("pk"))


@once_a_request
def list_desk() -> list[Account]:
    """Return the active officers and supervisors as a page lists them, with their groups."""
    found = _SQL.fetch_models("desk", lambda: desk_accounts().order_by("first_name", "last_name", "username"), Account)
    prefetch_related_objects(found, "groups")
    return found


@once_a_request
def list_categories(account_id: int) -> list[Category]:
    """Return all categories; `is_named` says whether an account is among the readers of a sensitive one."""

    def select() -> QuerySet[Category]:
        is_named = Exists(Category.readers.through.objects.filter(account=account_id, category=OuterRef("pk")))
        return Category.objects.annotate(is_named=is_named)

    return _SQL.fetch_models(("categories", account_id), select, Category)


@once_a_request
def list_units(account_id: int) -> list[Unit]:
    """Return all units; `is_seen` says whether an account sees the tips of a unit."""
    return _SQL.fetch_models(("units", account_id), lambda: _select_units(account_id), Unit)


def _select_units(account_id: int) -> QuerySet[Unit]:
    own_units = Unit.members.through.objects.filter(account=account_id).values("unit")
    is_supervisor = Exists(Account.objects.filter(pk=account_id, groups__name=SUPERVISOR))
    is_seen = Q(pk__in=own_units) | Q(is_supervisor, Among("pk", _UNMANNED))
    return Unit.objects.annotate(is_seen=ExpressionWrapper(is_seen, output_field=BooleanField()))


@dataclass(frozen=True, slots=True)
class Reach:
    """The ids of the sensitive categories, of those that an account is named for, and of the units whose tips it sees.

    `has_units`: the desk has any unit.
    """

    sensitive: tuple[int, ...]
    named_for: tuple[int, ...]
    units: tuple[int, ...]
    has_units: bool


@once_a_request
def find_reach(account_id: int) -> Reach:
    """Return what an account of the desk reaches: there are few categories and units."""
    sensitive = sorted((each for each in list_categories(account_id) if each.is_sensitive), key=lambda each: each.pk)
    units = sorted(list_units(account_id), key=lambda each: each.pk)
    return Reach(
        sensitive=tuple(each.pk for each in sensitive),
        named_for=tuple(each.pk for each in sensitive if each.is_named),  # type: ignore[attr-defined]
        units=tuple(each.pk for each in units if each.is_seen),  # type: ignore[attr-defined]
        has_units=bool(units),
    )


def visible_to(account_id: int) -> Q:
    """Return the condition on Tip for the tips that this account of the desk may know of.

    It names few ids in place of subqueries: the database decides with it on 100,000 tips in one scan without a join.
    """
    reach = find_reach(account_id)
    in_unit = Q(unit=None) | Q(unit__in=reach.units)
    return Q(category__in=reach.named_for) | (~Q(category__in=reach.sensitive) & in_unit)


def readers_of(category_id: int, unit_id: int | None) -> QuerySet[Account]:
    """Return the accounts that may know of a tip in this category and unit."""
    if Category.objects.filter(pk=category_id, is_sensitive=True).exists():
        return desk_accounts().filter(sensitive_categories=category_id)
    if unit_id is None:
        return desk_accounts()
    if unmanned_units().filter(pk=unit_id).exists():
        return desk_accounts().filter(groups__name=SUPERVISOR)
    return desk_accounts().filter(units=unit_id)


def unalerted_categories() -> QuerySet[Category]:
    """Return the sensitive categories that someone sees, but no one with an email address."""
    named = desk_accounts().filter(sensitive_categories=OuterRef("pk"))
    return Category.objects.filter(Exists(named), ~Exists(named.exclude(email="")), is_sensitive=True)


def unread_categories() -> QuerySet[Category]:
    """Return the sensitive categories whose tips nobody could see: no active member of the desk is named."""
    return Category.objects.filter(is_sensitive=True).exclude(
        Exists(desk_accounts().filter(sensitive_categories=OuterRef("pk")))
    )
