"""Views that officers saved under a name, for themselves, for their unit or for all officers."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from core.models import Account
from core.web.sql_cache import SqlCache
from tips.models import SavedView, Unit

_SQL = SqlCache()
MAX_VIEWS = 20  # of one officer: each is counted on every page


class TooManyViewsError(Exception):
    """The officer has as many views as one may have; the message is a sentence for them."""


def list_views(account: Account) -> list[SavedView]:
    """Return the officer's own views, and those that active officers share with them."""
    return _SQL.fetch_models(account.pk, lambda: _select_views(account), SavedView)


def _select_views(account: Account) -> QuerySet[SavedView]:
    is_shared = Q(shared_with=SavedView.SharedWith.EVERYONE) | Q(
        shared_with=SavedView.SharedWith.UNIT,
        unit__in=Unit.members.through.objects.filter(account=account.pk).values("unit"),
    )
    shared = is_shared & Q(officer__is_active=True)
    return SavedView.objects.filter(Q(officer=account) | shared)


def find_own(account: Account) -> QuerySet[SavedView]:
    """Return the views that the officer may rename, share and delete: their own."""
    return SavedView.objects.filter(officer=account)


def list_own_units(account: Account) -> list[Unit]:
    return list(Unit.objects.filter(members=account.pk).order_by("name"))


def save(view: SavedView, shared_with: str, unit: Unit | None) -> None:
    """Store a view with what it is shared with. Raises TooManyViewsError."""
    if view.pk is None and find_own(view.officer).count() >= MAX_VIEWS:
        raise TooManyViewsError(_("You have 20 views. Delete one, then save this one."))
    view.shared_with, view.unit = shared_with, unit
    view.save()
