"""Records each search of the tips: who, and sealed with it the words and how many tips were searched and found.

Searching for fragments again and again reads a tip without opening it, so supervisors see who searches unusually often
(tipportal/audit_trail/search_counts.py), and for which words. The words are sealed with a key that is derived from the audit
trail's own, a file of the staff node: a stolen database or backup doesn't have them, nor do administrators, who read no line about
tips. The numbers are sealed with them: how many tips an officer may search would tell how many another unit has.

Nobody reads words that may name a member of staff, or words of searches in sensitive or walled tips: a supervisor whom a tip
names would learn that a colleague looks for it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass

from django.db import transaction

from core import audit
from core.audit import trail
from core.models import Account
from tips import readers, vault
from tips.models import Unit

SEARCHED, WENT_ON = "searched tips", "went on searching tips"
SUBJECT = "tips"
SOME_FOUND, NOTHING_FOUND, NOTHING_FOUND_YET = "some found", "nothing found", "nothing found yet"
SEALED = ", sealed "
# Every record is padded to the same length; in Base64 it fits into the line's details with the outcome.
RECORD_BYTES = 304
_LABEL = b"search of tips by "


@dataclass(frozen=True, slots=True)
class SearchedWords:
    """The words of a search and how far it went: `found` of `searched` tips, of `total` in all. `is_general`: no tips that stand apart."""

    words: str
    found: int
    searched: int
    total: int
    is_general: bool

    @property
    def outcome(self) -> str:
        if self.found:
            return SOME_FOUND
        return NOTHING_FOUND if self.searched == self.total else NOTHING_FOUND_YET

    def as_bytes(self) -> bytes:
        values = [self.words, self.found, self.searched, self.total, self.is_general]
        return json.dumps(values, ensure_ascii=False).encode()

    def fits(self) -> bool:
        """Return whether the record can be sealed: words that are too long are not searched for."""
        return len(self.as_bytes()) <= RECORD_BYTES


def record_search(officer: Account, found_count: int) -> None:
    """Write the line of a search by number; committed before the result is shown. Must not be called in a transaction."""
    with transaction.atomic(durable=True):
        audit.record(officer, SEARCHED, SUBJECT, f"{found_count} found" if found_count else NOTHING_FOUND)


def record_words(officer: Account, searched: SearchedWords, *, goes_on: bool = False) -> None:
    """Write the line of a search by words; committed before the result is shown. Must not be called in a transaction.

    `goes_on`: the search was recorded before, with what was found until then.
    """
    detail = searched.outcome + seal(officer.get_username(), searched.as_bytes())
    with transaction.atomic(durable=True):
        audit.record(officer, WENT_ON if goes_on else SEARCHED, SUBJECT, detail)


def hide_words(detail: str) -> str:
    """Return the details of a line without what is sealed."""
    return detail.partition(SEALED)[0]


def read_words(actor: str, detail: str) -> SearchedWords | None:
    """Return what a line has sealed; None if it has nothing, or was written with another key. Raises AuditKeyMissingError."""
    opened = open_sealed(actor, detail)
    return SearchedWords(*json.loads(opened)) if opened else None


def seal(actor: str, content: bytes) -> str:
    """Return what stands in the details of an actor's line for content that only supervisors read; at most RECORD_BYTES of it."""
    sealed = vault.seal_box(_derive_key(), content.ljust(RECORD_BYTES), _label(actor))
    return SEALED + base64.urlsafe_b64encode(sealed).decode()


def open_sealed(actor: str, detail: str) -> bytes:
    """Return the content that a line has sealed; b"" if it has none that opens. Raises AuditKeyMissingError."""
    token = detail.partition(SEALED)[2]
    try:
        return vault.open_box(_derive_key(), base64.urlsafe_b64decode(token), _label(actor)) if token else b""
    except (vault.SealError, binascii.Error):
        return b""


def sees_units_of(reader: Account, actor: str) -> bool:
    """Return whether the reader sees the tips of all units of the account that searched, and so may know their number."""
    own = Unit.objects.filter(members=reader) | readers.unmanned_units()
    return (
        not Unit.objects.filter(members__username=actor).exclude(pk__in=list(own.values_list("pk", flat=True))).exists()
    )


def _derive_key() -> bytes:
    return hashlib.blake2b(key=trail.read_key(), digest_size=vault.KEY_BYTES, person=b"search words").digest()


def _label(actor: str) -> bytes:
    return _LABEL + actor.encode()
