"""Answers to load balancers and monitors: `/healthz` while this process works, `/readyz` with what the portal lacks.

Both come before the Host header is judged, since such programs ask by address. They are answered in English and name parts of
the portal only: anyone can ask.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse

from core import ephemeral_store
from core.web.middleware import SAFE_METHODS, GetResponse
from tipportal.deploy import processes
from tipportal.heartbeats import records, signs
from tipportal.version import VERSION
from tips import receipt_salt, vault

LIVE_PATH, READY_PATH = "/healthz", "/readyz"
# Between two looks, so that a flood of questions costs nothing.
SECONDS_BETWEEN_LOOKS = 2.0


class HealthMiddleware:
    """Answer the two paths on every host; outermost, so that nothing refuses the request first."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self._missing: list[str] | None = None
        self._looked_at = 0.0
        self._lock = threading.Lock()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method not in SAFE_METHODS or request.path not in (LIVE_PATH, READY_PATH):
            return self.get_response(request)
        missing = self._what_is_missing() if request.path == READY_PATH else []
        lines = "".join(f"missing: {name}\n" for name in missing) or "ok"
        response = HttpResponse(lines, status=503 if missing else 200, content_type="text/plain")
        # What the middleware further in would set.
        headers = {"Content-Length": str(len(lines)), "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        if settings.ROLE.serves_staff and request.path == READY_PATH:
            headers["X-Portal-Version"] = VERSION
        for name, value in headers.items():
            response.headers[name] = value
        return response

    def _what_is_missing(self) -> list[str]:
        """Return the names of missing parts; while another thread looks, what it found before."""
        if not self._lock.acquire(blocking=self._missing is None):
            return self._missing or []
        try:
            if self._missing is None or time.monotonic() - self._looked_at >= SECONDS_BETWEEN_LOOKS:
                self._missing = list_missing()
                self._looked_at = time.monotonic()
            return self._missing
        finally:
            self._lock.release()


def find_missing_database() -> list[str]:
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except (DatabaseError, InterfaceError):
        return ["database"]
    missing = [] if applied >= _known_migrations() else ["migrations"]
    return missing if is_database_open() else [*missing, "open database"]


def is_database_open() -> bool:
    """Return whether this role may write: during an upgrade nobody may (tipportal/deploy/upgrade/). Raises DatabaseError."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW default_transaction_read_only")
        return bool(cursor.fetchone()[0] == "off")


@cache
def _known_migrations() -> frozenset[tuple[str, str]]:
    return frozenset(MigrationLoader(None).disk_migrations or ())


def find_missing_workers() -> list[str]:
    """Return the names of workers and beat that don't run, or "memory store": a web process is asked itself."""
    return [name for name in find_stopped_parts() if name not in signs.WEB]


def find_stopped_parts() -> list[str]:
    """Return the names of processes that are late with their heartbeat, and of workers and beat that are not connected.

    Their connections bear the names that tipportal/celery.py gives them: one that ends is noticed at once. A process that is
    frozen or hangs keeps its connection.
    """
    try:
        connected = ephemeral_store.list_client_names()
    except ephemeral_store.StoreDownError:
        return ["memory store"]
    late = _list_late()
    workers = [process.name for process in (*processes.WORKERS, processes.BEAT)]
    return [
        *(name for name in workers if name not in connected or name in late),
        *(name for name in signs.WEB if name in late),
    ]


def _list_late() -> list[str]:
    """Return processes with late heartbeats. The public role may not read them; without a database none can be told."""
    try:
        late = records.list_late() if settings.ROLE.serves_staff else []
        # While no worker copies signs, those that give them only look late.
        fresh = signs.list_fresh() if late else []
    except (DatabaseError, InterfaceError, ephemeral_store.StoreDownError):
        return []
    return [process for process in late if process not in fresh]


def find_missing_keys() -> list[str]:
    """Look for what a tip cannot be accepted without."""
    missing = []
    if settings.ROLE.serves_public and not vault.key_files(settings.AGENCY_PUBLIC_KEYS, "pub"):
        missing.append("agency key")
    if settings.ROLE.serves_public and not _has_salt():
        missing.append("receipt salt")
    return missing


def _has_salt() -> bool:
    """Return whether the salt is here and the database's. That can't be told while the database is away."""
    if settings.RECEIPT_SALT is None or not settings.RECEIPT_SALT.is_file():
        return False
    try:
        receipt_salt.read_salt()
    except receipt_salt.KeyMissingError:
        return False
    except (DatabaseError, InterfaceError):
        pass
    return True


_FINDERS: tuple[Callable[[], list[str]], ...] = (find_missing_database, find_missing_workers, find_missing_keys)


def list_missing() -> list[str]:
    """Return the names of the parts that the portal lacks."""
    return [name for find in _FINDERS for name in find()]
