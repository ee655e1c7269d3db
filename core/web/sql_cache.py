"""A cache of compiled SQL: queries that Django builds once and many requests then run.

Django takes longer to compile a large query than PostgreSQL to answer it. The key of an entry names all that its SQL depends on: what
an account may see is part of the key, and never taken from an earlier request.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Count, Model, QuerySet, Value

_MAX_ENTRIES = 256

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The place of a time among the values, which is another one in each request."""

    index: int


_Compiled = tuple[str, tuple[Any, ...]]


def select_count(rows: QuerySet[Any, Any]) -> QuerySet[Any, tuple[int]]:
    """Return the query that counts rows, as `count()` runs it."""
    counted: QuerySet[Any, tuple[int]] = rows.order_by().values(whole=Value(1)).annotate(count=Count("pk"))
    return counted.values_list("count")


class SqlCache:
    """The compiled SQL of the queries of one module.

    `build` returns a query that depends on nothing but the `key` and the `moments`, the times of this request. A query with any
    other time among its values is not cached. Nor is one whose key is None.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, _Compiled | None] = OrderedDict()

    def fetch_row(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], *moments: dt.datetime
    ) -> tuple[Any, ...] | None:
        """Return the first row, None without one."""
        compiled = self._compile(key, build, moments)
        if compiled is None:
            return None
        with connection.cursor() as cursor:
            cursor.execute(*compiled)
            row: tuple[Any, ...] | None = cursor.fetchone()
            return row

    def fetch_models(
        self, key: Hashable | None, build: Callable[[], QuerySet[M]], model: type[M], *moments: dt.datetime
    ) -> list[M]:
        """Return the rows as instances of the model, with what the query adds to them, but nothing of other tables."""
        compiled = self._compile(key, build, moments)
        return [] if compiled is None else list(model._default_manager.raw(*compiled))

    def _compile(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], moments: tuple[dt.datetime, ...]
    ) -> _Compiled | None:
        """Return the SQL with its values; None for a query that can't find anything."""
        try:
            entry = self._entries[key]
        except KeyError:
            entry = self._add(key, build, moments)
        if entry is None:
            return None
        sql, values = entry
        return sql, tuple(moments[each.index] if isinstance(each, _Moment) else each for each in values)

    def _add(
        self, key: Hashable | None, build: Callable[[], QuerySet[Any, Any]], moments: tuple[dt.datetime, ...]
    ) -> _Compiled | None:
        try:
            sql, values = build().query.sql_with_params()
        except EmptyResultSet:
            compiled = None
        else:
            places = {id(moment): _Moment(index) for index, moment in enumerate(moments)}
            compiled = sql, tuple(places.get(id(value), value) for value in values)
        has_other_time = compiled is not None and any(isinstance(value, dt.datetime) for value in compiled[1])
        if key is not None and not has_other_time:
            self._entries[key] = compiled
            while len(self._entries) > _MAX_ENTRIES:
                self._entries.popitem(last=False)
        return compiled
