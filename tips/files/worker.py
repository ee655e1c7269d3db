"""The media worker: residents' files are opened into memory, rebuilt in a sandbox, sealed anew, and what was sent is destroyed.

The row is the truth, the queue only hurries it: `sweep` takes up what the queue lost or a killed worker left. A file is in
the hands of one worker at a time by a lock of PostgreSQL's, which is given back the moment its holder dies. An attempt is
counted and on the disk before the file is opened, so one that kills the worker is known by its count, and refused.

This process parses what strangers made, so it can open what waits for it and nothing else: its own pair of keys is replaced
daily, and it reads of a file's row neither whose it is nor what kind of file.
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
from core.advisory_locks import alone_with
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
# What may be read here; grants.sql has the same columns.
_COLUMNS = ("id", "state", "attempts", "file", "worker_key", "key_for_worker")

AttachmentState = Attachment.AttachmentState


class _GoneError(Exception):
    """The tip was deleted while its file was being rebuilt."""


@shared_task(name="tips.media.rebuild")  # type: ignore[untyped-decorator]
def rebuild(attachment_id: str) -> None:
    """Rebuild one file. Does nothing when that is done, or another worker is at it, or the tip is gone."""
    _take(UUID(attachment_id))


@shared_task(name="tips.media.sweep", expires=60)  # type: ignore[untyped-decorator]
def sweep(*, videos: bool = False) -> None:
    """Rebuild what waits and is in nobody's hands: the videos, or all the rest. What was just put back waits some minutes."""
    put_back = {"state": AttachmentState.RECEIVED, "started_at__gt": timezone.now() - ROUNDING}
    for row in _waiting().exclude(**put_back):
        if _is_video(row) == videos:
            _take(row.id)


@shared_task(name="tips.media.tend", expires=600)  # type: ignore[untyped-decorator]
def tend() -> None:
    """Replace the worker's keys when they are a day old, and remove files that no tip has."""
    worker_keys.renew()
    worker_keys.destroy_old(needed=set(_waiting().values_list("worker_key", flat=True)))
    sweep_store()
    file_cleaning.remove_abandoned_workspaces()


def sweep_store() -> None:
    """Remove sealed files that no row names and nobody wrote to for an hour: not sent, or of a tip that is gone."""
    unclaimed = sealed_store.list_stale_files()
    claimed = set(Attachment.objects.filter(file__in=unclaimed).values_list("file", flat=True))
    # Asked again: one that was sent meanwhile was touched before its row was written.
    sealed_store.remove_files((set(unclaimed) - claimed) & set(sealed_store.list_stale_files()))


def _waiting() -> QuerySet[Attachment]:
    return Attachment.objects.filter(key_for_worker__isnull=False).order_by("received_at", "pk").only(*_COLUMNS)


def _is_video(row: Attachment) -> bool:
    """Told by the end of the sealed file; one that does not open is taken with the photos, and refused there."""
    with suppress(vault.SealError, vault.KeyMissingError, OSError), _opened(row) as original:
        return bool(original.content.get("kind") == MediaKind.VIDEO)
    return False


def _opened(row: Attachment) -> sealed_store.Reader:
    assert row.file is not None
    assert row.key_for_worker is not None
    key = vault.open_key_with(row.key_for_worker, row.worker_key, settings.MEDIA_PRIVATE_KEYS)
    return sealed_store.Reader(row.file, key)


def _take(attachment_id: UUID) -> None:
    with alone_with(attachment_id) as alone:
        row = _waiting().filter(pk=attachment_id).first() if alone else None
        if row is not None:
            _attempt(row, RebuildAttempt(row.id, row.attempts, row.file))


def _attempt(row: Attachment, job: RebuildAttempt) -> None:
    """What comes of it is on the row afterwards, whatever happens; unless this process dies, which the next one sees."""
    if row.attempts >= MAX_ATTEMPTS:
        job.refuse(RefusalReason.DEADLY)
        return
    try:
        with _opened(row) as original:
            job.begin()
            file, key = _rebuilt(original, job.progress)
        job.finish(file, key)
    except FileRefusedError as refused:
        job.refuse(refused.reason)
    except vault.SealError:
        job.refuse(RefusalReason.DAMAGED)
    except _GoneError:
        return
    except (SandboxError, NoRamFolderError, sealed_store.StoreFullError, vault.KeyMissingError, OSError) as error:
        # Store, keys or memory may come back; nothing must be given up meanwhile.
        log.error("a file cannot be cleaned on this machine now: %s: %s", type(error).__name__, error)
        job.put_back()


def _rebuilt(original: sealed_store.Reader, progress: Callable[[int], None]) -> tuple[UUID, bytes]:
    """The rebuilt file's id and key. Its plaintext, as the original's, is in memory only, and gone afterwards."""
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
    """One attempt at one file. What it writes counts only while the row still says that this attempt is under way."""

    id: UUID
    attempts: int
    original: UUID | None
    _begun: bool = False
    _told: float = field(default_factory=time.monotonic)

    @property
    def row(self) -> QuerySet[Attachment]:
        return Attachment.objects.filter(pk=self.id, attempts=self.attempts, key_for_worker__isnull=False)

    def begin(self) -> None:
        """Raises _GoneError."""
        attempts = self.attempts + 1
        if not self.row.update(
            state=AttachmentState.REBUILDING, attempts=attempts, started_at=rounded_now(), progress=0
        ):
            raise _GoneError
        self.attempts, self._begun = attempts, True

    def put_back(self) -> None:
        """It waits again, and this attempt does not count."""
        before = self.attempts - self._begun
        self.row.update(state=AttachmentState.RECEIVED, attempts=before, started_at=rounded_now(), progress=0)

    def progress(self, percent: int) -> None:
        """Raises _GoneError, which ends the rebuilding."""
        if time.monotonic() - self._told < _PROGRESS_SECONDS:
            return
        self._told = time.monotonic()
        if not self.row.update(progress=percent):
            raise _GoneError

    def refuse(self, reason: RefusalReason) -> None:
        self._end(state=AttachmentState.REFUSED, reason=reason, file=None, key_for_agency=b"")

    def finish(self, file: UUID, key: bytes) -> None:
        """The rebuilt file takes the place of the original, which is destroyed."""
        for attempt in range(_KEY_RETIRED_TRIES):
            key_id, sealed = vault.seal_key_to_newest(key, settings.AGENCY_PUBLIC_KEYS)
            ready = {"state": AttachmentState.READY, "file": file, "progress": 100}
            try:
                done = self._end(**ready, agency_key=key_id, key_for_agency=sealed)
            except IntegrityError:  # that key was retired just now
                if attempt == _KEY_RETIRED_TRIES - 1:
                    raise
            else:
                break
        if not done:
            sealed_store.remove_files([file])

    def _end(self, **columns: Any) -> bool:
        with transaction.atomic():
            done = self.row.update(**columns, key_for_worker=None, worker_key="")
        if done and self.original is not None:
            # Its keys went with the row; what stays here when the disk fails is swept.
            with suppress(OSError):
                sealed_store.remove_files([self.original])
        return bool(done)


# The start of a worker


@worker_init.connect  # type: ignore[untyped-decorator]
def refuse_unsafe_start(**_: object) -> None:
    """A media worker makes its keys first. In production it wants memory for plaintext, and a sandbox without network."""
    if settings.ROLE is not Role.MEDIA:
        return
    if missing := find_missing_requirements():
        if not settings.DEMO:
            sys.exit(f"The media worker does not start. {' '.join(missing)}")
        log.warning("not safe enough for real tips: %s", " ".join(missing))
    worker_keys.renew()
