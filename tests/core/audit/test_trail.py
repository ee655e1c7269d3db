"""The audit trail: it grows, and no line can be changed, removed or moved unseen."""

from __future__ import annotations

import datetime as dt
import threading
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections, transaction

from core import audit
from core.models import Account, AuditEntry
from tests.core.audit import tampering

ROWS = ("id", "at", "actor", "action", "subject", "detail", "seal")


def key() -> bytes:
    from django.conf import settings

    return bytes(settings.AUDIT_KEY.read_bytes())


@pytest.fixture
def rows(db: None) -> list[tuple]:
    for number in range(1, 6):
        audit.record("okafor", "opened", f"tip {number}")
    return list(AuditEntry.objects.order_by("id").values_list(*ROWS))


def test_an_entry_has_account_action_and_time(db: None) -> None:
    account = Account.objects.create(username="okafor")
    entry = audit.record(account, "opened", "tip 41", "question")
    stored = AuditEntry.objects.get(pk=entry.pk)
    assert (stored.actor, stored.action, stored.subject, stored.detail) == ("okafor", "opened", "tip 41", "question")
    assert len(bytes(stored.seal)) == 32


def test_a_rollback_leaves_no_gap_in_the_numbers(db: None) -> None:
    first = audit.record("okafor", "opened")
    with transaction.atomic():
        audit.record("okafor", "undone")
        transaction.set_rollback(True)
    assert audit.record("okafor", "opened").pk == first.pk + 1
    assert audit.verify().broken is None


def test_an_unchanged_trail_verifies(rows: list[tuple]) -> None:
    found = audit.verify()
    assert (found.last, found.broken) == (5, None)
    assert found.seal == bytes(rows[-1][6]).hex()


@pytest.mark.parametrize("column", range(1, 6))
def test_a_changed_entry_is_found(rows: list[tuple], column: int) -> None:
    changed = list(rows[2])
    changed[column] = changed[column] + dt.timedelta(microseconds=1) if column == 1 else "someone else"
    rows[2] = tuple(changed)
    assert audit.verify_rows(key(), rows).broken == 3


def test_a_removed_entry_is_found(rows: list[tuple]) -> None:
    del rows[1]
    assert audit.verify_rows(key(), rows).broken == 2


def test_a_removed_entry_is_found_even_if_the_rest_is_renumbered(rows: list[tuple]) -> None:
    del rows[1]
    renumbered = [(number, *row[1:]) for number, row in enumerate(rows, 1)]
    assert audit.verify_rows(key(), renumbered).broken == 2


def test_swapped_entries_are_found(rows: list[tuple]) -> None:
    rows[1], rows[2] = (2, *rows[2][1:]), (3, *rows[1][1:])
    assert audit.verify_rows(key(), rows).broken == 2


def test_an_entry_sealed_with_another_key_is_found(rows: list[tuple]) -> None:
    assert audit.verify_rows(bytes(32), rows).broken == 1


def test_the_database_refuses_to_change_or_delete_an_entry(rows: list[tuple]) -> None:
    for statement in ("UPDATE core_auditentry SET actor = 'x'", "DELETE FROM core_auditentry"):
        with pytest.raises(Exception, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)


@pytest.mark.django_db(transaction=True)
def test_concurrent_writers_make_one_chain() -> None:
    start = threading.Barrier(4)

    def write() -> None:
        start.wait()
        for _ in range(5):
            audit.record("okafor", "opened")
        connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (audit.verify().last, audit.verify().broken) == (20, None)


# The command


def verify(*args: str) -> str:
    out = StringIO()
    call_command("audit", "verify", *args, stdout=out)
    return out.getvalue()


def test_the_command_reports_success_and_the_record_to_store(rows: list[tuple]) -> None:
    assert verify().splitlines()[-1] == f"5:{bytes(rows[4][6]).hex()}"


def test_the_command_names_the_broken_entry(rows: list[tuple]) -> None:
    tampering.change_entry(3)
    with pytest.raises(CommandError, match="broken at entry 3") as failed:
        verify()
    assert failed.value.returncode == 1


def test_the_command_detects_a_truncated_trail(rows: list[tuple]) -> None:
    with pytest.raises(CommandError, match="entry 9 existed, and the last entry is now 5"):
        verify("--expect", f"9:{bytes(rows[4][6]).hex()}")


def test_the_command_detects_a_rewritten_trail(rows: list[tuple]) -> None:
    with pytest.raises(CommandError, match="Entry 5 isn't the one on your record"):
        verify("--expect", f"5:{bytes(rows[3][6]).hex()}")


def test_the_command_accepts_an_older_record_that_still_matches(rows: list[tuple]) -> None:
    assert "5 entries" in verify("--expect", f"3:{bytes(rows[2][6]).hex()}")


@pytest.mark.parametrize("nonsense", ["5", "x:y", ""])
def test_the_command_explains_the_format_of_expect(rows: list[tuple], nonsense: str) -> None:
    if not nonsense:
        assert "5 entries" in verify("--expect", nonsense)
        return
    with pytest.raises(CommandError, match="NUMBER:SEAL"):
        verify("--expect", nonsense)


def test_without_a_key_no_entry_is_written(db: None, settings, tmp_path: Path) -> None:
    settings.AUDIT_KEY = tmp_path / "missing"
    with pytest.raises(audit.AuditKeyMissingError):
        audit.record("okafor", "opened")
    assert not AuditEntry.objects.exists()
    with pytest.raises(CommandError, match="safe copy"):
        verify()
