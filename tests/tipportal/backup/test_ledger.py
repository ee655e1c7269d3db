"""The ledger: what the database notes as rows are erased, restricted and given again."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from core.models import Account, ErasureMark
from tests.tips.desk import officers
from tipportal.backup import replay
from tipportal.backup.database_dump import TRANSIENT_TABLES
from tips.models import Category, Unit

RULES = Path(__file__).resolve().parents[3] / "tipportal" / "database" / "rules.sql"


def test_each_kind_that_is_noted_is_replayed() -> None:
    noted = {
        (kind, columns.count(","))
        for kind, columns in re.findall(r"ledger_note\('(\w+)'((?:, '\w+')+)\)", RULES.read_text(encoding="utf-8"))
    }
    assert noted == {(rule.kind, len(rule.columns)) for rule in replay._RULES}


@pytest.mark.django_db
def test_no_row_of_a_backup_refers_to_one_that_is_left_out() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint WHERE contype = 'f'"
        )
        references = cursor.fetchall()
        cursor.execute("SELECT name FROM unnest(%s) AS name WHERE to_regclass(name) IS NULL", [[*TRANSIENT_TABLES]])
        assert cursor.fetchall() == []
    assert not [table for table, other in references if other in TRANSIENT_TABLES and table not in TRANSIENT_TABLES]


@pytest.mark.django_db
def test_what_is_given_again_is_forgotten_and_a_mark_needs_the_key() -> None:
    okafor, unit, category = (
        officers.create_officer("okafor"),
        Unit.objects.create(name="Night"),
        Category.objects.all()[0],
    )
    unit.members.add(okafor)
    category.readers.add(okafor)
    ErasureMark.objects.all().delete()

    groups = list(okafor.groups.all())
    okafor.groups.clear()
    unit.members.clear()
    category.readers.clear()
    Category.objects.filter(pk=category.pk).update(is_sensitive=True)
    Account.objects.filter(pk=okafor.pk).update(is_active=False)
    assert ErasureMark.objects.count() == len(groups) + 4
    mark = "SELECT mark FROM core_erasuremark WHERE mark = ledger_mark('role', %s, %s)"
    with connection.cursor() as cursor:
        cursor.execute(mark, [str(okafor.pk), str(groups[0].pk)])
        assert cursor.fetchone()
        cursor.execute("UPDATE ledger_key SET secret = sha256(secret)")
        cursor.execute(mark, [str(okafor.pk), str(groups[0].pk)])
        assert not cursor.fetchone()
        ErasureMark.objects.all().delete()
    okafor.groups.clear()

    okafor.groups.set(Group.objects.filter(pk__in=[group.pk for group in groups]))
    unit.members.add(okafor)
    category.readers.add(okafor)
    Category.objects.filter(pk=category.pk).update(is_sensitive=False)
    Account.objects.filter(pk=okafor.pk).update(is_active=True)
    assert not ErasureMark.objects.exists()
    unit.members.clear()
    assert ErasureMark.objects.count() == 1
    unit.members.add(okafor)
    assert not ErasureMark.objects.exists()
