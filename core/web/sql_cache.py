"""A cache of compiled SQL: queries that Django builds once and many requests then run.

Django takes longer to compile a large query than PostgreSQL to answer it. The key of an entry names all that its SQL depends on: what
an account may see is part of the key, and never taken from an earlier request.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Model, QuerySet, Value

_MAX_ENTRIES = 256

M = TypeVar("M", bound=Model)


# A value that is another one in each request: a time, the id of a row, or the list of ids of an AmongIds.
RequestValue = dt.datetime | UUID | Sequence[str]


@dataclass(frozen=True, slots=True)
class _Place:
    """The place of one of a request's values among those of a query."""

    index: int


_Compiled = tuple[str, tuple[Any, ...]]


def select_count(rows: QuerySet[Any, Any]) -> QuerySet[Any, tuple[int]]:
    """Return the query that counts rows, as `count()` runs it."""
    counted: QuerySet[Any, tuple[int]] = rows.order_by().values(whole=Value(1)).annotate(count=Count("pk"))
    return counted.values_list("count")


class SqlCache:
    """The compiled SQL of the queries of one module.

    `build` returns a query that depends on nothing but the `key` and `own`, the values of this request, which are recognized as the
    same objects. A query with any other time among its values is not cached, nor one that does not ask by each id exactly as it is
    given: it would answer for the ids of another request. Nor is one whose key is None.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, _Compiled | None] = OrderedDict()

    def fetch_row(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], *own: RequestValue
    ) -> tuple[Any, ...] | None:
        """Return the first row, None without one."""
        rows = self.fetch_rows(key, build, *own)
        return rows[0] if rows else None

    def fetch_rows(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], *own: RequestValue
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query for values that Django does not convert, as it does JSON."""
        compiled = self._compile(key, build, own)
        if compiled is None:
            return []
        with connection.cursor() as cursor:
            cursor.execute(*compiled)
            rows: list[tuple[Any, ...]] = cursor.fetchall()
            return rows

    def fetch_models(
        self, key: Hashable | None, build: Callable[[], QuerySet[M]], model: type[M], *own: RequestValue
    ) -> list[M]:
        """Return the rows as instances of the model, with what the query adds to them, but nothing of other tables."""
        compiled = self._compile(key, build, own)
        return [] if compiled is None else list(model._default_manager.raw(*compiled))

    def _compile(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], own: tuple[RequestValue, ...]
    ) -> _Compiled | None:
        """Return the SQL with its values; None for a query that can't find anything."""
        try:
            entry = self._entries[key]
        except KeyError:
            entry = self._add(key, build, own)
        if entry is None:
            return None
        sql, values = entry
        return sql, tuple(own[each.index] if isinstance(each, _Place) else each for each in values)

    def _add(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], own: tuple[RequestValue, ...]
    ) -> _Compiled | None:
        ids = {index for index, value in enumerate(own) if not isinstance(value, dt.datetime)}
        try:
            sql, values = build().query.sql_with_params()
        except EmptyResultSet:
            # With other ids it might find something.
            compiled, is_whole = None, not ids
        else:
            places = {id(value): _Place(index) for index, value in enumerate(own)}
            compiled = sql, tuple(places.get(id(value), value) for value in values)
            left = [each for each in compiled[1] if not isinstance(each, _Place)]
            used = {each.index for each in compiled[1] if isinstance(each, _Place)}
            is_whole = ids <= used and not any(isinstance(each, dt.datetime) or each in own for each in left)
        if key is not None and is_whole:
            self._entries[key] = compiled
            while len(self._entries) > _MAX_ENTRIES:
                self._entries.popitem(last=False)
        return compiled
