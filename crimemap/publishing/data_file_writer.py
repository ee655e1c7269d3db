"""Writes the data files of everything that is published, once for each version (crimemap/exports/data_files.py).

A publication never waits for them and never fails with them: they are written after it, into a folder that is renamed when it is
complete. If that fails, residents see no files, and the next publication, an hour later, tries again. One set is on the disk at a
time, and none is begun that would leave no room for the next publication.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import orjson
import polars as pl
from django.conf import settings
from polars.io.plugins import register_io_source

from core import atomic_files
from core.agency import current_settings
from crimemap.exports import data_files, data_package
from crimemap.exports.csv_text import BOM, FORMULA, render_csv
from crimemap.exports.fields import COLUMNS, label_areas
from crimemap.offence_families import BY_SLUG
from crimemap.publishing import versions
from crimemap.publishing.row_tables import SCHEMA, RowTables
from crimemap.snapshot import reader
from crimemap.snapshot.published_incidents import NothingPublishedError, PublishedIncidents

LOCK_NAME = ".files-lock"
ROW_BYTES = 150  # of all files together; measured: 107
DEFLATE_LEVEL = 4  # level 6 takes twice as long for files that are a fifth smaller
_STARTS_FORMULA = f"^([{re.escape(''.join(sorted(FORMULA)))}])"

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file of incidents that was written: its name, its rows, and their days (None if it has no rows)."""

    name: str
    rows: int
    days: tuple[date, date] | None


def write_missing_files() -> bool:
    """Write the files of the current version unless they are there. Return whether they are there now.

    A full disk and a version that is removed meanwhile are logged, not raised. Concurrent calls wait for each other.
    """
    snapshots = settings.INCIDENT_SNAPSHOTS
    if snapshots is None:
        return False
    try:
        with versions.exclusive_lock(snapshots, LOCK_NAME):
            published = reader.current()
            _remove_files_of_other_versions(snapshots, published.version)
            folder = data_files.folder_of(snapshots, published.version)
            known, fingerprint = data_files.read_list(folder), data_package.fingerprint(published)
            if known is None or known.fingerprint != fingerprint:
                _require_room(snapshots / published.version, published.meta["rows"])
                _write_set(folder, published, fingerprint)
    except NothingPublishedError:
        return False
    except (OSError, versions.NoSnapshotFolderError) as error:
        logger.error("The data files could not be written: %s. The next publication tries again.", error)
        return False
    return True


def _remove_files_of_other_versions(snapshots: Path, version: str) -> None:
    for folder in snapshots.glob(f"*/{data_files.FOLDER}"):
        if folder.parent.name != version:
            replaced_at = folder.parent.stat().st_mtime  # versions.remove_old_versions counts from it
            shutil.rmtree(folder, ignore_errors=True)
            with contextlib.suppress(FileNotFoundError):
                os.utime(folder.parent, (replaced_at, replaced_at))


def _require_room(version_folder: Path, rows: int) -> None:
    """Raise OSError if the files would leave less room on the disk than the next publication needs."""
    next_publication = sum(path.stat().st_size for path in version_folder.iterdir() if path.is_file())
    needed = rows * ROW_BYTES + 2 * next_publication
    free = shutil.disk_usage(version_folder).free
    if free < needed:
        raise OSError(f"they need {needed:,} bytes of free disk space, and {free:,} are free")


