"""The database of the tests: what a test commits does not reach the next one."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group

from core import audit
from core.models import Account, AuditEntry
from tests import database_copies


@pytest.mark.django_db(transaction=True)
def test_the_rows_of_every_portal_are_all_that_is_left() -> None:
    groups = list(Group.objects.order_by("pk").values())
    permissions = set(Group.permissions.through.objects.values_list("group", "permission"))
    assert groups
    Group.objects.first().delete()  # type: ignore[union-attr]
    Group.objects.filter(pk=groups[-1]["id"]).update(name="renamed")
    Account.objects.create_user("okafor")
    audit.record("okafor", "opened", "tip 1")
    assert AuditEntry.objects.exists()
    database_copies.restore_foundations()
    assert list(Group.objects.order_by("pk").values()) == groups
    assert set(Group.permissions.through.objects.values_list("group", "permission")) == permissions
    assert not Account.objects.exists()
    assert not AuditEntry.objects.exists()
