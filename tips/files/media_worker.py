"""The media worker: rebuild residents' files in a sandbox, seal the result, and destroy the originals.

The row is the truth, the queue only hurries it: `sweep` takes up rows that the queue lost or a killed worker left. One
worker at a time has a file, by an advisory lock of PostgreSQL that is released the moment its holder dies. An attempt is
counted and committed before the file is opened, so a file that kills the worker is known by its count, and refused.

This process parses strangers' files, so it can open waiting files and nothing else: its own key pair is replaced daily, and
it may read neither the tip of a file's row nor its sealed label.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from celery import shared_task
from celery.signals import worker_init
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

import file_cleaning
from core.advisory_locks import try_advisory_lock
from core.roles import Role
from file_cleaning import FileRefusedError, MediaKind, NoRamFolderError, RefusalReason, SandboxError
from file_cleaning.host_requirements import find_missing_requirements
from tips import vault
from tips.files import rebuilt_file, sealed_store, worker_keys
from tips.models import ROUNDING, Attachment, rounded_now

log = logging.getLogger(__name__)

MAX_ATTEMPTS = 3
_KEY_RETIRED_TRIES = 3
_PROGRESS_SECONDS = 1.0
# The columns this role may read; grants.sql has the same.
_COLUMNS = ("id", "state", "attempts", "file", "worker_key", "key_for_worker")

AttachmentState = Attachment.AttachmentState


class _RowGoneError(Exception):
    """The tip was deleted while its file was being rebuilt."""


@shared_task(name="tips.media.rebuild")  # type: ignore[untyped-decorator]
def rebuild(attachment_id: str) -> None:
    """Rebuild one file. Does nothing if that is done, another worker has the file, or the tip is gone."""
    _rebuild_if_free(UUID(attachment_id))


@shared_task(name="tips.media.sweep")  # type: ignore[untyped-decorator]
def sweep(*, videos: bool = False) -> None:
    """Rebuild the waiting files that no worker has: videos, or all others. Files put back a moment ago wait some minutes."""
    just_put_back = {"state": AttachmentState.RECEIVED, "started_at__gt": timezone.now() - ROUNDING}
    for row in _waiting_rows().exclude(**just_put_back):
        if _is_video(row) == videos:
            _rebuild_if_free(row.id)


@shared_task(name="tips.media.tend")  # type: ignore[untyped-decorator]
def tend() -> None:
    """Replace the worker's keys when they are a day old, and remove files that no tip has."""
    worker_keys.renew()
    worker_keys.destroy_old(needed=set(_waiting_rows().values_list("worker_key", flat=True)))
    sweep_store()
    file_cleaning.remove_abandoned_workspaces()


def sweep_store() -> None:
    """Remove sealed files that have no row and were not written to for an hour: never sent, or of a deleted tip."""
    stale = sealed_store.list_stale_files()
    attached = set(Attachment.objects.filter(file__in=stale).values_list("file", flat=True))
    # Listed a second time: a file that was sent meanwhile was touched before its row was written.
    sealed_store.remove_files((set(stale) - attached) & set(sealed_store.list_stale_files()))


def _waiting_rows() -> QuerySet[Attachment]:
    return Attachment.objects.filter(key_for_worker__isnull=False).order_by("received_at", "pk").only(*_COLUMNS)


def _is_video(row: Attachment) -> bool:
    """Read the kind from the end of the sealed file. A file that does not open counts as no video, and is refused later."""
    with suppress(vault.SealError, vault.KeyMissingError, OSError), _open_original(row) as original:
        return bool(original.content.get("kind") == MediaKind.VIDEO)
    return False


def _open_original(row: Attachment) -> sealed_store.Reader:
    assert row.file is not None
    assert row.key_for_worker is not None
    key = vault.open_key_with(row.key_for_worker, row.worker_key, settings.MEDIA_PRIVATE_KEYS)
    return sealed_store.Reader(row.file, key)


def _rebuild_if_free(attachment_id: UUID) -> None:
    with try_advisory_lock(attachment_id) as alone:
        row = _waiting_rows().filter(pk=attachment_id).first() if alone else None
        if row is not None:
            _run(row, RebuildAttempt(row.id, row.attempts, row.file))


