"""Files on their way in: asked for here, taken in by the bulk worker.

A run that waits has its files in INCIDENT_UPLOADS/<its number>/ until it is over; one that a guard stopped keeps them until
staff decide. The row is the truth: a lost message is sent again by `sweep`, and a folder without a run that needs it goes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import InterfaceError, OperationalError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from core import audit, queue
from core.models import Account
from crimemap.importing import pipeline
from crimemap.importing.arrival import feed_monitor
from crimemap.models import ImportRun, Source

log = logging.getLogger(__name__)

State = ImportRun.RunState
OPEN_STATES = (State.WAITING, State.RUNNING)
_RESENT_AFTER = dt.timedelta(minutes=1)
_STRAY_AFTER = dt.timedelta(days=1)
_FORCED, _TRIES = ".forced", ".tries"
MAX_ATTEMPTS = 3  # of a file that kills whoever reads it


class ImportNotPossibleError(Exception):
    """The message is a sentence that says why and what to do; nothing was done."""


class SourceBusyError(ImportNotPossibleError):
    """Another import of the source is not over."""


class IncomingFile(Protocol):
    """A file that somebody sent: its name as they gave it, and its content."""

    @property
    def name(self) -> str | None: ...

    def chunks(self) -> Iterator[bytes]: ...


def run_folder(run: ImportRun) -> Path:
    """Where the run's files are. Raises NotPossibleError where there is no folder for them."""
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        raise ImportNotPossibleError(
            _("This server has no folder for uploads (INCIDENT_UPLOADS). Import by command, or set it.")
        )
    return Path(uploads) / str(run.pk)


def run_files(run: ImportRun) -> list[Path]:
    """The run's files, in the order in which they were sent; none once it is over."""
    folder = run_folder(run)
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
) -> ImportRun:
    """Keep the files and ask the worker to import them. Raises NotPossibleError, also while another import of the source
    is not over; OSError when the disk is full."""
    Source.objects.select_for_update().get(pk=source.pk)
    _refuse_second(source)
    names = ", ".join(safe_file_name(file.name) for file in files)
    run = ImportRun.objects.create(
        source=source,
        origin=origin,
        by=by if isinstance(by, Account) else None,
        file_name=names[:200],
        dry_run=dry_run,
        full_snapshot=full_snapshot,
    )
    _fill(run, files)
    what = [word for word, given in (("dry run", dry_run), ("whole period", full_snapshot)) if given]
    audit.record(by, "asked for an import", f"source {source.slug}", f"import {run.pk}: {', '.join([names, *what])}")
    send_import_task(run)
    return run


def send_import_task(run: ImportRun) -> None:
    queue.send_on_commit("crimemap.bulk.run_import", run.pk)


def safe_file_name(name: str | None) -> str:
    """A file's own name, safe as one: no folder, no odd character, at most 100 characters."""
    own = re.split(r"[/\\]", name or "")[-1]
    return re.sub(r"[^\w.()+ -]", "_", own).strip(". ")[-100:] or "file"


def _refuse_second(source: Source) -> None:
    """Raises BusyError while an import of the source waits or is under way. One that was killed holds no lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [pipeline.LOCK_CLASS, source.pk])
        free = cursor.fetchone()[0]
        if free:
            cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [pipeline.LOCK_CLASS, source.pk])
    if not free or ImportRun.objects.filter(source=source, state=State.WAITING).exists():
        raise SourceBusyError(_("Another import of this source is not over. Wait for it."))


def _fill(run: ImportRun, files: Sequence[IncomingFile]) -> None:
    """The run's folder: 1/first.csv, 2/second.csv."""
    folder = run_folder(run)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that was never committed
    try:
        for number, file in enumerate(files, 1):
            (folder / str(number)).mkdir(mode=0o770, parents=True)
            _keep(file, folder / str(number) / safe_file_name(file.name))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def store_for_decision(run: ImportRun, path: Path) -> None:
    """A dropped file that a guard stopped: staff may still release it. Without a folder or room for it they import it anew."""
    with contextlib.suppress(ImportNotPossibleError, OSError), path.open("rb") as file:
        _fill(run, [UploadedFile(file, path.name)])


