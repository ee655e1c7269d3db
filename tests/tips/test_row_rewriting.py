"""The nightly rewriting: xmin of rows about sources is no clock."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError, connection, connections

from tests.tipportal.database.test_grants import acting_as
from tests.tips.desk import officers
from tips import row_rewriting
from tips.models import Tip

pytestmark = pytest.mark.django_db(transaction=True)

LONG = "canary " * 1200  # beyond what PostgreSQL keeps in the row itself


def xmins(table: str) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT xmin::text FROM {table} ORDER BY ctid")
        return [row[0] for row in cursor.fetchall()]


def toast_table() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltoastrelid::regclass::text FROM pg_class WHERE oid = 'tips_tip'::regclass")
        return str(cursor.fetchone()[0])


def test_all_rows_of_a_day_get_one_transaction_and_keep_their_content() -> None:
    row_rewriting.rewrite_touched_rows()
    tips = [officers.send_tip(LONG) for _ in range(4)]
    before = set(xmins("tips_tip"))
    assert len(before) == 4
    reports = dict(Tip.objects.values_list("pk", "report"))
    assert row_rewriting.rewrite_touched_rows() >= 2 * len(tips), "tips and alerts"
    after = set(xmins("tips_tip"))
    assert len(after) == 1
    assert after == set(xmins("tips_alert")) == set(xmins(toast_table()))
    assert not after & before
    assert {pk: bytes(report) for pk, report in Tip.objects.values_list("pk", "report")} == {
        pk: bytes(report) for pk, report in reports.items()
    }


def test_a_row_is_rewritten_once_until_it_is_touched_again() -> None:
    first, second = officers.send_tip(), officers.send_tip()
    row_rewriting.rewrite_touched_rows()
    assert row_rewriting.rewrite_touched_rows() == 0
    Tip.objects.filter(pk=first.pk).update(priority=1)
    assert row_rewriting.rewrite_touched_rows() == 1
    assert len(set(xmins("tips_tip"))) == 2
    assert second


def test_a_locked_row_is_left_and_comes_the_next_night() -> None:
    row_rewriting.rewrite_touched_rows()
    tip = officers.send_tip()
    other = connections["default"].copy()
    try:
        other.set_autocommit(False)
        with other.cursor() as cursor:
            cursor.execute("SELECT 1 FROM tips_tip WHERE id = %s FOR UPDATE", [tip.pk])
        before = xmins("tips_tip")
        row_rewriting.rewrite_touched_rows()
        assert xmins("tips_tip") == before
        other.rollback()
        row_rewriting.rewrite_touched_rows()
        assert xmins("tips_tip") != before
    finally:
        other.close()


def test_the_bulk_worker_may_rewrite() -> None:
    officers.send_tip()
    with acting_as("bulk"):
        assert row_rewriting.rewrite_touched_rows() >= 2


@pytest.mark.parametrize("user", ["public", "alerts", "media", "staff"])
def test_no_other_user_rewrites(user: str) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), acting_as(user):
        row_rewriting.rewrite_touched_rows()
