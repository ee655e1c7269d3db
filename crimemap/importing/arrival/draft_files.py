"""The file of a source that is still being set up, and its first rows: in the folder of uploads, for seven days at most.

draft-<source>/1/june.csv is the file as it was sent, draft-<source>/sample.json its header and first rows. Neither is in the
database or its backups. jobs.remove_stray_folders() deletes what has become too old.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from django.core.files.uploadedfile import UploadedFile

from crimemap.importing.arrival import jobs
from crimemap.importing.arrival.jobs import IncomingFile
from crimemap.models import Source

_SAMPLE = "sample.json"


def folder_of(source: Source) -> Path:
    """Raises ImportNotPossibleError if the server has no folder for uploads."""
    return jobs.uploads_folder() / f"{jobs.DRAFT_PREFIX}{source.pk}"


def store_file(source: Source, file: IncomingFile, sample: str) -> None:
    """Replace the source's file, and its first rows as JSON. Raises ImportNotPossibleError; OSError for a full disk."""
    jobs.store_files(folder_of(source), [file])
    store_sample(source, sample)


def store_sample(source: Source, sample: str) -> None:
    """Replace the first rows of the source's file. Raises ImportNotPossibleError; OSError for a full disk."""
    (folder_of(source) / _SAMPLE).write_text(sample, encoding="utf-8")


def find_file(source: Source) -> Path | None:
    """Return the source's file; None once it is gone."""
    files = jobs.list_files(folder_of(source))
    return files[0] if files else None


def load_sample(source: Source) -> str:
    """Return the first rows of the source's file as JSON; "" once it is gone."""
    try:
        return (folder_of(source) / _SAMPLE).read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""


def open_copy(path: Path) -> UploadedFile:
    """Return a stored file as one that arrives, to be copied into an import's folder."""
    return UploadedFile(path.open("rb"), path.name)


def remove_files(source: Source) -> None:
    shutil.rmtree(folder_of(source), ignore_errors=True)
