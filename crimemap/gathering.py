"""The stored incidents as columns, read from PostgreSQL in one stream; only what publication needs.

With INCIDENT_CACHE (a private folder: domestic flags and hidden rows are in it) the columns of the last whole reading are
kept, and afterwards only rows of later imports are read. Whoever changes a row of crimemap_incident sets its `last_run`.
"""

from __future__ import annotations

import json
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from django.conf import settings
from django.db import connection
from django.utils import timezone

from crimemap.privacy import Category, Code, Rule, Source
from crimemap.publication import Rules
from crimemap.records import COLUMNS, DAY, DEGREE, EMPTY, MONTH, NOWHERE, PRECISIONS, Array, Records, joined

CHUNK = 100_000  # rows decoded at a time
FEW = 200_000  # changed rows: more, and everything is read and kept anew
FINISHED = ("done", "failed", "discarded")  # states of a run whose rows will not change any more

# Fields of fixed width first, then what describes the row, then where it is: the last two are looked up as bytes.
SQL = """
COPY (SELECT id, public_id, occurred_at, coalesce(occurred_end, occurred_at), source_id::bigint,
        coalesce(offence_code_id, 0)::bigint, domestic, removed_at IS NOT NULL,
        CASE precision WHEN 'minute' THEN 0 WHEN 'hour' THEN 1 WHEN 'month' THEN 3 ELSE 2 END::smallint,
        octet_length(outcome), location_description, outcome,
        coalesce(latitude, 'NaN'), coalesce(longitude, 'NaN'), district, beat, neighbourhood, block_text
    FROM crimemap_incident {where}) TO STDOUT (FORMAT binary)
"""
HEAD = np.dtype(
    [
        ("fields", ">i2"),
        ("", "V4"),
        ("id", ">i8"),
        ("", "V4"),
        ("public_id", "S12"),
        ("", "V4"),
        ("start", ">i8"),
        ("", "V4"),
        ("end", ">i8"),
        ("", "V4"),
        ("source", ">i8"),
        ("", "V4"),
        ("code", ">i8"),
        ("", "V4"),
        ("domestic", "?"),
        ("", "V4"),
        ("removed", "?"),
        ("", "V4"),
        ("precision", ">i2"),
        ("", "V4"),
        ("outcome_bytes", ">i4"),
        ("description_bytes", ">i4"),
    ]
)
SIGNATURE = b"PGCOPY\n\xff\r\n\0"
BEFORE_1970 = 946_684_800_000_000  # PostgreSQL counts microseconds since 2000
HOUR_MICROSECONDS = 3_600_000_000


def gather(agency: Rules, *, afresh: bool = False) -> tuple[Records, Rule, list[dict[str, Any]]]:
    """All stored incidents, the rule for them, and how old each source's data is.

    `afresh` reads everything again, whatever is kept in INCIDENT_CACHE.
    """
    rule, freshness, zones = _rule(agency)
    kept = None if afresh else _kept(zones)
    if kept is not None:
        changed = _read(zones, "WHERE last_run_id >= %s AND NOT last_run_id = ANY(%s)", [kept.run, kept.finished])
        if len(changed) <= FEW:
            return _merged(kept.records, changed), rule, freshness
    run, finished = _runs()  # asked before the rows: what is committed in between is read again next time
    records = _read(zones)
    records = records.where(np.argsort(records["hour"], kind="stable"))
    _keep(Kept(records, run, finished, zones))
    return records, rule, freshness


def _merged(old: Records, changed: Records) -> Records:
    if not len(changed):
        return old
    highest = int(max(old["id"].max(initial=0), changed["id"].max()))
    stays = np.ones(highest + 1, bool)
    stays[changed["id"]] = False
    return joined([old.where(stays[old["id"]]), changed])


