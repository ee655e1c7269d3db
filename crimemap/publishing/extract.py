"""The stored incidents as columns, read from PostgreSQL in one stream; only what publication needs.

With INCIDENT_CACHE (a private folder: domestic flags and hidden rows are in it) the columns of the last whole reading are
kept, and afterwards only rows of later imports are read. Whoever changes a row of crimemap_incident sets its `last_run`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property, partial
from math import isnan
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from django.db import connection
from django.utils import timezone

from crimemap.privacy.agency_rules import AgencyRules
from crimemap.privacy.records import DAY, MONTH, PRECISION, SOURCE, Reclassification, Records, joined
from crimemap.privacy.visibility import PublicationRule, RuleCategory, RuleCode, RuleSource
from crimemap.publishing import binary_copy, extract_cache
from crimemap.snapshot import format
from crimemap.snapshot.format import DEGREE, NOWHERE, PRECISIONS, Array

FEW = 200_000  # changed rows: more, and everything is read and kept anew
FINAL = ("done", "discarded")  # a failed import may be tried again

# What many rows share, as columns with their type.
KIND = {
    "source_id": "int8",
    "coalesce(offence_code_id, 0)": "int8",
    "precision": "text",
    "domestic::int": "int4",
    "(removed_at IS NOT NULL)::int": "int4",
    "location_description": "text",
    "outcome": "text",
}
PLACE = {
    "coalesce(latitude, 'NaN')": "float8",
    "coalesce(longitude, 'NaN')": "float8",
    "district": "text",
    "beat": "text",
    "neighbourhood": "text",
    "block_text": "text",
}


def _hashed(columns: dict[str, str]) -> str:
    """SQL of a hash (64 bits) of all columns, each one's being the seed of the next: a third cheaper than of a record."""
    hashed = "1"
    for column, kind in columns.items():
        hashed = f"hash{kind}extended({column}, {hashed})"
    return hashed


# Rows of one width: what is shared comes as a hash, and each hash's line is then asked for once.
ROWS = """
COPY (SELECT id, public_id, occurred_at, coalesce(occurred_end, occurred_at), {kind}, {place}
    FROM crimemap_incident {where}) TO STDOUT (FORMAT binary)
"""
LINES = "SELECT {hashed}, {columns} FROM crimemap_incident WHERE id = ANY(%s)"
RECLASSIFIED = """
SELECT incident_id, public_id, (at AT TIME ZONE time_zone)::date - date '1970-01-01',
    (changes -> 'offence_code_id' ->> 0)::bigint, (changes -> 'offence_code_id' ->> 1)::bigint
FROM crimemap_incidentrevision revision
JOIN crimemap_incident incident ON incident.id = incident_id
JOIN crimemap_source source ON source.id = source_id
WHERE changes ? 'offence_code_id' ORDER BY revision.id
"""


@dataclass(frozen=True)
class PublicationInput:
    """All stored incidents, the rule for them, how old each source's data is, and a mark: the same one, the same input.

    The mark is empty when everything was read.
    """

    records: Records
    rule: PublicationRule
    freshness: list[dict[str, Any]]
    mark: str

    @cached_property
    def reclassified(self) -> list[Reclassification]:
        """What imports told of other codes, oldest first."""
        with connection.cursor() as cursor:
            cursor.execute(RECLASSIFIED)
            return [Reclassification(*row) for row in cursor.fetchall()]


def gather(agency: AgencyRules, *, afresh: bool = False) -> PublicationInput:
    """What is stored. `afresh` reads everything again, whatever is kept in INCIDENT_CACHE."""
    rule, freshness, zones = _rule(agency)
    kept = None if afresh else extract_cache.load_extract(zones)
    if kept is not None:
        changed, digest = _read(zones, "WHERE last_run_id = ANY(%s)", [_runs_besides(kept.final)])
        records = _merged(kept.records, changed)
        if len(changed) <= FEW and len(records) == _stored():
            mark = hashlib.sha256(f"{format.FORMAT} {rule!r} {kept.token} {digest}".encode()).hexdigest()
            return PublicationInput(records, rule, freshness, mark)
    final = _final_runs()  # asked before the rows: what is committed in between is read again next time
    records, _digest = _read(zones)
    records = records.where(_by_hour(records["hour"]))
    extract_cache.save_extract(extract_cache.CachedExtract(records, final, zones, secrets.token_hex()))
    return PublicationInput(records, rule, freshness, "")


