"""Import jobs: web processes store the files that arrive, the bulk worker imports them.

A waiting run has its files in INCIDENT_UPLOADS/<its number>/ until it is over; a run that a sanity check stopped keeps them
until staff decide. The row is the truth: lost messages are sent again, and folders that no run needs are removed.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit, queue
from core.models import Account
from crimemap.importing import import_undo, pipeline, sanity_checks, source_deletion, source_lock
from crimemap.importing.arrival import feed_monitor
from crimemap.models import ImportRun, Source

log = logging.getLogger(__name__)

State = ImportRun.RunState
OPEN_STATES = (State.WAITING, State.RUNNING)
_RESEND_AFTER = dt.timedelta(minutes=1)
_STRAY_AFTER = dt.timedelta(days=1)
# The folder of a source that is still being set up is draft-<number>: its file goes after some days.
DRAFT_PREFIX, DRAFT_FILES_KEPT = "draft-", dt.timedelta(days=7)
# Marks in a run's folder: staff released it; a byte for each attempt to import it.
_FORCED_MARK, _ATTEMPTS_MARK = ".forced", ".tries"
MAX_ATTEMPTS = 3  # with a file that kills the worker


class ImportNotPossibleError(Exception):
    """The request was not carried out. The message is a sentence that says why, and what to do."""


class SourceBusyError(ImportNotPossibleError):
    """Another import of the source is waiting or running."""


class IncomingFile(Protocol):
    """A file as it arrives: its sender's name for it, and its content."""

    @property
    def name(self) -> str | None: ...

    def chunks(self) -> Iterator[bytes]: ...


def uploads_folder() -> Path:
    """Raises ImportNotPossibleError if the server has no folder for uploads."""
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        raise ImportNotPossibleError(
            _("This server has no folder for uploads. Set INCIDENT_UPLOADS, or import by command.")
        )
    return Path(uploads)


def run_folder(run: ImportRun) -> Path:
    """Return the folder of the run's files. Raises ImportNotPossibleError if the server has none for uploads."""
    return uploads_folder() / str(run.pk)


def run_files(run: ImportRun) -> list[Path]:
    """Return the run's files in the order in which they were sent; none once it is over."""
    return list_files(run_folder(run))


def list_files(folder: Path) -> list[Path]:
    """Return the files that store_files() stored in a folder, in their order."""
    numbered = sorted(folder.glob("[0-9]*"), key=lambda path: int(path.name)) if folder.is_dir() else []
    return [file for number in numbered for file in number.iterdir()]


@transaction.atomic
def request_import(
    source: Source,
    files: Sequence[IncomingFile],
    *,
    origin: str,
    by: Account | str,
    dry_run: bool = False,
    full_snapshot: bool = False,
    snapshot_period: tuple[dt.date, dt.date] | None = None,
) -> ImportRun:
    """Store the files and ask the worker to import them. `snapshot_period`: first and last day of which the files hold
    everything (full_snapshot).

    Raises ImportNotPossibleError, as SourceBusyError while another import of the source is not over; OSError for a full disk.
    """
    Source.objects.select_for_update().get(pk=source.pk)
    _refuse_if_busy(source)
    names = ", ".join(safe_file_name(file.name) for file in files)
    run = ImportRun.objects.create(
        source=source,
        origin=origin,
        by=by if isinstance(by, Account) else None,
        file_name=names[:200],
        dry_run=dry_run,
        full_snapshot=full_snapshot,
        snapshot_from=snapshot_period[0] if snapshot_period else None,
        snapshot_to=snapshot_period[1] if snapshot_period else None,
    )
    try:
        sanity_checks.refuse_unpublished_source(run)
    except sanity_checks.SourceNotPublishedError as error:
        raise ImportNotPossibleError(str(error)) from None
    store_files(run_folder(run), files)
    options = [word for word, chosen in (("test run", dry_run), ("whole period", full_snapshot)) if chosen]
    audit.record(by, "requested an import", f"source {source.slug}", f"import {run.pk}: {', '.join([names, *options])}")
    send_import_task(run)
    return run