def _run(row: Attachment, attempt: RebuildAttempt) -> None:
    """Rebuild one file and write the result to its row. If this process dies, the next attempt sees the count."""
    if row.attempts >= MAX_ATTEMPTS:
        attempt.refuse(RefusalReason.DEADLY)
        return
    try:
        with _open_original(row) as original:
            attempt.begin()
            file, key = _rebuild_and_seal(original, attempt.report_progress)
        attempt.finish(file, key)
    except FileRefusedError as refused:
        attempt.refuse(refused.reason)
    except vault.SealError:
        attempt.refuse(RefusalReason.DAMAGED)
    except _RowGoneError:
        return
    except (SandboxError, NoRamFolderError, sealed_store.StoreFullError, vault.KeyMissingError, OSError) as error:
        # Store, keys or memory may come back: no file is given up for them.
        log.error("a file cannot be cleaned on this machine now: %s: %s", type(error).__name__, error)
        attempt.put_back()


def _rebuild_and_seal(original: sealed_store.Reader, progress: Callable[[int], None]) -> tuple[UUID, bytes]:
    """Return id and key of the rebuilt file. All plaintext is in memory only, and removed at the end."""
    with file_cleaning.open_workspace(allow_disk=settings.DEMO) as folder:
        source, into = folder / "original", folder / "rebuilt"
        into.mkdir()
        with source.open("wb") as stream:
            stream.writelines(original.read())
        rebuilt = file_cleaning.rebuild(source, into, progress)
        source.unlink()
        return rebuilt_file.seal(rebuilt)


@dataclass(slots=True)
class RebuildAttempt:
    """One attempt to rebuild one file. Its updates change the row only while that still has this attempt's number."""

    id: UUID
    attempts: int
    original: UUID | None
    _is_begun: bool = False
    _reported_at: float = field(default_factory=time.monotonic)

    @property
    def row(self) -> QuerySet[Attachment]:
        return Attachment.objects.filter(pk=self.id, attempts=self.attempts, key_for_worker__isnull=False)

    def begin(self) -> None:
        """Count this attempt and mark the file as being cleaned. Raises _RowGoneError."""
        attempts = self.attempts + 1
        if not self.row.update(state=AttachmentState.REBUILDING, attempts=attempts, started_at=None, progress=0):
            raise _RowGoneError
        self.attempts, self._is_begun = attempts, True

    def put_back(self) -> None:
        """Let the file wait again, without counting this attempt."""
        earlier_attempts = self.attempts - self._is_begun
        self.row.update(state=AttachmentState.RECEIVED, attempts=earlier_attempts, started_at=rounded_now(), progress=0)

    def report_progress(self, percent: int) -> None:
        """Write the percentage, at most once a second. Raises _RowGoneError, which ends the rebuilding."""
        if time.monotonic() - self._reported_at < _PROGRESS_SECONDS:
            return
        self._reported_at = time.monotonic()
        if not self.row.update(progress=percent):
            raise _RowGoneError

    def refuse(self, reason: RefusalReason) -> None:
        """Mark the file as refused, and destroy it."""
        self._write_result(state=AttachmentState.REFUSED, reason=reason, file=None, key_for_agency=b"")

    def finish(self, file: UUID, key: bytes) -> None:
        """Put the rebuilt file in the place of the original, which is destroyed."""
        for tries in range(_KEY_RETIRED_TRIES):
            key_id, sealed = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
            ready = {"state": AttachmentState.READY, "file": file, "progress": 100}
            try:
                is_written = self._write_result(**ready, agency_key=key_id, key_for_agency=sealed)
            except IntegrityError:  # that key was retired just now
                if tries == _KEY_RETIRED_TRIES - 1:
                    raise
            else:
                break
        if not is_written:
            sealed_store.remove_files([file])

    def _write_result(self, **columns: Any) -> bool:
        with transaction.atomic():
            is_written = bool(self.row.update(**columns, key_for_worker=None, worker_key="", started_at=None))
        if is_written and self.original is not None:
            # Its keys are gone with the row's update; if the disk fails here, the sweep removes the file.
            with suppress(OSError):
                sealed_store.remove_files([self.original])
        return is_written


# The start of a worker


@worker_init.connect  # type: ignore[untyped-decorator]
def refuse_unsafe_start(**_: object) -> None:
    """Create a media worker's keys, and exit in production without memory for plaintext and a sandbox without network."""
    if settings.ROLE is not Role.MEDIA:
        return
    if missing := find_missing_requirements():
        if not settings.DEMO:
            sys.exit(f"The media worker does not start. {' '.join(missing)}")
        log.warning("not safe enough for real tips: %s", " ".join(missing))
    worker_keys.renew()