def _runs() -> tuple[int, list[int]]:
    """The first import that has not ended, and those after it that have: every other row is final."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, state FROM crimemap_importrun ORDER BY id")
        runs = cursor.fetchall()
    first = min(
        (number for number, state in runs if state not in FINISHED), default=max((n for n, _ in runs), default=0) + 1
    )
    return first, [number for number, state in runs if number > first and state in FINISHED]


def _rule(agency: Rules) -> tuple[Rule, list[dict[str, Any]], dict[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT slug, name, family, least_visibility, person_offence FROM crimemap_category ORDER BY "order", slug'
        )
        categories = tuple(Category(*row) for row in cursor.fetchall())
        cursor.execute(
            "SELECT code.id, category.slug, code.visibility FROM crimemap_offencecode code"
            " LEFT JOIN crimemap_category category ON category.id = code.category_id"
        )
        codes = {number: Code(category, visibility or None) for number, category, visibility in cursor.fetchall()}
        cursor.execute(
            "SELECT id, slug, name, time_zone, embargo_days, last_success_at FROM crimemap_source ORDER BY slug"
        )
        rows = cursor.fetchall()
    sources = {number: Source(slug, name, embargo, _today(zone)) for number, slug, name, zone, embargo, _ in rows}
    freshness = [
        {"slug": slug, "name": name, "last_success_at": last and last.isoformat(timespec="seconds")}
        for _, slug, name, _, _, last in rows
    ]
    return Rule(categories, codes, sources, agency), freshness, {number: zone for number, _, _, zone, _, _ in rows}


def _today(zone: str) -> int:
    return (timezone.now().astimezone(ZoneInfo(zone)).date() - datetime(1970, 1, 1).date()).days  # noqa: DTZ001


# Reading


def _read(zones: dict[int, str], where: str = "", values: Iterable[object] = ()) -> Records:
    decoder = _Decoder(zones)
    with connection.cursor() as cursor:
        sql = SQL.format(where=where)
        cursor.copy_expert(cursor.mogrify(sql, list(values)).decode() if where else sql, decoder)
    return decoder.finish()


@dataclass
class _Decoder:
    """Takes the rows of a binary COPY one by one, as psycopg2 hands them over, and makes columns of them."""

    zones: dict[int, str]
    rows: list[bytes] = field(default_factory=list)
    parts: dict[str, list[Array]] = field(default_factory=lambda: {name: [] for name in COLUMNS})
    place_of: dict[bytes, int] = field(default_factory=dict)
    detail_of: dict[bytes, int] = field(default_factory=dict)

    def write(self, data: bytes) -> None:
        self.rows.append(data)
        if len(self.rows) >= CHUNK:
            self._decode()

    def finish(self) -> Records:
        self._decode()
        columns = {
            name: np.concatenate(self.parts.pop(name)) if self.parts[name] else np.empty(0, kind)
            for name, kind in COLUMNS.items()
        }
        texts: dict[str, int] = {"": 0}
        places = [_place(key, texts) for key in self.place_of]
        details = [_detail(key, texts) for key in self.detail_of]
        return Records(
            columns, np.array(places, "i4").reshape(-1, 6), np.array(details, "i4").reshape(-1, 2), list(texts)
        )

    def _decode(self) -> None:
        rows = self.rows
        self.rows = []
        if rows and rows[0].startswith(SIGNATURE):
            (extension,) = struct.unpack_from(">i", rows[0], 15)
            rows[0] = rows[0][19 + extension :]
        rows = [row for row in rows if len(row) > HEAD.itemsize]  # not the header alone, nor the end mark
        if not rows:
            return
        size = HEAD.itemsize
        heads = np.frombuffer(b"".join([row[:size] for row in rows]), HEAD)
        cuts = (size + heads["description_bytes"] + 4 + heads["outcome_bytes"]).tolist()
        start = size - 4  # the length of the description belongs to what is looked up
        details = [row[start:cut] for row, cut in zip(rows, cuts, strict=True)]
        places = [row[cut:] for row, cut in zip(rows, cuts, strict=True)]
        hour, end_day = self._times(heads)
        columns = {
            "id": heads["id"],
            "public_id": heads["public_id"],
            "hour": hour,
            "end_day": end_day,
            "precision": heads["precision"],
            "code": heads["code"],
            "source": heads["source"],
            "domestic": heads["domestic"],
            "removed": heads["removed"],
            "place": _numbers(self.place_of, places),
            "detail": _numbers(self.detail_of, details),
        }
        for name, column in columns.items():
            self.parts[name].append(column.astype(COLUMNS[name]))

    def _times(self, heads: Array) -> tuple[Array, Array]:
        """Local hour of the start, and the last local day that the row can mean."""
        hour, end_day = np.empty(len(heads), "i4"), np.empty(len(heads), "i4")
        for source in np.unique(heads["source"]).tolist():
            rows = heads["source"] == source
            hour[rows] = _local(heads["start"][rows], self.zones[source]) // HOUR_MICROSECONDS
            end_day[rows] = _local(heads["end"][rows], self.zones[source]) // (24 * HOUR_MICROSECONDS)
        monthly = heads["precision"] == MONTH
        if monthly.any():
            months = end_day[monthly].astype("datetime64[D]").astype("datetime64[M]")
            end_day[monthly] = (months + 1).astype("datetime64[D]").astype("i4") - 1
        return hour, end_day


def _local(moments: Array, zone: str) -> Array:
    """Microseconds since 1970-01-01 00:00 on the clock of `zone`."""
    utc = pl.Series(moments.astype("i8") + BEFORE_1970).cast(pl.Datetime("us", "UTC"))
    return utc.dt.convert_time_zone(zone).dt.replace_time_zone(None).cast(pl.Int64).to_numpy()


def _numbers(known: dict[bytes, int], keys: list[bytes]) -> Array:
    """The number of each key, new ones counted on."""
    for key in set(keys).difference(known):
        known[key] = len(known)
    return np.fromiter(map(known.__getitem__, keys), "i4", len(keys))


def _strings(data: bytes) -> list[str]:
    """The text fields of a piece of a row."""
    result, at = [], 0
    while at < len(data):
        (length,) = struct.unpack_from(">i", data, at)
        result.append(data[at + 4 : at + 4 + max(0, length)].decode())
        at += 4 + max(0, length)
    return result


def _detail(key: bytes, texts: dict[str, int]) -> list[int]:
    return [texts.setdefault(text, len(texts)) for text in _strings(key)]


def _place(key: bytes, texts: dict[str, int]) -> list[int]:
    latitude, longitude = struct.unpack_from(">4xd4xd", key)
    point = [NOWHERE, NOWHERE]
    if latitude == latitude and longitude == longitude:  # noqa: PLR0124  (not NaN)
        point = [round(latitude * DEGREE), round(longitude * DEGREE)]
    return point + [texts.setdefault(text, len(texts)) for text in _strings(key[24:])]


# The private copy


@dataclass(frozen=True, slots=True)
class Kept:
    """A whole reading. Rows of imports before `run`, and of those in `finished`, are as they were then."""

    records: Records
    run: int
    finished: list[int]
    zones: dict[int, str]


def _keep(kept: Kept) -> None:
    folder = settings.INCIDENT_CACHE
    if folder is None:
        return
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.glob("making-*"):
        shutil.rmtree(left, ignore_errors=True)
    making = Path(tempfile.mkdtemp(prefix="making-", dir=folder))
    try:
        for name, array in (
            kept.records.columns | {"places": kept.records.places, "details": kept.records.details}
        ).items():
            np.save(making / f"{name}.npy", array, allow_pickle=False)
        told = {"run": kept.run, "finished": kept.finished, "zones": kept.zones, "texts": kept.records.texts}
        (making / "state.json").write_text(json.dumps(told))
        shutil.rmtree(folder / "records", ignore_errors=True)
        making.rename(folder / "records")
    finally:
        shutil.rmtree(making, ignore_errors=True)


def _kept(zones: dict[int, str]) -> Kept | None:
    """The last whole reading; None when there is none that holds (it is only ever a copy)."""
    if settings.INCIDENT_CACHE is None:
        return None
    folder = settings.INCIDENT_CACHE / "records"
    load: Callable[[str], Array] = lambda name: np.load(folder / f"{name}.npy", allow_pickle=False)  # noqa: E731
    try:
        told = json.loads((folder / "state.json").read_text())
        columns = {name: load(name) for name in COLUMNS}
        records = Records(columns, load("places"), load("details"), told["texts"])
    except (OSError, ValueError, KeyError):
        return None
    kept_zones = {int(number): zone for number, zone in told["zones"].items()}
    if any(zones.get(number) != zone for number, zone in kept_zones.items()):
        return None  # a source's clock was set right: its local hours are others
    return Kept(records, told["run"], told["finished"], kept_zones)


__all__ = ["DAY", "EMPTY", "PRECISIONS", "gather"]