@transaction.atomic
def request_undo(run: ImportRun, by: Account) -> ImportRun:
    """Ask the worker to take an import back. Raises ImportNotPossibleError."""
    source = Source.objects.select_for_update().get(pk=run.source_id)
    _refuse_if_busy(source)
    if import_undo.find_undoable(source) != run:
        raise ImportNotPossibleError(
            _(
                "Only the newest import of a source can be undone, and then the one before it. This import is an older one."
            )
        )
    undo = ImportRun.objects.create(
        source=source, origin=ImportRun.Origin.UNDO, by=by, file_name=run.file_name, undoes=run
    )
    audit.record(by, "took an import back", f"source {source.slug}", f"import {run.pk}: {run.file_name}")
    send_import_task(undo)
    return undo


@transaction.atomic
def request_deletion(source: Source, by: Account) -> None:
    """Ask the worker to delete a source and all that came from it. Its API token is dead at once.

    Raises ImportNotPossibleError.
    """
    source = Source.objects.select_for_update().get(pk=source.pk)
    _refuse_if_busy(source)
    counts = source_deletion.preview_deletion(source)
    Source.objects.filter(pk=source.pk).update(api_token_hash=None)
    run = ImportRun.objects.create(source=source, origin=ImportRun.Origin.DELETE, by=by)
    audit.record(
        by,
        "deleted an incident source",
        f"source {source.slug}",
        f"{source.name}: {counts.incidents} incidents, {counts.imports} imports, {counts.codes} codes",
    )
    send_import_task(run)


def send_import_task(run: ImportRun) -> None:
    queue.send_on_commit("crimemap.bulk.run_import", run.pk)


def safe_file_name(name: str | None) -> str:
    """Return a file's name without folders and unusual characters, at most 100 characters long."""
    base = re.split(r"[/\\]", name or "")[-1]
    return re.sub(r"[^\w.()+ -]", "_", base).strip(". ")[-100:] or "file"


def _refuse_if_busy(source: Source) -> None:
    """Raises SourceBusyError while an import of the source waits or runs. One that was killed holds no lock."""
    with source_lock.try_lock(source) as is_free:
        pass
    if not is_free or ImportRun.objects.filter(source=source, state=State.WAITING).exists():
        raise SourceBusyError(_("Another import of this source is still running. Wait until it is done."))


