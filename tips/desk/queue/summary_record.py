"""Records which lines of tips each officer was shown in the queue, so that reading there is as visible as opening a tip.

The list is committed before the lines are shown, whatever happens to the process then. One line in the audit trail ends it: eight
hours after it began, when the officer comes back or when a staff process looks, whichever is first. So it has no time at
which a tip arrived, and an officer who never ends a shift is recorded too. It says how many lines and tips, and has a
digest of the list: a list that is changed later no longer fits.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from core import audit
from core.models import Account
from tips import vault
from tips.desk.triage import SHIFT
from tips.models import Author, SummaryList

SAW = "saw summaries"
SUBJECT = "tips"
FORMER_ACCOUNT = "former account"

# A tip's number, and the position of the message whose beginning was shown (0: the report).
Line = tuple[int, int]


def record_shown(officer: Account, lines: Iterable[Line]) -> None:
    """Add lines to the officer's list, and commit. Must not be called in a transaction. Raises vault.KeyMissingError."""
    wanted = set(lines)
    if not wanted or _is_recorded(officer, wanted):
        return
    with transaction.atomic(durable=True):
        # Of two tabs, the second waits here until the first has begun the list.
        Account.objects.select_for_update(no_key=True).only("pk").get(pk=officer.pk)
        current = SummaryList.objects.filter(officer=officer, audit_entry=None).first()
        if current is not None and current.began_at <= timezone.now() - SHIFT:
            _end(current)
            current = None
        if current is None:
            key = vault.generate_key()
            key_id, sealed_key = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
            current = SummaryList(officer=officer, agency_key_id=key_id, key_for_agency=sealed_key)
            known: set[Line] = set()
        else:
            key = _open_key(current)
            known = set(_open_list(current, key))
        if not current.pk or not known.issuperset(wanted):
            current.content = _seal_list(key, known | wanted, current)
            current.save() if current.pk is None else current.save(update_fields=["content"])


def end_past_shifts() -> int:
    """Write the line in the audit trail for each list that began a shift ago, and return how many. Any staff process may call it."""
    with transaction.atomic():
        past = SummaryList.objects.select_for_update(skip_locked=True, of=("self",)).filter(audit_entry=None)
        ended = list(past.filter(began_at__lte=timezone.now() - SHIFT).select_related("officer").order_by("pk"))
        for each in ended:
            _end(each)
    return len(ended)


def read_lines(shown: SummaryList) -> list[Line]:
    """Return a stored list. Raises vault.SealError, vault.KeyMissingError."""
    return _open_list(shown, _open_key(shown))


def digest(shown: SummaryList) -> str:
    """Return the digest that ends a list's line in the audit trail."""
    return hashlib.blake2b(bytes(shown.content), digest_size=16).hexdigest()


def _is_recorded(officer: Account, wanted: set[Line]) -> bool:
    """Return whether the officer's present list has all these lines. Most pages show nothing new, and should cost no commit."""
    current = SummaryList.objects.filter(officer=officer, audit_entry=None).first()
    is_present = current is not None and current.began_at > timezone.now() - SHIFT
    return current is not None and is_present and wanted.issubset(read_lines(current))


def _end(shown: SummaryList) -> None:
    try:
        lines = read_lines(shown)
        said = f"{len(lines)} lines of {len({number for number, _position in lines})} tips"
    except (vault.SealError, vault.KeyMissingError):
        said = "a list that can't be opened"
    detail = f"{said}, list {shown.pk} {digest(shown)}"
    entry = audit.record(shown.officer or FORMER_ACCOUNT, SAW, SUBJECT, detail)
    shown.audit_entry = entry.pk
    shown.save(update_fields=["audit_entry"])


def _open_key(shown: SummaryList) -> bytes:
    return vault.open_key_with(shown.key_for_agency, shown.agency_key_id, settings.AGENCY_PRIVATE_KEYS)


def _open_list(shown: SummaryList, key: bytes) -> list[Line]:
    stored = json.loads(vault.open_text(key, shown.content, _context(shown)))
    return [(number, position) for number, position in stored]


def _seal_list(key: bytes, lines: Iterable[Line], shown: SummaryList) -> bytes:
    return vault.seal_text(key, json.dumps(sorted(lines), separators=(",", ":")), _context(shown))


def _context(shown: SummaryList) -> vault.SealContext:
    """Bind the list to its officer and shift, so that no list can stand in for another."""
    owner = UUID(int=shown.officer_id or 0)
    began = int(shown.began_at.timestamp())
    return vault.SealContext(tip=owner, row=owner, kind="summaries", author=Author.STAFF, position=began, field="list")
