"""Lists and counts the tips of views, with cached SQL.

What decides which tips an account sees is a part of the key of each cached query (permissions.describe_sight), and asked anew by each
request. So are the targets, the hours on duty and the filters.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When, prefetch_related_objects
from django.http import QueryDict

from core.models import Account
from core.web.sql_cache import SqlCache
from tips.desk import permissions, worklist
from tips.desk.queue import filters, views
from tips.desk.queue.filters import FilterField
from tips.desk.queue.targets import Targets
from tips.models import Tip

_SEALED = ("report", "key_for_agency", "key_for_source", "token_hash", "form_hash")
_SQL = SqlCache()


@dataclass(frozen=True, slots=True)
class AskedView:
    """A view with its filters, as an address's query names it."""

    view: views.View
    fields: list[FilterField]

    @property
    def shows_active(self) -> bool:
        """Return whether only active tips are shown: a filter by state replaces the view's own limit to them."""
        return self.view.shows_active and not self._has_chosen("state")

    @property
    def asks_for_time(self) -> bool:
        return self._has_chosen("time")

    @property
    def is_filtered(self) -> bool:
        return any(each.chosen for each in self.fields)

    @property
    def can_be_followed(self) -> bool:
        """Return whether officers may get alerts about it. Each process knows languages for itself, and after a start none yet."""
        return self.view.can_be_followed and not self._has_chosen("language")

    @property
    def condition(self) -> Q:
        condition = self.view.scope & self.view.condition
        if self.shows_active:
            condition &= worklist.ACTIVE
        for each in self.fields:
            condition &= each.condition
        return condition

    @property
    def is_cacheable(self) -> bool:
        """Return whether the query in words says all that its condition depends on."""
        return filters.read_costly_parts(QueryDict(self.write_query())) == ("", "")

    def _has_chosen(self, name: str) -> bool:
        return any(each.chosen for each in self.fields if each.name == name)

    def write_query(self, shown: int = 0) -> str:
        """Return the address's query that names this view, with this many rows; 0: as many as on one page."""
        query = QueryDict(mutable=True)
        if self.view.name:
            query["view"] = self.view.name
        for each in self.fields:
            if each.chosen:
                query[each.name] = each.chosen
        if shown:
            query["shown"] = str(shown)
        return query.urlencode()


class Listing:
    """The views of one account and their counts, by these targets."""

    def __init__(self, account: Account, its_targets: Targets, needs_me: Q) -> None:
        self._account = account
        self._targets = its_targets
        self._needs_me = needs_me
        hours = its_targets.hours
        self._key: Hashable = (
            permissions.describe_sight(account),
            account.pk,
            views.list_chosen(account.pk),
            views.list_on_duty(),
            tuple(sorted(its_targets.spans.items())),
            None if hours is None else (tuple(hours.begins), tuple(hours.ends), tuple(hours.worked)),
        )

    def count(self, offered: list[views.View], saved: Mapping[str, AskedView]) -> dict[str, int]:
        """Return the number of active tips of each view that shows these alone, and of the saved views, by their names."""
        counted = {each.name: each.scope & each.condition for each in offered if each.shows_active}
        counted |= {name: each.condition for name, each in saved.items()}
        key = (
            ("counts", self._key, *counted, *(each.write_query() for each in saved.values()))
            if all(each.is_cacheable for each in saved.values())
            else None
        )

        def select() -> QuerySet[Tip, tuple[int, ...]]:
            tips = worklist.visible_with_unread(self._account)
            asks_for_time = any(each.asks_for_time for each in saved.values())
            return views.select_counts(self._with_standing() if asks_for_time else tips, counted)

        found = _SQL.fetch_row(key, select, self._targets.now)
        return dict(zip(counted, found or [0] * len(counted), strict=True))

    def count_late(self, view: views.View) -> int:
        """Return how many tips of a view without filters are over their target."""
        asked = AskedView(view, [])

        def select() -> QuerySet[Tip, tuple[int, ...]]:
            late = self._targets.only_late(self._with_due().filter(asked.condition))
            return views.select_counts(late, {"": Q()})

        found = _SQL.fetch_row(("late", self._key, view.name), select, self._targets.now)
        return found[0] if found else 0

    def count_matching(self, asked: AskedView) -> int:
        """Return the number of tips of a view with filters."""
        return self._select(asked).count()

    def fetch(self, asked: AskedView, limit: int) -> list[Tip]:
        """Return the first tips of a view in its order."""
        key = ("tips", self._key, asked.write_query(), limit) if asked.is_cacheable else None

        def select() -> QuerySet[Tip]:
            return order(self._select(asked), self._needs_me, is_history=not asked.view.shows_active)[:limit]

        found = _SQL.fetch_models(key, select, Tip, self._targets.now)
        # Fetched apart: joined, PostgreSQL would plan for longer than it reads.
        prefetch_related_objects(found, "desk_state")
        return found

    def _select(self, asked: AskedView) -> QuerySet[Tip]:
        return (self._with_standing() if asked.asks_for_time else self._with_due()).filter(asked.condition)

    def _with_due(self) -> QuerySet[Tip]:
        return self._targets.with_due(worklist.visible_with_unread(self._account))

    def _with_standing(self) -> QuerySet[Tip]:
        return self._targets.with_standing(self._with_due())


def order(tips: QuerySet[Tip], needs_me: Q, *, is_history: bool = False) -> QuerySet[Tip]:
    """Return tips of Targets.with_due in the order of the queue: first those that need the officer, in each part the least time left first.

    In a view of the past, those that were closed last come first: an index has them in this order.
    """
    needs_you = Case(When(needs_me, then=Value(True)), default=Value(False), output_field=BooleanField())
    columns = ("-closed_at",) if is_history else ("-needs_you", "is_asleep", "due_at", "number")
    ordered: QuerySet[Tip] = tips.annotate(needs_you=needs_you).defer(*_SEALED).order_by(*columns)
    return ordered
