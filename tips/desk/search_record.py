"""Records each search of the tips: who, and how many tips were found. What was searched for is nowhere.

Searching for fragments again and again reads a tip without opening it, so supervisors see who searches unusually often
(tipportal/audit_trail/search_counts.py).
"""

from __future__ import annotations

from django.db import transaction

from core import audit
from core.models import Account

SEARCHED = "searched tips"
SUBJECT = "tips"
NOTHING_FOUND = "nothing found"


def record_search(officer: Account, found_count: int) -> None:
    """Write the line; committed before the result is shown. Must not be called in a transaction."""
    with transaction.atomic(durable=True):
        audit.record(officer, SEARCHED, SUBJECT, f"{found_count} found" if found_count else NOTHING_FOUND)
