"""The audit trail of staff's actions: writing and verifying it (trail.py), proving it (proof.py), mailing its head."""

from __future__ import annotations

from core.audit.trail import (
    KEY_BYTES,
    START,
    AuditKeyMissingError,
    TrailState,
    find_seal,
    fingerprint,
    record,
    record_each,
    record_once,
    verify,
    verify_rows,
)

__all__ = [
    "KEY_BYTES",
    "START",
    "AuditKeyMissingError",
    "TrailState",
    "find_seal",
    "fingerprint",
    "record",
    "record_each",
    "record_once",
    "verify",
    "verify_rows",
]