def _write_set(folder: Path, published: PublishedIncidents, fingerprint: str) -> None:
    """Write all files to a folder of another name, and rename it. Raises OSError."""
    partial = folder.with_name(f"{versions.PARTIAL_FOLDER_PREFIX}{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        tables = RowTables(published, label_areas(published))
        written = [
            *_write_csv_files(partial, published, tables),
            _write_geojson(partial, published, tables),
            _write_parquet(partial, published, tables),
        ]
        entries = [
            data_package.describe_file(each.name, *_measure(partial / each.name), rows=each.rows, days=each.days)
            for each in written
        ]
        for name, rows in (("areas.csv", _area_rows(published)), ("categories.csv", _category_rows(published))):
            lines = list(rows)
            (partial / name).write_bytes(render_csv(lines))
            entries.append(data_package.describe_file(name, *_measure(partial / name), rows=len(lines) - 1))
        schema, package = data_package.table_schema(), data_package.describe_package(published, entries, fingerprint)
        for name, content in ((data_files.COLUMNS_NAME, schema), (data_files.LIST_NAME, package)):
            (partial / name).write_bytes(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        for path in partial.iterdir():
            _flush(path)
        atomic_files.flush_folder(partial)
        partial.chmod(0o755)  # web processes run as other users
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
        atomic_files.flush_folder(folder.parent)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _write_csv_files(folder: Path, published: PublishedIncidents, tables: RowTables) -> Iterator[WrittenFile]:
    """Write all rows as one CSV file, and again in a file for each year, which a spreadsheet program can open."""
    head = (BOM + ",".join(COLUMNS) + "\r\n").encode()
    total, newest = 0, published.until
    with _open_zip(folder / "incidents.csv.zip", newest) as everything:
        everything.write(head)
        for since, until in _years(published):
            name, rows = f"incidents-{since.year}.csv.zip", 0
            with _open_zip(folder / name, newest) as of_year:
                of_year.write(head)
                for table in tables.iterate_newest(since, until):
                    lines = _escape_formulas(table).write_csv(include_header=False, line_terminator="\r\n").encode()
                    everything.write(lines)
                    of_year.write(lines)
                    rows += len(table)
            total += rows
            if rows:
                yield WrittenFile(name, rows, (since, until))
            else:
                (folder / name).unlink()
    yield WrittenFile("incidents.csv.zip", total, _days(published))


def _escape_formulas(table: pl.DataFrame) -> pl.DataFrame:
    """Put an apostrophe before text that a spreadsheet program would run as a formula."""
    return table.with_columns(pl.col(pl.String).str.replace(_STARTS_FORMULA, "'$1"))


def _write_geojson(folder: Path, published: PublishedIncidents, tables: RowTables) -> WrittenFile:
    """Write a FeatureCollection (RFC 7946), one feature a line; `geometry` is null without a mapped place."""
    point = pl.struct(pl.lit("Point").alias("type"), pl.concat_list("longitude", "latitude").alias("coordinates"))
    feature = pl.struct(
        pl.lit("Feature").alias("type"),
        pl.col("id"),
        pl.when(pl.col("latitude").is_not_null()).then(point).alias("geometry"),
        pl.struct(pl.exclude("id", "latitude", "longitude")).alias("properties"),
    )
    name, rows = "incidents.geojson.zip", 0
    with _open_zip(folder / name, published.until) as file:
        head = {"type": "FeatureCollection", "version": published.version}
        file.write(orjson.dumps(head)[:-1] + b',"features":[\n')
        for table in tables.iterate_newest(published.since, published.until):
            known = table.with_columns(pl.col(pl.String).fill_null(""))  # as in the files of a selection
            lines = known.select(feature.struct.json_encode()).to_series()
            file.write((b",\n" if rows else b"") + ",\n".join(lines).encode())
            rows += len(table)
        file.write(b"\n]}\n")
    return WrittenFile(name, rows, _days(published))


def _write_parquet(folder: Path, published: PublishedIncidents, tables: RowTables) -> WrittenFile:
    name = "incidents.parquet"

    def read(
        *_optimizations: object,
    ) -> Iterator[pl.DataFrame]:  # columns, predicate, rows, batch: none, as all is written
        yield from tables.iterate_newest(published.since, published.until)

    metadata = {"version": published.version, "agency": current_settings.current().name}
    try:
        register_io_source(read, schema=SCHEMA).sink_parquet(
            folder / name, compression="zstd", row_group_size=100_000, metadata=metadata
        )
    except pl.exceptions.ComputeError as error:  # of a full disk, too
        raise OSError(str(error)) from error
    return WrittenFile(name, published.meta["rows"], _days(published))


@contextlib.contextmanager
def _open_zip(path: Path, day: date) -> Iterator[Any]:
    """Open a ZIP file with a single member, named after it. Equal rows give equal files: the member's date is the newest day."""
    member = ZipInfo(path.stem, date_time=(max(1980, day.year), day.month, day.day, 0, 0, 0))
    member.compress_type, member.external_attr = ZIP_DEFLATED, 0o644 << 16
    member._compresslevel = DEFLATE_LEVEL  # type: ignore[attr-defined]  # ZipFile's own level is for names alone
    with ZipFile(path, "w") as archive, archive.open(member, "w", force_zip64=True) as file:
        yield file


def _years(published: PublishedIncidents) -> Iterator[tuple[date, date]]:
    """Yield the first and last published day of each year, the newest year first."""
    for year in range(published.until.year, published.since.year - 1, -1):
        yield max(published.since, date(year, 1, 1)), min(published.until, date(year, 12, 31))


def _days(published: PublishedIncidents) -> tuple[date, date] | None:
    return (published.since, published.until) if published.meta["rows"] else None


def _area_rows(published: PublishedIncidents) -> Iterator[list[str]]:
    yield ["layer", "code", "name"]
    for (layer, code), label in label_areas(published).items():
        yield [layer, code, label]


def _category_rows(published: PublishedIncidents) -> Iterator[list[str]]:
    yield ["category", "name", "family", "family_name"]
    for slug, family in published.families.items():
        yield [slug, published.category_names[slug], family, str(BY_SLUG[family].name)]


def _measure(path: Path) -> tuple[int, str]:
    """Return the size of a file and its SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)
    try:
        os.fsync(descriptor)
        os.fchmod(descriptor, 0o644)
    finally:
        os.close(descriptor)
