"""The filter's incidents as a file: CSV for spreadsheets, GeoJSON for maps.

Rows are written as they are read, newest first: a download of everything takes no more memory than one of a day, and a
client that hangs up stops the work.
"""

from __future__ import annotations

import csv
import io
import threading
from collections.abc import Iterator
from itertools import chain
from typing import Any

import orjson

from crimemap.exports.fields import COLUMNS, row_as_dict, row_values
from crimemap.snapshot.filters import Filter
from crimemap.snapshot.published_incidents import PublishedIncidents
from crimemap.snapshot.results import IncidentRow

MAX_CONCURRENT_DOWNLOADS = 16  # downloads of one process: the rest of its threads are for pages
BATCH_ROWS = 2000  # written at a time
BOM = "\ufeff"  # without it Excel takes UTF-8 for the code page of the country
FORMULA = frozenset("=+-@\t\r")  # what makes a spreadsheet compute a cell (OWASP, "CSV Injection")

_room = threading.BoundedSemaphore(MAX_CONCURRENT_DOWNLOADS)
_making = threading.Lock()  # pages compete with one download for the process, however many are under way


class TooManyDownloadsError(Exception):
    """As many downloads as this process serves at once are under way."""


class DownloadStream:
    """The pieces of a file. Holds one of AT_ONCE places until its end or until it is closed. Raises BusyError."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        if not _room.acquire(blocking=False):
            raise TooManyDownloadsError
        self._pieces: Iterator[bytes] | None = pieces

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        if self._pieces is None:
            raise StopIteration
        try:
            with _making:
                return next(self._pieces)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        if self._pieces is not None:
            self._pieces = None
            _room.release()


def file_name(published: PublishedIncidents, chosen: Filter, kind: str) -> str:
    """ "incidents_2025-10-05_2026-10-04_4f6d2a91.csv": the days and the version that it is of."""
    since, until = max(chosen.since, published.since), min(chosen.until, published.until)
    return f"incidents_{since}_{until}_{published.version[:8]}.{kind}"


def iterate_csv(published: PublishedIncidents, chosen: Filter) -> Iterator[bytes]:
    """CSV (RFC 4180) in UTF-8 with BOM. No cell that is text begins as a formula does; numbers are numbers."""
    text = io.StringIO()
    writer = csv.writer(text)
    text.write(BOM)
    writer.writerow(COLUMNS)
    for rows in chain([[]], published.iterate_newest(chosen, batch_rows=BATCH_ROWS)):
        writer.writerows(_cells(row, published) for row in rows)
        yield text.getvalue().encode()
        text.seek(0)
        text.truncate()


def _cells(row: IncidentRow, published: PublishedIncidents) -> list[Any]:
    return [
        f"'{value}" if type(value) is str and value[:1] in FORMULA else value for value in row_values(row, published)
    ]


def iterate_geojson(published: PublishedIncidents, chosen: Filter) -> Iterator[bytes]:
    """A FeatureCollection (RFC 7946), a feature a line; without a mapped place `geometry` is null."""
    head = {"type": "FeatureCollection", "version": published.version, "filter": chosen.query_string()}
    yield orjson.dumps(head)[:-1] + b',"features":[\n'
    separator = b""
    for rows in published.iterate_newest(chosen, batch_rows=BATCH_ROWS):
        if rows:
            yield separator + b",\n".join(orjson.dumps(_feature(row, published)) for row in rows)
            separator = b",\n"
    yield b"\n]}\n"


def _feature(row: IncidentRow, published: PublishedIncidents) -> dict[str, Any]:
    properties = row_as_dict(row, published)
    number, latitude, longitude = (properties.pop(name) for name in ("id", "latitude", "longitude"))
    place = None if latitude is None else {"type": "Point", "coordinates": [longitude, latitude]}
    return {"type": "Feature", "id": number, "geometry": place, "properties": properties}
