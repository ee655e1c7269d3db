"""Stores sessions of the staff side in rows that a copy of the database does not open.

A row's key is a keyed hash of the key in the browser's cookie (BLAKE2b, from SECRET_KEY), so a stolen database or backup
signs nobody in. The signature of a row's content includes that hash. Content copied into another row doesn't load, so a person
with write access to the database can't turn their own session into an officer's.

Rows are in PostgreSQL and not in Redis: a restart of Redis must neither sign everyone out nor open a locked screen.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import StaffSession

_HASH_BYTES = 20  # as hexadecimal digits they fill the column
BEGAN, DEVICE = "began", "device"  # in a session's data; kept when the key changes


def hash_key(session_key: str) -> str:
    """Return what the database knows a session by."""
    key = hashlib.blake2b(settings.SECRET_KEY.encode(), digest_size=32, person=b"staff sessions").digest()
    return hashlib.blake2b(session_key.encode(), key=key, digest_size=_HASH_BYTES).hexdigest()


class SessionStore(DatabaseStore):
    """Django's store with hashed keys. `row` is the row of this session, or None without one."""

    row: StaffSession | None = None
    was_unknown = False  # whether the cookie had a key that no session has

    @classmethod
    def get_model_class(cls) -> type[StaffSession]:
        return StaffSession

    @property
    def hashed_key(self) -> str:
        return hash_key(self.session_key) if self.session_key else ""

    @property
    def key_salt(self) -> str:
        return f"core.sign_in.sessions.session_store {self.hashed_key}"

    def load(self) -> dict[str, Any]:
        self.row = StaffSession.objects.filter(pk=self.hashed_key, expire_date__gt=timezone.now()).first()
        if self.row is None:
            self._session_key = None
            self.was_unknown = True
            return {}
        return dict(self.decode(self.row.session_data))

    def exists(self, session_key: str) -> bool:
        return StaffSession.objects.filter(pk=hash_key(session_key)).exists()

    def create_model_instance(self, data: dict[str, Any]) -> StaffSession:
        now = timezone.now()
        began = data.get(BEGAN)
        return StaffSession(
            session_key=hash_key(self._get_or_create_session_key()),  # type: ignore[attr-defined]  # untyped there
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            account_id=data.get(SESSION_KEY),
            device=data.get(DEVICE, ""),
            began_at=dt.datetime.fromisoformat(began) if began else now,
            proved_at=now,
            active_at=now,
        )

    def save(self, must_create: bool = False) -> None:
        """Insert the row, or update its content without touching the lock, which other requests set meanwhile."""
        if self.session_key is None:
            self.create()
            return
        row = self.create_model_instance(self._get_session(no_load=must_create))  # type: ignore[attr-defined]
        if must_create:
            self._insert(row)
            return
        columns = ("session_data", "expire_date", "account_id", "device", "began_at")
        if not StaffSession.objects.filter(pk=row.pk).update(**{name: getattr(row, name) for name in columns}):
            raise UpdateError

    def _insert(self, row: StaffSession) -> None:
        try:
            with transaction.atomic():
                row.save(force_insert=True)
        except IntegrityError:
            raise CreateError from None
        self.row = row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            StaffSession.objects.filter(pk=hash_key(key)).delete()