def _keep(file: IncomingFile, path: Path) -> None:
    """Rename what the web server wrote beside it already, copy what it holds in memory."""
    written = getattr(file, "temporary_file_path", None)
    if written is not None and Path(written()).parent == settings.INCIDENT_UPLOADS:
        Path(written()).rename(path)
    else:
        with path.open("xb") as kept:
            for piece in file.chunks():
                kept.write(piece)
    path.chmod(0o660)
    with path.open("rb") as kept:
        os.fsync(kept.fileno())


def release_run(run: ImportRun, by: Account) -> None:
    """Import all the same what a guard stopped. Raises NotPossibleError."""
    with transaction.atomic():
        _decide(run, by, State.WAITING, "released an import")
        (run_folder(run) / _FORCED).touch()
        send_import_task(run)


def discard_run(run: ImportRun, by: Account) -> None:
    """Leave it at that: nothing of a stopped run was stored. Raises NotPossibleError."""
    _decide(run, by, State.DISCARDED, "discarded an import")
    transaction.on_commit(lambda: remove_files(run))


@transaction.atomic
def _decide(run: ImportRun, by: Account, state: str, action: str) -> None:
    Source.objects.select_for_update().get(pk=run.source_id)
    run.refresh_from_db()
    if run.state != State.STOPPED:
        raise ImportNotPossibleError(_("Somebody has decided about this import already."))
    if state == State.WAITING and not run_files(run):
        raise ImportNotPossibleError(_("The file of this import is gone. Import it anew."))
    if state == State.WAITING:
        _refuse_second(run.source)
    run.state = state
    run.save(update_fields=["state"])
    audit.record(by, action, f"source {run.source.slug}", f"import {run.pk}: {run.file_name}")


# The worker's side


def process_run(run_id: int) -> None:
    """Import what waits under this number. Does nothing for a run that is over, or that another worker is at."""
    run = ImportRun.objects.select_related("source").filter(pk=run_id, state__in=OPEN_STATES).first()
    if run is None:
        return
    files = run_files(run)
    if not files and run.state == State.WAITING:
        _fail(run, _("The file of this import is gone. Import it anew."))
    if not files:
        return
    if record_attempt(run_folder(run) / _TRIES) > MAX_ATTEMPTS:
        _fail(run, _("The import broke off %(count)s times. Nothing was stored.") % {"count": MAX_ATTEMPTS})
        remove_files(run)
        return
    try:
        import_files(run, files, force=(run_folder(run) / _FORCED).exists())
    except pipeline.ImportRunningError:
        (run_folder(run) / _TRIES).unlink()
        return  # sent again by the sweep
    if run.state != State.STOPPED or run.dry_run:
        remove_files(run)


def _fail(run: ImportRun, message: str) -> None:
    run.state, run.finished_at, run.message = State.FAILED, timezone.now(), message
    run.save(update_fields=["state", "finished_at", "message"])


def record_attempt(mark: Path) -> int:
    """How often something was begun, this time included: a byte each in `mark`, written before it can kill the worker."""
    with mark.open("ab") as file:
        file.write(b".")
        file.flush()
        os.fsync(file.fileno())
        return file.tell()


def import_files(run: ImportRun, files: Sequence[Path], *, force: bool = False) -> None:
    """Import files as this run, and tell administrators if it went wrong with nobody watching.

    Raises importing.BusyError while another import of the source runs, and OperationalError or InterfaceError when the
    database is away; whatever else goes wrong ends as the run's state and message.
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
    shutil.rmtree(run_folder(run), ignore_errors=True)


def unfinished_run_ids() -> list[int]:
    """Runs whose message was probably lost, or whose worker was killed."""
    before = timezone.now() - _RESENT_AFTER
    return list(
        ImportRun.objects.filter(state__in=OPEN_STATES, asked_at__lt=before).order_by("pk").values_list("pk", flat=True)
    )


def remove_stray_folders() -> None:
    """Remove what no run needs any more: left by a kill between two steps."""
    uploads = settings.INCIDENT_UPLOADS
    if uploads is None or not uploads.is_dir():
        return
    needed = set(
        map(str, ImportRun.objects.filter(state__in=(*OPEN_STATES, State.STOPPED)).values_list("pk", flat=True))
    )
    before = (timezone.now() - _STRAY_AFTER).timestamp()
    for entry in uploads.iterdir():
        if entry.name not in needed and entry.lstat().st_mtime < before:
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry, ignore_errors=True)
            else:
                entry.unlink(missing_ok=True)
