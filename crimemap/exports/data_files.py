"""The data files of everything that is published: where they are, and what their list says.

The bulk worker writes them once for each version (crimemap/publishing/data_file_writer.py), web processes only send them. Files of
another version than the current one are never sent, since it may have incidents that were withdrawn since.

    INCIDENT_SNAPSHOTS/<version>/files/
        datapackage.json        the list: a Data Package (https://datapackage.org/standard/data-package/)
        incidents.parquet, incidents.csv.zip, incidents.geojson.zip, incidents-2025.csv.zip, ...
        areas.csv, categories.csv, columns.json
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import orjson
from django.conf import settings

from crimemap.snapshot.published_incidents import PublishedIncidents

FOLDER = "files"
LIST_NAME = "datapackage.json"
COLUMNS_NAME = "columns.json"
MEDIA_TYPES = {
    ".zip": "application/zip",
    ".parquet": "application/vnd.apache.parquet",
    ".csv": "text/csv; charset=utf-8; header=present",
    ".json": "application/json",
}
_YEAR_FILE = re.compile(r"incidents-(\d{4})\.csv\.zip")


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file of the set. sha256: in hexadecimal digits. since, until: the days of its incidents, None if it has no incidents."""

    name: str
    path: Path
    size: int
    rows: int
    sha256: str
    since: date | None
    until: date | None

    @property
    def year(self) -> int | None:
        """The year of a file that has the incidents of one year."""
        match = _YEAR_FILE.fullmatch(self.name)
        return int(match[1]) if match else None

    @property
    def media_type(self) -> str:
        return MEDIA_TYPES[self.path.suffix]

    def dated_name(self, version: str) -> str:
        """Return the name to save it under, with its days and version: "incidents_2019-01-02_2026-11-21_4f6d2a91.csv.zip"."""
        stem, _dot, kinds = self.name.partition(".")
        days = [f"{self.since}_{self.until}"] if self.since else []
        return f"{'_'.join([stem.partition('-')[0], *days, version[:8]])}.{kinds}"


@dataclass(frozen=True, slots=True)
class DataFiles:
    """All files of one version, by name, in the order of their list."""

    folder: Path
    files: dict[str, DataFile]
    fingerprint: str

    def find(self, name: str) -> DataFile | None:
        """Return the file with this name, which may be the list itself; None if there is none."""
        if name not in (LIST_NAME, COLUMNS_NAME):
            return self.files.get(name)
        path = self.folder / name
        content = path.read_bytes()
        return DataFile(name, path, len(content), 0, hashlib.sha256(content).hexdigest(), None, None)

    @property
    def by_year(self) -> list[DataFile]:
        """The files of single years, the newest first."""
        return sorted((each for each in self.files.values() if each.year), key=lambda each: each.name, reverse=True)


def folder_of(snapshots: Path, version: str) -> Path:
    return snapshots / version / FOLDER


def find_data_files(published: PublishedIncidents) -> DataFiles | None:
    """Return the files of the published version; None while they are not written."""
    snapshots = settings.INCIDENT_SNAPSHOTS
    return read_list(folder_of(snapshots, published.version)) if snapshots else None


def read_list(folder: Path) -> DataFiles | None:
    """Return what the list in a folder says; None if there is no list."""
    try:
        package: dict[str, Any] = orjson.loads((folder / LIST_NAME).read_bytes())
    except (OSError, ValueError):
        return None
    files = {
        each["path"]: DataFile(
            name=each["path"],
            path=folder / each["path"],
            size=each["bytes"],
            rows=each["rows"],
            sha256=each["hash"].removeprefix("sha256:"),
            since=date.fromisoformat(each["since"]) if "since" in each else None,
            until=date.fromisoformat(each["until"]) if "until" in each else None,
        )
        for each in package["resources"]
    }
    return DataFiles(folder, files, package["fingerprint"])
