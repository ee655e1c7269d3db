"""The agency's settings as they are now: those stored in the admin, and the environment's where nothing is stored.

`current()` is called many times a page, so it reads memory. A process asks the database for a newer edition at most every few
seconds; pages that must render while the database is away go on with what was read last.
"""

from __future__ import annotations

import logging
import re
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError, InterfaceError
from django.utils.translation import gettext as _

from core.agency import leave_sites
from core.models import AgencySettings

log = logging.getLogger(__name__)

CHECK_SECONDS = 3.0
MEGABYTE = 1024**2


@dataclass(frozen=True, slots=True)
class Agency:
    """The settings that count together. `crisis_lines` are written name=number; empty colors are the portal's own.

    `crest` and `home_picture` are digests (core/agency/pictures.py), "" for none.
    """

    name: str
    city: str
    emergency_number: str
    non_emergency_number: str
    crisis_lines: tuple[str, ...]
    contact: str
    leave_url: str
    tip_retention_days: int
    tip_max_files: int
    tip_max_bytes: int
    allows_self_approval: bool
    privacy_text: str
    band_color: str
    action_color: str
    accent_color: str
    dispatch_number: str
    crest: str
    home_picture: str


@dataclass(slots=True)
class _Memory:
    stored: dict[str, Any] | None = None
    checked_at: float = float("-inf")


_memory = _Memory()


def current() -> Agency:
    """Return the settings that count now."""
    if time.monotonic() - _memory.checked_at > CHECK_SECONDS:
        try:
            refresh()
        except (DatabaseError, InterfaceError) as error:
            log.warning("the agency's settings were not read again (%s)", type(error).__name__)
    return combine(_memory.stored or {})


def refresh() -> None:
    """Read the newest edition now. Raises DatabaseError or InterfaceError, and then keeps what was read before.

    The time is noted first: while the database hangs, one thread waits for it and the others don't.
    """
    _memory.checked_at = time.monotonic()
    _memory.stored = AgencySettings.objects.values_list("stored", flat=True).last() or {}


def read_newest() -> Agency:
    """Return the settings after asking the database, for work that an older edition would spoil. Raises as refresh() does."""
    refresh()
    return combine(_memory.stored or {})


def list_missing() -> list[str]:
    """Return which of name, city and contact neither the admin nor the environment has."""
    current()
    stored = _memory.stored or {}
    values = {"name": settings.AGENCY_NAME, "city": settings.CITY_NAME, "contact": settings.CONTACT}
    return [name for name, value in values.items() if not (stored.get(name) or value)]


def is_digest(text: object) -> bool:
    """Return whether the text is the SHA-256 of a file, as settings name pictures."""
    return isinstance(text, str) and re.fullmatch(r"[0-9a-f]{64}", text) is not None


def _read_digest(stored: dict[str, Any], name: str) -> str:
    digest = stored.get(name, "")
    return digest if is_digest(digest) else ""


def combine(stored: dict[str, Any]) -> Agency:
    """Return the settings with the environment's values where none is stored.

    What the environment alone may widen is checked here again, so that neither a changed row nor an older server's can.
    """
    leave_url = stored.get("leave_url", "")
    megabytes = stored.get("tip_max_megabytes")
    self_approval = stored.get("allows_self_approval")
    return Agency(
        name=stored.get("name") or settings.AGENCY_NAME or _("Police Department"),
        city=stored.get("city") or settings.CITY_NAME or _("the city"),
        emergency_number=stored.get("emergency_number") or settings.EMERGENCY_NUMBER,
        non_emergency_number=stored.get("non_emergency_number", ""),
        crisis_lines=tuple(stored.get("crisis_lines") or settings.CRISIS_LINES),
        contact=stored.get("contact") or settings.CONTACT,
        leave_url=leave_url if leave_sites.is_known(leave_url) else settings.LEAVE_URL,
        tip_retention_days=stored.get("tip_retention_days") or settings.TIP_RETENTION_DAYS,
        tip_max_files=stored.get("tip_max_files") or settings.TIP_MAX_FILES,
        tip_max_bytes=min(megabytes * MEGABYTE, settings.TIP_MAX_BYTES) if megabytes else settings.TIP_MAX_BYTES,
        allows_self_approval=settings.OUTREACH_SELF_APPROVAL if self_approval is None else self_approval,
        privacy_text=stored.get("privacy_text", ""),
        band_color=stored.get("band_color", ""),
        action_color=stored.get("action_color", ""),
        accent_color=stored.get("accent_color", ""),
        dispatch_number=stored.get("dispatch_number") or settings.DISPATCH_NUMBER,
        crest=_read_digest(stored, "crest"),
        home_picture=_read_digest(stored, "home_picture"),
    )
