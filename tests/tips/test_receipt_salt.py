"""The database knows the salt of its receipts, and refuses another one."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.tipportal.database.test_grants import acting_as, is_refused
from tips import receipt_salt, receipts
from tips.models import SaltFingerprint

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    SaltFingerprint.objects.all().delete()
    receipt_salt.read_salt.cache_clear()
    yield
    receipt_salt.read_salt.cache_clear()


def test_the_first_salt_is_kept_and_another_one_is_refused(settings: Any, tmp_path: Path) -> None:
    right = settings.RECEIPT_SALT
    with acting_as("public"):
        salt = receipt_salt.read_salt()
    (row,) = SaltFingerprint.objects.all()
    assert salt not in bytes(row.digest)
    receipt_salt.read_salt.cache_clear()
    assert receipt_salt.read_salt() == salt

    other = tmp_path / "salt"
    other.write_bytes(bytes(range(16)))
    settings.RECEIPT_SALT = other
    receipt_salt.read_salt.cache_clear()
    with pytest.raises(
        receipt_salt.WrongSaltError, match="isn't the salt that this database's receipts were made with"
    ):
        receipt_salt.read_salt()
    sys.modules.pop("tipportal.wsgi", None)
    with pytest.raises(SystemExit, match="isn't the salt"):
        importlib.import_module("tipportal.wsgi")  # as a web process starts
    # No receipt is given out either, and it is tried anew each time: the file may be put right.
    with pytest.raises(receipt_salt.WrongSaltError):
        receipts.stretch_receipt("a b c d e f g")
    other.write_bytes(right.read_bytes())
    assert receipt_salt.read_salt() == salt
    assert SaltFingerprint.objects.count() == 1


def test_the_public_role_can_neither_change_nor_remove_the_fingerprint() -> None:
    receipt_salt.read_salt()
    for role in ("public", "staff"):
        assert is_refused(role, "UPDATE tips_saltfingerprint SET digest = ''")
        assert is_refused(role, "DELETE FROM tips_saltfingerprint")
    for role in ("alerts", "bulk", "media"):
        assert is_refused(role, "SELECT * FROM tips_saltfingerprint")
    with connection.cursor() as cursor, pytest.raises(Exception, match="salt_fingerprint_once"):
        cursor.execute("INSERT INTO tips_saltfingerprint (id, digest) VALUES (2, '')")
