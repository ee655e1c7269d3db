from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import Q
from django.test.utils import CaptureQueriesContext

from core.models import Account
from core.web.shared_rows import Among, AmongFew, AmongJoined, SharedRows


@pytest.mark.django_db
def test_each_condition_finds_the_rows_among_a_query_whose_sql_is_worked_out_once() -> None:
    for name in ("amara", "okafor", "o'brien %s"):
        Account.objects.create_user(name)
    accounts = Account.objects.order_by("username")
    asked = [0]

    class Counted(SharedRows):
        def compile(self, *args: object) -> tuple[str, tuple[object, ...]]:
            asked[0] += self._compiled is None
            return super().compile(*args)  # type: ignore[arg-type]

    rows = Counted(Account.objects.filter(username__in=["amara", "o'brien %s", "%"]).values("pk"))
    with CaptureQueriesContext(connection) as queries:
        for kind in (Among, AmongFew, AmongJoined):
            condition = Q(kind("pk", rows))
            assert [each.username for each in accounts.filter(condition)] == ["amara", "o'brien %s"]
            assert [each.username for each in accounts.filter(~condition)] == ["okafor"]
            # In a subquery, the column's table has another name.
            inner = Account.objects.filter(~condition).values("pk")
            assert [each.username for each in accounts.filter(pk__in=inner, is_active=True)] == ["okafor"]
            assert [each.is_among for each in accounts.annotate(is_among=kind("pk", rows))] == [True, True, False]
    assert asked == [1]
    assert len(queries) == 12  # none to compare the expressions, and none to read the rows apart


@pytest.mark.django_db
def test_no_row_is_among_those_of_an_empty_query() -> None:
    Account.objects.create_user("amara")
    rows = SharedRows(Account.objects.none().values("pk"))
    assert not Account.objects.filter(Among("pk", rows)).exists()
    assert Account.objects.filter(~Q(Among("pk", rows))).exists()