def store_files(folder: Path, files: Sequence[IncomingFile]) -> None:
    """Fill a run's folder: 1/first.csv, 2/second.csv."""
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was never committed
    try:
        for number, file in enumerate(files, 1):
            (folder / str(number)).mkdir(mode=0o770, parents=True)
            _store_file(file, folder / str(number) / safe_file_name(file.name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def store_for_decision(run: ImportRun, path: Path) -> None:
    """Store a dropped file that a sanity check stopped, so that staff can release it. Without room they drop it again."""
    with contextlib.suppress(ImportNotPossibleError, OSError), path.open("rb") as file:
        store_files(run_folder(run), [UploadedFile(file, path.name)])


def _store_file(file: IncomingFile, path: Path) -> None:
    """Rename a temporary file of the same file system; copy one that is in memory or elsewhere."""
    temporary_path = getattr(file, "temporary_file_path", None)
    if temporary_path is not None and Path(temporary_path()).parent == settings.INCIDENT_UPLOADS:
        Path(temporary_path()).rename(path)
    else:
        with path.open("xb") as copy:
            for piece in file.chunks():
                copy.write(piece)
    path.chmod(0o660)
    with path.open("rb") as stored:
        os.fsync(stored.fileno())


def release_run(run: ImportRun, by: Account) -> None:
    """Import the files of a stopped run without sanity checks. Raises ImportNotPossibleError."""
    with transaction.atomic():
        _decide(run, by, State.WAITING, "released an import")
        (run_folder(run) / _FORCED_MARK).touch()
        send_import_task(run)


def confirm_real_place(run: ImportRun, by: Account) -> None:
    """Remember the point that stopped a run as a real place, so that no import of its source stops there again, and import the
    files with all other sanity checks. Raises ImportNotPossibleError."""
    with transaction.atomic():
        _decide(run, by, State.WAITING, "confirmed a place with many incidents")
        crowded = run.report.get("crowded")
        if not crowded:
            raise ImportNotPossibleError(_("This import was not stopped because of one point."))
        source = Source.objects.get(pk=run.source_id)
        source.real_places = [*source.real_places, [crowded["latitude"], crowded["longitude"]]]
        source.save(update_fields=["real_places"])
        send_import_task(run)


def discard_run(run: ImportRun, by: Account) -> None:
    """Give up a stopped run; nothing of it was stored. Raises ImportNotPossibleError."""
    _decide(run, by, State.DISCARDED, "discarded an import")
    transaction.on_commit(lambda: remove_files(run))


@transaction.atomic
def _decide(run: ImportRun, by: Account, state: str, action: str) -> None:
    Source.objects.select_for_update().get(pk=run.source_id)
    run.refresh_from_db()
    if run.state != State.STOPPED:
        raise ImportNotPossibleError(_("Someone has already decided about this import."))
    if state == State.WAITING and not run_files(run):
        raise ImportNotPossibleError(_("The file of this import is gone. Import the file again."))
    if state == State.WAITING:
        _refuse_if_busy(run.source)
    run.state = state
    run.save(update_fields=["state"])
    audit.record(by, action, f"source {run.source.slug}", f"import {run.pk}: {run.file_name}")


# In the worker


def process_run(run_id: int) -> None:
    """Import the files of a run. Does nothing for a run that is over, or that another worker is importing."""
    run = ImportRun.objects.select_related("source").filter(pk=run_id, state__in=OPEN_STATES).first()
    if run is None:
        return
    if run.origin == ImportRun.Origin.UNDO:
        import_undo.take_back(run)  # unfinished_run_ids() sends it again while another import is running
        return
    if run.origin == ImportRun.Origin.DELETE:
        remove_folders(source_deletion.delete_source(run) or ())
        return
    files = run_files(run)
    if not files and run.state == State.WAITING:
        _fail(run, _("The file of this import is gone. Import the file again."))
    if not files:
        return
    if count_attempt(run_folder(run) / _ATTEMPTS_MARK) > MAX_ATTEMPTS:
        _fail(run, _("The import stopped unexpectedly %(count)s times. Nothing was stored.") % {"count": MAX_ATTEMPTS})
        remove_files(run)
        return
    try:
        import_files(run, files, force=(run_folder(run) / _FORCED_MARK).exists())
    except pipeline.ImportRunningError:
        (run_folder(run) / _ATTEMPTS_MARK).unlink()
        return  # unfinished_run_ids() sends it again
    if run.state != State.STOPPED or run.dry_run:
        remove_files(run)


def _fail(run: ImportRun, message: str) -> None:
    run.state, run.finished_at, run.message = State.FAILED, timezone.now(), message
    run.save(update_fields=["state", "finished_at", "message"])


def count_attempt(mark: Path) -> int:
    """Count an attempt, a byte each in the file `mark`, before it can kill the worker; return how many there were."""
    with mark.open("ab") as file:
        file.write(b".")
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def import_files(run: ImportRun, files: Sequence[Path], *, force: bool = False) -> None:
    """Import files as this run, and mail administrators about an unattended import that went wrong.

    Raises ImportRunningError while another import of the source runs, OperationalError or InterfaceError when the database
    is away; any other error becomes the run's state and message.
    """
    try:
        pipeline.run_import(run, files, force=force)
    except (pipeline.ImportRunningError, OperationalError, InterfaceError):
        raise
    except Exception as error:
        log.exception("an import broke off (%s)", type(error).__name__)
        if run.state != State.FAILED:
            raise
    feed_monitor.mail_about_failed_import(run)


def remove_files(run: ImportRun) -> None:
    """Remove the files of a run that is over."""
    remove_folders([run.pk])


def remove_folders(run_ids: Iterable[int]) -> None:
    """Remove the files of runs by their numbers, which may be gone from the database."""
    if settings.INCIDENT_UPLOADS is not None:
        for run_id in run_ids:
            shutil.rmtree(Path(settings.INCIDENT_UPLOADS) / str(run_id), ignore_errors=True)


def unfinished_run_ids() -> list[int]:
    """Return the runs whose message was probably lost or whose worker was killed, oldest first."""
    before = timezone.now() - _RESEND_AFTER
    return list(
        ImportRun.objects.filter(state__in=OPEN_STATES, asked_at__lt=before).order_by("pk").values_list("pk", flat=True)
    )


def remove_stray_folders() -> None:
    """Remove files in INCIDENT_UPLOADS that no run needs: left by a process killed between two steps."""
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        return
    needed = set(
        map(str, ImportRun.objects.filter(state__in=(*OPEN_STATES, State.STOPPED)).values_list("pk", flat=True))
    )
    now = timezone.now()
    for entry in uploads.iterdir():
        kept_for = DRAFT_FILES_KEPT if entry.name.startswith(DRAFT_PREFIX) else _STRAY_AFTER
        if entry.name not in needed and entry.lstat().st_mtime < (now - kept_for).timestamp():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
