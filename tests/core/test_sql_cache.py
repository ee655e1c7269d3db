"""SQL that is kept is asked anew with this request's times and ids, and never for another key."""

import datetime as dt
import uuid

import pytest
from django.db.models import Q, QuerySet
from django.utils import timezone

from core.models import Account
from core.web.shared_rows import AmongIds
from core.web.sql_cache import SqlCache
from tests.tips.desk import officers
from tips.models import Tip

pytestmark = pytest.mark.django_db


def test_a_cached_query_takes_the_times_of_each_request_and_answers_for_its_key_alone() -> None:
    cache, now = SqlCache(), timezone.now()
    ana = Account.objects.create(username="ana", last_login=now - dt.timedelta(hours=2))
    Account.objects.create(username="ben", last_login=now - dt.timedelta(hours=1))
    built: list[str] = []

    def seen_before(moment: dt.datetime, key: object, name: str = "") -> list[str]:
        def build() -> QuerySet[Account]:
            built.append(name)
            found = Account.objects.filter(last_login__lt=moment, username__contains=name)
            return found.order_by("username").defer("email")

        return [each.username for each in cache.fetch_models(key, build, Account, moment)]

    assert seen_before(now, "all") == ["ana", "ben"]
    assert seen_before(now - dt.timedelta(minutes=90), "all") == ["ana"]
    assert seen_before(now, ("name", "b"), "b") == ["ben"]
    assert seen_before(now, None, "a") == seen_before(now, None, "a") == ["ana"]
    assert built == ["", "b", "a", "a"]

    def select_names(moment: dt.datetime) -> "QuerySet[Account, tuple[str, ...]]":
        return Account.objects.filter(last_login__lt=moment).order_by("username").values_list("username", "pk")

    assert cache.fetch_row("row", lambda: select_names(now), now) == ("ana", ana.pk)
    # A time that the query doesn't name as one of the request's would stay what it is now.
    assert cache.fetch_row("forgotten", lambda: select_names(now)) == ("ana", ana.pk)
    assert cache.fetch_row("forgotten", lambda: select_names(now - dt.timedelta(days=1))) is None
    assert cache.fetch_row("nothing", lambda: Account.objects.none().values_list("pk")) is None


def test_a_cached_query_asks_for_the_ids_of_each_request() -> None:
    cache = SqlCache()
    tips = [officers.send_tip() for _number in range(3)]
    built: list[str] = []

    def find(name: str, own: "uuid.UUID | list[str]", condition: object) -> list[int]:
        def build() -> "QuerySet[Tip, tuple[int]]":
            built.append(name)
            return Tip.objects.filter(condition).order_by("number").values_list("number")

        return [number for (number,) in cache.fetch_rows(name, build, own)]

    for tip in tips:
        assert find("one", tip.pk, Q(pk=tip.pk)) == [tip.number]
    for chosen in (tips[:1], tips[1:], tips):
        ids = [str(tip.pk) for tip in chosen]
        assert find("many", ids, AmongIds("pk", ids)) == sorted(tip.number for tip in chosen)
    assert built == ["one", "many"]
    # The SQL would hold the id of the request that built it.
    for tip in tips:
        assert find("copied", tip.pk, Q(pk=uuid.UUID(str(tip.pk)))) == [tip.number]
        assert find("twice", tip.pk, Q(pk=tip.pk) | Q(pk=uuid.UUID(str(tip.pk)))) == [tip.number]
        assert find("as text", tip.pk, AmongIds("pk", [str(tip.pk)])) == [tip.number]
    assert find("none", tips[0].pk, Q(pk=tips[0].pk) & Q(pk__in=[])) == []
    assert find("none", tips[1].pk, Q(pk=tips[1].pk)) == [tips[1].number]
