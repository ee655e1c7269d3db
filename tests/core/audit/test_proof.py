"""The check of the audit trail: runs in steps, is kept, and can't be forged without the key."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from core import audit
from core.audit import proof
from core.models import AuditProof
from tests.core.audit import tampering

CHUNK = 4


@pytest.fixture(autouse=True)
def trail(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "CHUNK_LINES", CHUNK)
    record_lines(10)


def record_lines(count: int) -> None:
    for number in range(count):
        audit.record("okafor", "opened", f"tip {number}")


def walk() -> AuditProof:
    proof.begin_walk()
    return proof.continue_walk()


def test_a_walk_in_short_turns_ends_at_the_newest_line() -> None:
    assert proof.read() is None
    proof.begin_walk()
    turns = [proof.continue_walk(max_seconds=0) for _turn in range(3)]
    assert [turn.walk_number for turn in turns] == [4, 8, 10]
    assert [proof.measure_progress(turn) for turn in turns] == [40, 80, 100]
    assert [turn.whole_at is None for turn in turns] == [True, True, False]
    assert (turns[2].number, turns[2].broken, turns[2].walk_began_at) == (10, None, None)
    stored = proof.read()
    assert stored is not None
    assert stored.seal == audit.verify().seal


def test_a_walk_of_whole_chunks_ends_too() -> None:
    record_lines(2)
    assert walk().number == 12


def test_new_lines_are_proven_one_chunk_at_a_time_and_no_older_one_is_read_again() -> None:
    walk()
    record_lines(6)
    tampering.change_entry(3)
    assert proof.prove_new_lines().number == 14
    assert proof.prove_new_lines().number == 16
    assert proof.prove_new_lines().broken is None
    assert walk().broken == 3


def test_a_change_behind_what_was_proven_is_found() -> None:
    walk()
    record_lines(3)
    tampering.change_entry(12)
    assert proof.prove_new_lines().broken == 12
    assert proof.prove_new_lines().broken == 12
    assert proof.is_broken(proof.read())


@pytest.mark.parametrize("prove", [proof.prove_new_lines, walk])
def test_lines_that_were_proven_and_are_cut_off_are_missed(prove: Any) -> None:
    walk()
    tampering.cut_off_after(8)
    assert prove().broken in (9, 10)


def test_lines_cut_off_and_written_anew_are_missed() -> None:
    walk()
    tampering.cut_off_after(8)
    record_lines(2)
    assert proof.prove_new_lines().broken == 10


def test_a_restored_line_mends_the_trail_at_the_next_walk() -> None:
    tampering.change_entry(3)
    assert walk().broken == 3
    tampering.restore_entry(3, "okafor")
    assert walk().broken is None


@pytest.mark.parametrize("column", ["number", "seal", "whole_at", "proven_at", "broken", "walk_number"])
def test_a_row_that_was_written_without_the_key_is_worth_nothing(column: str) -> None:
    tampering.change_entry(3)
    walk()
    forged: dict[str, Any] = {"seal": "1" * 64, "broken": None, "number": 9, "walk_number": 9}
    AuditProof.objects.update(**{column: forged.get(column, timezone.now())})
    assert proof.read() is None
    assert proof.prove_new_lines().broken == 3


def test_a_walk_is_overdue_after_some_days() -> None:
    assert not proof.is_overdue(None)
    walked = walk()
    assert not proof.is_overdue(walked)
    walked.whole_at = timezone.now() - proof.OVERDUE - dt.timedelta(hours=1)
    assert proof.is_overdue(walked)
