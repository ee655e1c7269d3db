"""The folder that agencies' systems drop files into: INCIDENT_DROP_DIR/<source>/, looked through every minute.

A file is taken once it has come to rest: same size and time in two looks, and not written for half a minute. It is moved
into `.taken/` first, so that nobody swaps it meanwhile, and from there to `done/<date>/`, or to `failed/` with a report
beside it. A look that was killed finds its file in `.taken/` again. The same file twice changes nothing.
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

AT_REST = 30.0  # seconds since the last write
TAKEN, DONE, FAILED = ".taken", "done", "failed"
_UNFINISHED = re.compile(r"^\.|~$|\.(part|tmp|temp|filepart|crdownload|partial|swp|lock)$", re.IGNORECASE)
_USUAL = re.compile(r"\w[\w.()+ -]{0,149}")
State = ImportRun.RunState

# What the last look saw of each file that waits: size and time. A worker that starts anew looks once more.
_seen: dict[Path, tuple[int, int]] = {}


def scan_drop_folder() -> None:
    """Take in what has come to rest, one file after the other, oldest first. Two looks at once: the second does nothing."""
    root = settings.INCIDENT_DROP_DIR
    if root is None or not root.is_dir():
        return
    with _alone(root) as first:
        if first:
            for slug in Source.objects.values_list("slug", flat=True):
                (root / slug).mkdir(exist_ok=True)
            for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.is_symlink()):
                _look_into(folder)


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[bool]:
    with (root / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True


def _look_into(folder: Path) -> None:
    taken = folder / TAKEN
    source = Source.objects.filter(slug=folder.name).first()
    for path in _at_rest(folder):
        taken.mkdir(mode=0o700, exist_ok=True)
        path.rename(taken / path.name)
    if taken.is_dir():
        for path in sorted(_whole(taken), key=lambda path: (path.lstat().st_mtime, path.name)):
            if not _take_in(source, folder, path):
                return


def _whole(taken: Path) -> Iterator[Path]:
    """Without the marks of how often each was tried."""
    yield from (path for path in taken.iterdir() if not path.name.startswith("."))


def _at_rest(folder: Path) -> Iterator[Path]:
    """Files nobody writes to any more; what is no plain file, too: it is refused."""
    now, waiting = time.time(), {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False) or _UNFINISHED.search(entry.name):
                continue
            found, path = entry.stat(follow_symlinks=False), Path(entry.path)
            mark = found.st_size, found.st_mtime_ns
            waiting[path] = mark
            if (
                _seen.get(path) == mark
                and not 0 <= now - found.st_mtime < AT_REST
                and not (folder / TAKEN / entry.name).exists()
            ):
                yield path
    for path in [path for path in _seen if path.parent == folder and path not in waiting]:
        del _seen[path]
    _seen.update(waiting)


def _take_in(source: Source | None, folder: Path, path: Path) -> bool:
    """Import one file and put it where it belongs. False when it has to wait for another import of its source."""
    why = _refusal(source, folder, path)
    if why or source is None:
        _put_away(path, folder / FAILED, why)
        return True
    tries = path.with_name(f".{path.name}.tries")
    if jobs.record_attempt(tries) > jobs.MAX_ATTEMPTS:
        tries.unlink()
        why = _("The import of this file broke off %(count)s times. Nothing was stored.") % {"count": jobs.MAX_ATTEMPTS}
        _put_away(path, folder / FAILED, why)
        return True
    run = ImportRun(source=source, origin=ImportRun.Origin.DROP, file_name=path.name)
    try:
        jobs.import_files(run, [path])
    except pipeline.ImportRunningError:
        tries.unlink()
        return False
    tries.unlink()
    if run.state == State.STOPPED:
        jobs.store_for_decision(run, path)
    if run.state == State.DONE:
        _put_away(path, folder / DONE / f"{timezone.localdate():%Y-%m-%d}")
    else:
        _put_away(path, folder / FAILED, _report(run))
    return True


def _refusal(source: Source | None, folder: Path, path: Path) -> str:
    """Why a file is not even looked into; empty for one that is."""
    if source is None:
        return _(
            "There is no source “%(name)s”. Make it in the admin (its short name is the folder's), then drop the file again."
        ) % {"name": folder.name}
    kind = path.lstat().st_mode
    if stat.S_ISLNK(kind):
        return _("This is a link to another file, and links are not followed. Drop the file itself.")
    if not stat.S_ISREG(kind):
        return _("This is no file.")
    if not _USUAL.fullmatch(path.name):
        return _("The name of this file is unusual. Use letters, digits, dots, dashes and spaces, at most 150 of them.")
    return ""


def _put_away(path: Path, folder: Path, report: str = "") -> None:
    """Move the file, under a name that is free there, with a report beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    name = path.name if _USUAL.fullmatch(path.name) else jobs.safe_file_name(path.name)
    to, number = folder / name, 1
    while os.path.lexists(to):
        number += 1
        to = folder / f"{Path(name).stem}-{number}{Path(name).suffix}"
    shutil.move(path, to)
    _seen.pop(path, None)
    if report:
        to.with_name(f"{to.name}.report.txt").write_text(report + "\n", encoding="utf-8")


def _report(run: ImportRun) -> str:
    lines = [
        _("Import %(number)s of %(when)s: %(state)s.")
        % {"number": run.pk, "when": f"{timezone.localtime():%Y-%m-%d %H:%M}", "state": run.get_state_display()},
        run.message,
        _("%(read)s rows read, %(rejected)s rejected. Nothing was stored.")
        % {"read": run.read, "rejected": run.rejected},
    ]
    rows = run.problems.all()[:100]
    lines += [
        _("Row %(row)s, %(column)s: %(message)s")
        % {"row": row.row, "column": row.column or "-", "message": row.message}
        for row in rows
    ]
    return "\n".join(line for line in lines if line)
