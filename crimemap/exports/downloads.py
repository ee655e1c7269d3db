"""Downloads of the incidents a filter selects: CSV for spreadsheets, GeoJSON for maps.

Rows are written as they are read, newest first: a download of everything takes no more memory than one of a day, and a
client that disconnects stops the work.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson

from crimemap.exports.csv_text import BOM, escape_formula
from crimemap.exports.fields import COLUMNS, AreaLabels, row_as_dict, row_values
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

MAX_CONCURRENT_DOWNLOADS = 16  # in one process; its other threads are for pages
RETRY_SECONDS = 60  # what a refused client is told to wait
BATCH_ROWS = 2000  # rows written at a time

_slots = threading.BoundedSemaphore(MAX_CONCURRENT_DOWNLOADS)
_generation_lock = threading.Lock()  # so that pages compete with one download at most


class TooManyDownloadsError(Exception):
    """MAX_CONCURRENT_DOWNLOADS are running in this process."""


class DownloadStream:
    """The pieces of a file. Occupies a slot until exhausted or closed. Raises TooManyDownloadsError if none is free."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        if not _slots.acquire(blocking=False):
            raise TooManyDownloadsError
        self._pieces: Iterator[bytes] | None = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._pieces is None:
            raise StopIteration
        try:
            with _generation_lock:
                return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._pieces is not None:
            close_pieces = getattr(self._pieces, "close", None)
            self._pieces = None
            _slots.release()
            if close_pieces:
                close_pieces()


def file_name(published: PublishedIncidents, chosen: Filter, kind: str) -> str:
    """Return a name with days and version: "incidents_2025-10-05_2026-10-04_4f6d2a91.csv"."""
    since, until = max(chosen.since, published.since), min(chosen.until, published.until)
    return f"incidents_{since}_{until}_{published.version[:8]}.{kind}"


def iterate_csv(published: PublishedIncidents, chosen: Filter, labels: AreaLabels) -> Iterator[bytes]:
    """Yield the pieces of a CSV file (RFC 4180) in UTF-8 with BOM. Text cells that look like formulas are escaped.

    labels: names of areas (label_areas), read before: while a file is sent, the database is not asked.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    text.write(BOM)
    writer.writerow(COLUMNS)
    for rows in chain([[]], published.iterate_newest(chosen, batch_rows=BATCH_ROWS)):
        writer.writerows([escape_formula(value) for value in row_values(row, published, labels)] for row in rows)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def iterate_geojson(published: PublishedIncidents, chosen: Filter, labels: AreaLabels) -> Iterator[bytes]:
    """Yield the pieces of a FeatureCollection (RFC 7946), one feature a line; `geometry` is null without a mapped place."""
    head = {"type": "FeatureCollection", "version": published.version, "filter": chosen.query_string()}
    yield orjson.dumps(head)[:-1] + b',"features":[\n'
    separator = b""
    for rows in published.iterate_newest(chosen, batch_rows=BATCH_ROWS):
        if rows:
            yield separator + b",\n".join(orjson.dumps(_feature(row, published, labels)) for row in rows)
            separator = b",\n"
    yield b"\n]}\n"


def _feature(row: IncidentRow, published: PublishedIncidents, labels: AreaLabels) -> dict[str, Any]:
    properties = row_as_dict(row, published, labels)
    number, latitude, longitude = (properties.pop(name) for name in ("id", "latitude", "longitude"))
    place = None if latitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "id": number, "geometry": place, "properties": properties}
