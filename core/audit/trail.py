"""The audit trail of staff's actions: append-only, with each line sealing the one before.

A line's seal is keyed BLAKE2b over the previous seal and the line's own content, number and time included. The key is a
file on the staff node alone (AUDIT_KEY), so without it a line cannot be changed, removed, inserted or moved unnoticed:
`manage.py audit verify` names the first line that does not fit.

Cutting off the end leaves a shorter chain that is consistent in itself. Only a record outside the portal reveals it: `audit
verify` prints the last number and its seal, and `--expect NUMBER:SEAL` checks them next time. The same record reveals a trail
rewritten by someone who had the key.

A line never holds content of a tip: numbers, names of accounts and names of actions only. Its subject says what it is about:
"tip 12" or "file 3 of tip 12", "account okafor", "source cad". Those who read the trail see the lines about the tips that they
may see, so a line about a tip names the tip in its subject and in no other column (AuditEntry.tip).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core.advisory_locks import lock_until_commit
from core.models import Account, AuditEntry

KEY_BYTES = SEAL_BYTES = 32
_INITIAL_SEAL = bytes(SEAL_BYTES)
# Allows one writer at a time, across all nodes.
_LOCK = b"audit"
_Row = tuple[int, dt.datetime, str, str, str, str, bytes]
_COLUMNS = ("id", "at", "actor", "action", "subject", "detail", "seal")


class AuditKeyMissingError(Exception):
    """AUDIT_KEY is not set on this node, or its file does not hold 32 bytes. Nothing was written."""


@dataclass(frozen=True, slots=True)
class TrailState:
    """The result of a verification.

    `last` is the number of the last line that fits (0: none), `seal` its seal in hex digits; `broken` is the number of
    the first line that does not fit, or None.
    """

    last: int
    seal: str
    broken: int | None = None


def record(actor: Account | str, action: str, subject: str = "", detail: str = "") -> AuditEntry:
    """Append one line, in the caller's transaction if there is one. Raises AuditKeyMissingError.

    Lines are written one at a time until the transaction ends, so callers lock their own rows first and record last.
    """
    return record_each(actor, action, [subject], detail)[0]


def record_each(actor: Account | str, action: str, subjects: Sequence[str], detail: str = "") -> list[AuditEntry]:
    """Append a line for each subject, in their order, as `record` does."""
    name = actor if isinstance(actor, str) else actor.get_username()
    with transaction.atomic():
        lock_until_commit(_LOCK)
        last = AuditEntry.objects.order_by("-id").only("id", "seal").first()
        last_id, seal, key = last.id if last else 0, bytes(last.seal) if last else _INITIAL_SEAL, read_key()
        entries = []
        for number, subject in enumerate(subjects, last_id + 1):
            entry = AuditEntry(
                id=number,
                at=timezone.now(),
                actor=name[:150],
                action=action[:40],
                subject=subject[:200],
                detail=detail[:500],
            )
            content = (entry.id, entry.at, entry.actor, entry.action, entry.subject, entry.detail)
            entry.seal = seal = _compute_seal(key, seal, content)
            entries.append(entry)
        AuditEntry.objects.bulk_create(entries)
    return entries


def record_once(actor: Account, action: str, subject: str, period: dt.timedelta) -> None:
    """Append a line as `record` does, unless the trail has the same one from within this period."""
    same = AuditEntry.objects.filter(action=action, actor=actor.get_username(), subject=subject)
    if not same.filter(at__gt=timezone.now() - period).exists():
        record(actor, action, subject)


START = TrailState(0, _INITIAL_SEAL.hex())


def verify(after: TrailState = START, limit: int | None = None) -> TrailState:
    """Walk the trail up to the first line that was changed, removed, inserted or moved.

    Begin behind a line that was verified before, and stop after `limit` lines. Raises AuditKeyMissingError.
    """
    rows = AuditEntry.objects.filter(id__gt=after.last).order_by("id").values_list(*_COLUMNS)[:limit]
    return verify_rows(read_key(), rows.iterator(chunk_size=2000), after)


def verify_rows(key: bytes, rows: Iterable[_Row], after: TrailState = START) -> TrailState:
    """As `verify`, over rows of (id, at, actor, action, subject, detail, seal) in the order of their numbers."""
    number, seal = after.last, bytes.fromhex(after.seal)
    for *content, stored in rows:
        if content[0] != number + 1:
            return TrailState(number, seal.hex(), broken=number + 1)
        expected = _compute_seal(key, seal, tuple(content))
        if not hmac.compare_digest(expected, bytes(stored)):
            return TrailState(number, seal.hex(), broken=number + 1)
        number, seal = number + 1, expected
    return TrailState(number, seal.hex())


def find_seal(number: int) -> str | None:
    """Return the stored seal of one line in hex digits, None if there is no such line."""
    seal = AuditEntry.objects.filter(pk=number).values_list("seal", flat=True).first()
    return None if seal is None else bytes(seal).hex()


def fingerprint(text: str) -> str:
    """Return four hex digits of a keyed digest: enough to tell typed names apart, too few to recover one."""
    return hashlib.blake2b(text.encode(errors="replace"), key=read_key(), digest_size=2, person=b"name").hexdigest()


def _compute_seal(key: bytes, previous: bytes, content: tuple[object, ...]) -> bytes:
    number, at, *texts = content
    assert isinstance(at, dt.datetime)
    line = json.dumps([number, at.astimezone(dt.UTC).isoformat(timespec="microseconds"), *texts])
    return hashlib.blake2b(previous + line.encode(), key=key, digest_size=SEAL_BYTES, person=b"audit line 1").digest()


def read_key() -> bytes:
    """Return the key of the trail. Raises AuditKeyMissingError."""
    path: Path | None = settings.AUDIT_KEY
    if path is None:
        raise AuditKeyMissingError(
            "AUDIT_KEY isn't set on this machine, so nothing can be logged in the audit trail. Set it."
        )
    key = path.read_bytes() if path.is_file() else b""
    if len(key) != KEY_BYTES:
        raise AuditKeyMissingError(f"{path} must have {KEY_BYTES} bytes. Restore it from your safe copy.")
    return key
