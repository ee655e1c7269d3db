"""Proves the audit trail step by step, and keeps what was proven last: for the page of the trail and for the desk.

A whole walk begins at the first line and goes on in short turns, so that a page can show its progress; a million lines take
seconds (docs/administrators.md). Between walks each look at the page proves the lines that are new. The result is one row, which a
keyed hash protects: someone who writes the database without the key of the trail can remove it, but not make one that says "unchanged".
Lines that were proven once and are gone break the trail too, so cutting off its end shows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
import time

from django.db import transaction
from django.utils import timezone

from core.audit import trail
from core.audit.trail import START, TrailState
from core.models import AuditEntry, AuditProof

CHUNK_LINES = 5_000
# The daily walk is due again after this time; a missed day is no reason to disturb the desk.
OVERDUE = dt.timedelta(days=3)
_ROW = 1
_COLUMNS = ("number", "seal", "proven_at", "whole_at", "walk_number", "walk_seal", "walk_began_at", "broken")


def read() -> AuditProof | None:
    """Return what was proven last; None if nothing was, or the row was not written by this module."""
    proof = AuditProof.objects.filter(pk=_ROW).first()
    return proof if proof is not None and _is_ours(proof) else None


def is_broken(proof: AuditProof | None) -> bool:
    return proof is not None and proof.broken is not None


def is_overdue(proof: AuditProof | None) -> bool:
    """Return whether the last whole walk is too long ago. A trail that has just begun is not."""
    if proof is not None and proof.whole_at is not None:
        return proof.whole_at < timezone.now() - OVERDUE
    first = AuditEntry.objects.order_by("id").values_list("at", flat=True).first()
    return first is not None and first < timezone.now() - OVERDUE


def prove_new_lines() -> AuditProof:
    """Prove the lines since the last proof, one chunk at most. Raises AuditKeyMissingError."""
    with transaction.atomic():
        proof = _lock()
        if proof.broken is None and (not proof.number or _confirm_last_proven(proof)):
            _advance(proof, trail.verify(_anchor(proof), CHUNK_LINES))
        return _store(proof)


def begin_walk() -> AuditProof:
    """Begin at the first line. Raises AuditKeyMissingError."""
    with transaction.atomic():
        proof = _lock()
        proof.walk_number, proof.walk_seal, proof.walk_began_at = START.last, START.seal, timezone.now()
        return _store(proof)


def continue_walk(max_seconds: float | None = None) -> AuditProof:
    """Go on with the walk for so long, or to its end. Raises AuditKeyMissingError."""
    stop_at = None if max_seconds is None else time.monotonic() + max_seconds
    while True:
        with transaction.atomic():
            proof = _walk_a_chunk(_lock())
        if proof.walk_began_at is None or (stop_at is not None and time.monotonic() >= stop_at):
            return proof


def measure_progress(proof: AuditProof) -> int:
    """Return how much of a walk is done, in percent."""
    last = AuditEntry.objects.order_by("-id").values_list("id", flat=True).first() or 0
    return 100 * proof.walk_number // last if last else 100


def _walk_a_chunk(proof: AuditProof) -> AuditProof:
    if proof.walk_began_at is None:
        return proof
    present = TrailState(proof.walk_number, proof.walk_seal)
    found = trail.verify(present, CHUNK_LINES)
    proof.walk_number, proof.walk_seal = found.last, found.seal
    if found.broken is not None:
        proof.broken = found.broken
    elif found.last - present.last == CHUNK_LINES:
        return _store(proof)
    elif found.last < proof.number:
        proof.broken = found.last + 1  # lines that were proven before are gone
    else:
        proof.broken = None
        _advance(proof, found)
    proof.walk_began_at, proof.whole_at = None, timezone.now()
    return _store(proof)


def _confirm_last_proven(proof: AuditProof) -> bool:
    """Return whether the line proven last is still there, with its seal; else the trail is broken there."""
    if trail.find_seal(proof.number) == proof.seal:
        return True
    proof.broken = proof.number
    return False


def _advance(proof: AuditProof, found: TrailState) -> None:
    proof.broken = found.broken
    proof.number, proof.seal, proof.proven_at = found.last, found.seal, timezone.now()


def _anchor(proof: AuditProof) -> TrailState:
    return TrailState(proof.number, proof.seal)


def _lock() -> AuditProof:
    """Return the row, locked; a new one if there is none, or one that is not ours."""
    AuditProof.objects.get_or_create(pk=_ROW, defaults=_empty())
    proof = AuditProof.objects.select_for_update().get(pk=_ROW)
    if proof.mark and not _is_ours(proof):
        for name, value in _empty().items():
            setattr(proof, name, value)
    return proof


def _empty() -> dict[str, object]:
    return {
        "number": START.last,
        "seal": START.seal,
        "proven_at": None,
        "whole_at": None,
        "walk_number": START.last,
        "walk_seal": START.seal,
        "walk_began_at": None,
        "broken": None,
        "mark": b"",
    }


def _store(proof: AuditProof) -> AuditProof:
    proof.mark = _compute_mark(proof)
    proof.save()
    return proof


def _is_ours(proof: AuditProof) -> bool:
    return hmac.compare_digest(bytes(proof.mark), _compute_mark(proof))


def _compute_mark(proof: AuditProof) -> bytes:
    values = [getattr(proof, name) for name in _COLUMNS]
    content = json.dumps(
        [
            value.astimezone(dt.UTC).isoformat(timespec="microseconds") if isinstance(value, dt.datetime) else value
            for value in values
        ]
    )
    return hashlib.blake2b(content.encode(), key=trail.read_key(), digest_size=32, person=b"audit proof 1").digest()
