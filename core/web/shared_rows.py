"""Conditions that ask whether a value is among the rows of a query, whose SQL is worked out once for all of them.

Django works out the SQL of a subquery each time that it is used, which takes longer than PostgreSQL needs to answer it. Rows that
a module keeps are worked out once a process: such a query must take no value of a request, no account, and no time but the
database's own. Rows that depend on those live as long as a request (`once_a_request`).
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from django.core.exceptions import EmptyResultSet
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BooleanField, F, Func, QuerySet
from django.db.models.sql.compiler import SQLCompiler


class SharedRows:
    """The rows of a query with one column. Their order doesn't matter."""

    def __init__(self, rows: QuerySet[Any, Any]) -> None:
        self._rows = rows
        self._compiled: tuple[str, tuple[Any, ...]] | None = None

    def compile(self, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """Return the SQL with its values."""
        if self._compiled is None:
            sql, values = self._rows.order_by().query.get_compiler(connection=connection).as_sql()
            self._compiled = sql, tuple(values)
        return self._compiled

    def describe(self, connection: BaseDatabaseWrapper) -> Hashable | None:
        """Return the SQL with its values as a part of the keys of SQL that is kept, None for rows that are surely none."""
        try:
            return self.compile(connection)
        except EmptyResultSet:
            return None


class Among(Func):
    """Compares a column of the query that asks with the rows. PostgreSQL reads these once and then looks each value up."""

    template = "(%(column)s IN (%(rows)s))"
    output_field = BooleanField()

    def __init__(self, column: str, rows: SharedRows) -> None:
        super().__init__(F(column))
        self._rows = rows

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> Any:  # type: ignore[override]
        column, _values = compiler.compile(self.get_source_expressions()[0])
        rows, values = self._rows.compile(connection)
        return self.template % {"column": column, "rows": rows}, values


class AmongIds(Func):
    """Compares a column with many ids, which go to PostgreSQL as one value: as many values, they would take Django longer."""

    template = "(%(column)s = ANY(%%s::uuid[]))"
    output_field = BooleanField()

    def __init__(self, column: str, ids: list[str]) -> None:
        super().__init__(F(column))
        self._ids = ids  # the object itself: a SqlCache recognizes it

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **_extra: Any) -> Any:  # type: ignore[override]  # noqa: ARG002
        column, _values = compiler.compile(self.get_source_expressions()[0])
        return self.template % {"column": column}, [self._ids]


class AmongFew(Among):
    """Lets PostgreSQL read the rows first, as an array, with which it can begin at an index of the column."""

    template = "(%(column)s = ANY(ARRAY(%(rows)s)))"


class AmongJoined(Among):
    """Lets PostgreSQL join the rows as a table: for a condition that few rows decide, whichever side has more."""

    template = "EXISTS(SELECT 1 FROM (%(rows)s) AS among(value) WHERE among.value = %(column)s)"
