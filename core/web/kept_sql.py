"""SQL of queries that is worked out once and then asked by many requests.

Django works out the SQL of a large query anew each time, which takes longer than PostgreSQL needs to answer it. Here it is kept by
a key that names all that it depends on: what an account may see is a part of the key, and never looked up from an earlier request.
"""

from __future__ import annotations

import datetime as dt
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import connection
from django.db.models import Model, QuerySet

_MOST_KEPT = 256

M = TypeVar("M", bound=Model)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The place of a time among the values, which is another one in each request."""

    index: int


_Compiled = tuple[str, tuple[Any, ...]]


class KeptSql:
    """The SQL of the queries of one module.

    `build` returns a query that depends on nothing but the `key` and the `moments`, the times of this request. A query with any
    other time among its values is not kept. A key of None: it is worked out for this request alone.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, _Compiled | None] = OrderedDict()

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
            kept = self._kept[key]
        except KeyError:
            kept = self._keep(key, build, moments)
        if kept is None:
            return None
        sql, values = kept
        return sql, tuple(moments[each.index] if isinstance(each, _Moment) else each for each in values)

    def _keep(
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
            self._kept[key] = compiled
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
        return compiled