def _by_hour(hour: Array) -> Array:
    """Positions by hour; a sort of whole numbers with the position in them is the fastest."""
    shifted = (hour.astype("i8") - int(hour.min(initial=0))).astype("u8")
    key = (shifted << np.uint64(32)) | np.arange(len(hour), dtype="u8")
    return (pl.Series(key).sort().to_numpy() & np.uint64(0xFFFFFFFF)).astype("i8")


def _merged(old: Records, changed: Records) -> Records:
    if not len(changed):
        return old
    changes = np.zeros(int(max(old["id"].max(initial=0), changed["id"].max())) + 1, bool)
    changes[changed["id"]] = True
    both, replaced = joined(old, changed), np.flatnonzero(changes[old["id"]])
    length = len(both) - len(replaced)
    for column in both.columns.values():
        column[replaced] = column[length:]  # the last of the changed rows take the places of those that were replaced
    return replace(both, columns={name: column[:length] for name, column in both.columns.items()})


def _final_runs() -> list[int]:
    """Imports whose rows will not change any more, unless by another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crimemap_importrun WHERE state = ANY(%s) ORDER BY id", [list(FINAL)])
        return [number for (number,) in cursor.fetchall()]


def _runs_besides(final: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crimemap_importrun WHERE NOT id = ANY(%s)", [final])
        return [number for (number,) in cursor.fetchall()]


def _stored() -> int:
    """Rows are withdrawn, not deleted; should some be gone after all, what is kept of them does not count."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crimemap_incident")
        return int(cursor.fetchone()[0])


def _rule(agency: AgencyRules) -> tuple[PublicationRule, list[dict[str, Any]], dict[int, str]]:
    with connection.cursor() as cursor:
        cursor.execute(
            'SELECT slug, name, family, least_visibility, person_offence FROM crimemap_category ORDER BY "order", slug'
        )
        categories = tuple(RuleCategory(*row) for row in cursor.fetchall())
        cursor.execute(
            "SELECT code.id, category.slug, code.visibility FROM crimemap_offencecode code"
            " LEFT JOIN crimemap_category category ON category.id = code.category_id ORDER BY code.id"
        )
        codes = {number: RuleCode(category, visibility or None) for number, category, visibility in cursor.fetchall()}
        cursor.execute(
            "SELECT id, slug, name, time_zone, embargo_days, last_success_at, expected_interval FROM crimemap_source"
            " ORDER BY slug"
        )
        rows = cursor.fetchall()
    sources = {number: RuleSource(slug, name, embargo, _today(zone)) for number, slug, name, zone, embargo, *_ in rows}
    freshness = [
        {
            "slug": slug,
            "name": name,
            "last_success_at": last and last.isoformat(timespec="seconds"),
            "expected_interval": hours,
        }
        for _, slug, name, _, _, last, hours in rows
    ]
    return (
        PublicationRule(categories, codes, sources, agency),
        freshness,
        {number: zone for number, _, _, zone, *_ in rows},
    )


def _today(zone: str) -> int:
    return (timezone.now().astimezone(ZoneInfo(zone)).date() - datetime(1970, 1, 1).date()).days  # noqa: DTZ001


# Reading


def _read(zones: dict[int, str], where: str = "", values: Iterable[object] = ()) -> tuple[Records, str]:
    """The rows that `where` chooses, of one moment, and a digest of them (of everything: none)."""
    while True:
        decoder = binary_copy.BinaryCopyDecoder()
        with connection.cursor() as cursor:
            sql = ROWS.format(kind=_hashed(KIND), place=_hashed(PLACE), where=where)
            cursor.copy_expert(cursor.mogrify(sql, list(values)).decode() if where else sql, decoder)
        raw = decoder.columns()
        texts: dict[str, int] = {"": 0}
        kinds = _table(raw, "kind", KIND, partial(_kind, texts))
        if kinds is not None:
            with ThreadPoolExecutor(1) as pool:  # while PostgreSQL looks places up
                times = pool.submit(_times, raw, kinds, zones)
                places = _table(raw, "place", PLACE, partial(_place, texts))
            if places is not None:
                break
        # An import ended between the questions and changed a row that stood for others: ask again.
    hour, end_day = times.result()
    columns = {"id": raw["id"], "public_id": raw["public_id"], "hour": hour, "end_day": end_day}
    records = Records(columns | {"kind": kinds[0], "place": places[0]}, kinds[1], places[1], list(texts))
    return records, _digest(raw) if where else ""


