"""When the screen of a session is locked. The lock is the server's: a locked session reaches the lock page and nothing else.

It locks when its person has done nothing for STAFF_LOCK_MINUTES, when they press "Lock", and twelve hours after a factor last
opened it. Sources: CJIS Security Policy 6.0, AC-11 (device lock after 30 minutes at most); NIST SP 800-63B, 4.2.3 (AAL2: a
factor at least every 12 hours).
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest
from django.utils import timezone

from core.models import StaffSession
from core.sign_in.sessions.session_store import SessionStore

LONGEST = dt.timedelta(hours=12)
# Activity is written down at most this often.
_MARK_EVERY = dt.timedelta(minutes=1)


class LockReason(StrEnum):
    IDLE = "idle"
    LONG = "long"  # twelve hours since the last factor
    ASKED = "asked"  # by the button


def find_lock(row: StaffSession) -> LockReason | None:
    """Return why the session is locked, or None if it is open."""
    now = timezone.now()
    if row.proved_at <= now - LONGEST:
        return LockReason.LONG
    if row.is_locked:
        return LockReason.ASKED
    return LockReason.IDLE if row.active_at <= now - _idle_limit() else None


def count_seconds_left(row: StaffSession) -> int:
    """Return in how many seconds the session locks if its person does nothing; 0 if it is locked."""
    if find_lock(row) is not None:
        return 0
    locks_at = min(row.active_at + _idle_limit(), row.proved_at + LONGEST)
    return max(0, int((locks_at - timezone.now()).total_seconds()))


def mark_activity(row: StaffSession) -> None:
    """Note that the session's person did something. One small write a minute; it opens no session locked meanwhile."""
    now = timezone.now()
    if row.active_at > now - _MARK_EVERY:
        return
    still_open = StaffSession.objects.filter(pk=row.pk, is_locked=False, active_at__gt=now - _idle_limit())
    expires = now + dt.timedelta(seconds=settings.SESSION_COOKIE_AGE)
    if still_open.update(active_at=now, expire_date=expires):
        row.active_at = now


def lock(row: StaffSession) -> None:
    StaffSession.objects.filter(pk=row.pk).update(is_locked=True)


def renew(request: HttpRequest) -> None:
    """Open the session after a factor: under a new key (OWASP ASVS 5.0, 7.2.4), for the next twelve hours."""
    request.session.cycle_key()


def read_row(request: HttpRequest) -> StaffSession | None:
    """Return the row of the session that someone is signed in with, else None."""
    session = request.session
    assert isinstance(session, SessionStore)
    return session.row if SESSION_KEY in session else None


def _idle_limit() -> dt.timedelta:
    return dt.timedelta(minutes=settings.STAFF_LOCK_MINUTES)
