"""The folder that agencies' systems drop files into: INCIDENT_DROP_DIR/<source>/, scanned every minute.

A file is taken once it has settled: same size and time in two scans, and not written for half a minute. It is first moved
into `.taken/`, so that nobody can replace it, and later to `done/<date>/`, or to `failed/` with a report beside it. After a
killed scan the next one finds the file in `.taken/`. Importing the same file twice changes nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shutil
import stat
import time
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from crimemap.importing import pipeline
from crimemap.importing.arrival import jobs
from crimemap.models import ImportRun, Source

SETTLED_SECONDS = 30.0  # since the last write
TAKEN, DONE, FAILED = ".taken", "done", "failed"
_UNFINISHED = re.compile(r"^\.|~$|\.(part|tmp|temp|filepart|crdownload|partial|swp|lock)$", re.IGNORECASE)
_ALLOWED_NAME = re.compile(r"\w[\w.()+ -]{0,149}")
State = ImportRun.RunState

# Size and time of each file at the last scan. After a restart a file has to be seen twice again.
_last_scan: dict[Path, tuple[int, int]] = {}


def scan_drop_folder() -> None:
    """Import settled files one after the other, oldest first. Does nothing while another scan is running."""
    root = settings.INCIDENT_DROP_DIR
    if root is None or not root.is_dir():
        return
    with _exclusive_lock(root) as locked:
        if locked:
            for slug in Source.objects.values_list("slug", flat=True):
                (root / slug).mkdir(exist_ok=True)
            for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink()):
                _scan_source_folder(folder)


@contextlib.contextmanager
def _exclusive_lock(root: Path) -> Iterator[bool]:
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _scan_source_folder(folder: Path) -> None:
    taken = folder / TAKEN
    source = Source.objects.filter(slug=folder.name).first()
    for path in _settled_files(folder):
        taken.mkdir(mode=0o700, exist_ok=True)
        path.rename(taken / path.name)
    if taken.is_dir():
        for path in sorted(_taken_files(taken), key=lambda path: (path.lstat().st_mtime, path.name)):
            if not _import_file(source, folder, path):
                return


def _taken_files(taken: Path) -> Iterator[Path]:
    """Yield the taken files, without the hidden marks that count attempts."""
    yield from (path for path in taken.iterdir() if not path.name.startswith("."))


def _settled_files(folder: Path) -> Iterator[Path]:
    """Yield entries that are no longer written to; also links and devices, which are refused later."""
    now, scanned = time.time(), {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) or _UNFINISHED.search(entry.name):
                continue
            status, path = entry.stat(follow_symlinks=False), Path(entry.path)
            state = status.st_size, status.st_mtime_ns
            scanned[path] = state
            if (
                _last_scan.get(path) == state
                and not 0 <= now - status.st_mtime < SETTLED_SECONDS
                and not (folder / TAKEN / entry.name).exists()
            ):
                yield path
    for path in [path for path in _last_scan if path.parent == folder and path not in scanned]:
        del _last_scan[path]
    _last_scan.update(scanned)


def _import_file(source: Source | None, folder: Path, path: Path) -> bool:
    """Import one file and move it to `done` or `failed`. Return False if it has to wait for another import of its source."""
    refusal = _reason_to_refuse(source, folder, path)
    if refusal or source is None:
        _move(path, folder / FAILED, refusal)
        return True
    attempts = path.with_name(f".{path.name}.tries")
    if jobs.count_attempt(attempts) > jobs.MAX_ATTEMPTS:
        attempts.unlink()
        report = _("The import of this file stopped unexpectedly %(count)s times. Nothing was stored.") % {
            "count": jobs.MAX_ATTEMPTS
        }
        _move(path, folder / FAILED, report)
        return True
    run = ImportRun(source=source, origin=ImportRun.Origin.DROP, file_name=path.name)
    try:
        jobs.import_files(run, [path])
    except pipeline.ImportRunningError:
        attempts.unlink()
        return False
    attempts.unlink()
    if run.state == State.STOPPED:
        jobs.store_for_decision(run, path)
    if run.state == State.DONE:
        _move(path, folder / DONE / f"{timezone.localdate():%Y-%m-%d}")
    else:
        _move(path, folder / FAILED, _describe_failure(run))
    return True


def _reason_to_refuse(source: Source | None, folder: Path, path: Path) -> str:
    """Return why a file is refused unopened; empty for a file to import."""
    if source is None:
        return _(
            "There is no source “%(name)s”. Create it in the admin with the folder's name as its short name, then copy the file into the folder again."
        ) % {"name": folder.name}
    mode = path.lstat().st_mode
    if stat.S_ISLNK(mode):
        return _(
            "This is a link to another file, and the portal doesn't follow links. Copy the file itself into the folder."
        )
    if not stat.S_ISREG(mode):
        return _("This is not a file.")
    if not _ALLOWED_NAME.fullmatch(path.name):
        return _("This file name isn't allowed. Use up to 150 letters, digits, dots, dashes and spaces.")
    return ""


def _move(path: Path, folder: Path, report: str = "") -> None:
    """Move a file into a folder, under a free name, and write the report beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = path.name if _ALLOWED_NAME.fullmatch(path.name) else jobs.safe_file_name(path.name)
    target, number = folder / name, 1
    while os.path.lexists(target):
        number += 1
        target = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    shutil.move(path, target)
    _last_scan.pop(path, None)
    if report:
        target.with_name(f"{target.name}.report.txt").write_text(report + "\n", encoding="utf-8")


def _describe_failure(run: ImportRun) -> str:
    lines = [
        _("Import %(number)s of %(when)s: %(state)s.")
        % {"number": run.pk, "when": f"{timezone.localtime():%Y-%m-%d %H:%M}", "state": run.get_state_display()},
        run.message,
        _("%(read)s rows read, %(rejected)s rejected. Nothing was stored.")
        % {"read": run.read, "rejected": run.rejected},
    ]
    problems = run.problems.all()[:100]
    lines += [
        _("Row %(row)s, %(column)s: %(message)s")
        % {"row": problem.row, "column": problem.column or "-", "message": problem.message}
        for problem in problems
    ]
    return "\n".join(line for line in lines if line)