def _digest(raw: dict[str, Array]) -> str:
    order = np.argsort(raw["id"])
    return hashlib.sha256(b"".join(column[order].tobytes() for column in raw.values())).hexdigest()


def _table(
    raw: dict[str, Array], name: str, columns: dict[str, str], line_of: Callable[[tuple[Any, ...]], list[int]]
) -> tuple[Array, Array] | None:
    """Where each row's hash stands in the table of lines, and that table; None when a line is no longer what it was."""
    hashes = pl.DataFrame({"id": raw["id"], "hash": raw[name]})
    ids = hashes.group_by("hash").agg(pl.col("id").first())["id"].to_list()
    known: list[int] = []
    lines = [np.empty((0, len(columns)), "i4")]
    sql = LINES.format(hashed=_hashed(columns), columns=", ".join(columns))
    with connection.cursor() as cursor:
        for start in range(0, len(ids), binary_copy.CHUNK):
            cursor.execute(sql, [ids[start : start + binary_copy.CHUNK]])
            found = cursor.fetchall()
            known += [line[0] for line in found]
            lines.append(np.array([line_of(line[1:]) for line in found], "i4").reshape(-1, lines[0].shape[1]))
    numbers = pl.DataFrame({"hash": known}, {"hash": pl.Int64}).with_row_index("number").unique("hash")
    at = hashes.select("hash").join(numbers, on="hash", how="left", maintain_order="left")["number"]
    return None if at.null_count() else (at.to_numpy().astype("i4"), np.concatenate(lines))


def _kind(texts: dict[str, int], line: tuple[Any, ...]) -> list[int]:
    source, code, precision, domestic, removed, *words = line
    exact = PRECISIONS.index(precision) if precision in PRECISIONS else DAY
    return [source, code, exact, domestic, removed] + [_text(word, texts) for word in words]


def _place(texts: dict[str, int], line: tuple[Any, ...]) -> list[int]:
    latitude, longitude, *words = line
    point = [NOWHERE, NOWHERE]
    if not (isnan(latitude) or isnan(longitude)):
        point = [round(latitude * DEGREE), round(longitude * DEGREE)]
    return point + [_text(word, texts) for word in words]


def _text(text: str | None, texts: dict[str, int]) -> int:
    return texts.setdefault(text or "", len(texts))


def _times(raw: dict[str, Array], kinds: tuple[Array, Array], zones: dict[int, str]) -> tuple[Array, Array]:
    """Local hour of the start, and the last local day that the row can mean."""
    kind, table = kinds
    source = table[:, SOURCE][kind]
    hour, end_day = np.empty(len(kind), "i4"), np.empty(len(kind), "i4")
    for number in np.unique(table[:, SOURCE]).tolist():
        rows, zone = np.flatnonzero(source == number), zones.get(number, "UTC")  # a source that is gone shows nothing
        hour[rows] = _local(raw["start"][rows], zone) // 4
        end_day[rows] = hour[rows] // 24
        longer = rows[raw["end"][rows] != raw["start"][rows]]
        end_day[longer] = _local(raw["end"][longer], zone) // 96
    monthly = (table[:, PRECISION] == MONTH)[kind]
    if monthly.any():
        months = end_day[monthly].astype("datetime64[D]").astype("datetime64[M]")
        end_day[monthly] = (months + 1).astype("datetime64[D]").astype("i4") - 1
    return hour, end_day


def _local(quarters: Array, zone: str) -> Array:
    """Quarters of an hour since 1970-01-01 00:00 on the clock of `zone`."""
    first = int(quarters.min(initial=2**31 - 1))
    span = int(quarters.max(initial=first)) - first
    if span >= len(quarters):
        return _converted(quarters, zone)
    result: Array = _converted(np.arange(first, first + span + 1), zone)[quarters - first]
    return result


def _converted(quarters: Array, zone: str) -> Array:
    utc = pl.Series(quarters.astype("i8") * binary_copy.QUARTER).cast(pl.Datetime("us", "UTC"))
    local = utc.dt.convert_time_zone(zone).dt.replace_time_zone(None).cast(pl.Int64).to_numpy()
    return (local // binary_copy.QUARTER).astype("i4")


# The private copy
