"""Extraction of the stored incidents from PostgreSQL as columns, limited to those that publication needs.

If INCIDENT_CACHE is set (a private folder, since it holds domestic flags and hidden rows), the columns of the last full
extraction are cached and afterwards only rows of later imports are read. This relies on every change of a row in
crimemap_incident setting its `last_run`.
"""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from crimemap.privacy import area_names, public_words
from crimemap.privacy.agency_rules import AgencyRules
from crimemap.privacy.records import DAY, MONTH, Reclassification, Records, concatenate_records
from crimemap.privacy.visibility import RULE_VERSION, PublicationRule, RuleCategory, RuleCode, RuleSource
from crimemap.publishing import binary_copy, extract_cache
from crimemap.snapshot import format
from crimemap.snapshot.format import DEGREE, NOWHERE, PRECISIONS, Array
from crimemap.street_names import normalize_name

MAX_CHANGED_ROWS = 200_000  # beyond this, everything is read and cached again
FINAL_RUN_STATES = ("done", "discarded")  # a failed import may be tried again

# The columns of the tables `kinds` and `places` of Records, in their order: SQL expression and type of PostgreSQL.
KIND_COLUMNS = {
    "source": ("source_id", "int8"),
    "code": ("coalesce(offence_code_id, 0)", "int8"),
    "precision": ("precision", "text"),
    "domestic": ("domestic::int", "int4"),
    "removed": ("(removed_at IS NOT NULL)::int", "int4"),
    "description": ("location_description", "text"),
    "outcome": ("outcome", "text"),
}
PLACE_COLUMNS = {
    "latitude": ("coalesce(latitude, 'NaN')", "float8"),
    "longitude": ("coalesce(longitude, 'NaN')", "float8"),
    "district": ("district", "text"),
    "beat": ("beat", "text"),
    "neighbourhood": ("neighbourhood", "text"),
    "block_text": ("block_text", "text"),
}
POLARS_TYPES = {"int4": pl.Int32, "int8": pl.Int64, "float8": pl.Float64, "text": pl.String}


def _hash_expression(columns: dict[str, tuple[str, str]]) -> str:
    """Return SQL for a 64-bit hash of all columns, each hash the seed of the next: a third cheaper than hashing a record."""
    result = "1"
    for expression, sql_type in columns.values():
        result = f"hash{sql_type}extended({expression}, {result})"
    return result


# Rows of equal width: shared values come as a hash, and the values behind each hash are queried once afterwards.
COPY_ROWS = """
COPY (SELECT id, public_id, occurred_at, coalesce(occurred_end, occurred_at), {kind}, {place}
    FROM crimemap_incident {where}) TO STDOUT (FORMAT binary)
"""
COPY_SHARED_ROWS = """
COPY (SELECT {hashed}, {columns} FROM crimemap_incident WHERE id = ANY('{{{ids}}}')) TO STDOUT (FORMAT csv)
"""
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
    """Everything a publication depends on. freshness: the age of each source's data, as the pointer file names it.

    fingerprint: equal fingerprints mean equal input; empty after a full extraction.
    """

    records: Records
    rule: PublicationRule
    freshness: list[dict[str, Any]]
    fingerprint: str

    @cached_property
    def reclassified(self) -> list[Reclassification]:
        """The code changes that imports recorded, oldest first."""
        with connection.cursor() as cursor:
            cursor.execute(RECLASSIFIED)
            return [Reclassification(*row) for row in cursor.fetchall()]

    @cached_property
    def deleted(self) -> Array:
        """The public ids (S12) of incidents that residents could open before their source was deleted."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT public_ids FROM crimemap_deletedsource")
            return np.frombuffer(b"".join(bytes(ids) for (ids,) in cursor.fetchall()), "S12")


def gather_input(agency: AgencyRules, *, afresh: bool = False) -> PublicationInput:
    """Read everything a publication depends on. `afresh`: ignore the cache and read all rows."""
    rule, freshness, zones = _read_rule(agency)
    cached = None if afresh else extract_cache.load_extract(zones)
    if cached is not None:
        changed, digest = _read_rows(zones, "WHERE last_run_id = ANY(%s)", [_list_runs_except(cached.final_runs)])
        records = _merge_changes(cached.records, changed)
        if len(changed) <= MAX_CHANGED_ROWS and len(records) == _count_stored():
            content = f"{format.FORMAT} {RULE_VERSION} {rule!r} {cached.token} {digest}"
            return PublicationInput(records, rule, freshness, hashlib.sha256(content.encode()).hexdigest())
    final_runs = _list_final_runs()  # before the rows: anything committed in between is read again next time
    records, _digest_rows = _read_rows(zones)
    records = records.select(_order_by_hour(records["hour"]))
    extract_cache.save_extract(extract_cache.CachedExtract(records, final_runs, zones, secrets.token_hex()))
    return PublicationInput(records, rule, freshness, "")


def _order_by_hour(hour: Array) -> Array:
    """Return positions in the order of the hour. Fastest as a sort of integers that carry the position in their low bits."""
    shifted = (hour.astype("i8") - int(hour.min(initial=0))).astype("u8")
    key = (shifted << np.uint64(32)) | np.arange(len(hour), dtype="u8")
    return (pl.Series(key).sort().to_numpy() & np.uint64(0xFFFFFFFF)).astype("i8")


def _merge_changes(old: Records, changed: Records) -> Records:
    """Return `old` with the changed rows replaced and new ones added."""
    if not len(changed):
        return old
    is_changed = np.zeros(int(max(old["id"].max(initial=0), changed["id"].max())) + 1, bool)
    is_changed[changed["id"]] = True
    both, replaced = concatenate_records(old, changed), np.flatnonzero(is_changed[old["id"]])
    length = len(both) - len(replaced)
    for column in both.columns.values():
        column[replaced] = column[length:]  # the last changed rows move to the positions of the replaced ones
    return replace(both, columns={name: column[:length] for name, column in both.columns.items()})


def _list_final_runs() -> list[int]:
    """Return the imports that will not change further rows themselves."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crimemap_importrun WHERE state = ANY(%s) ORDER BY id", [list(FINAL_RUN_STATES)])
        return [number for (number,) in cursor.fetchall()]


def _list_runs_except(final_runs: list[int]) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crimemap_importrun WHERE NOT id = ANY(%s)", [final_runs])
        return [number for (number,) in cursor.fetchall()]


def _count_stored() -> int:
    """Count the stored rows. Rows are withdrawn, never deleted; if some are gone after all, the cache is not valid."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM crimemap_incident")
        return int(cursor.fetchone()[0])


def _read_rule(agency: AgencyRules) -> tuple[PublicationRule, list[dict[str, Any]], dict[int, str]]:
    """Return the publication rule, the freshness of each source, and the time zone of each by primary key."""
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
        approved = _list_decided_texts(cursor, "approved", public_words.FIELDS)
        refused_areas = _list_decided_texts(cursor, "refused", area_names.COLUMNS)
        cursor.execute("SELECT layer, code FROM crimemap_area")
        known_areas = tuple(sorted(cursor.fetchall()))
        cursor.execute(
            "SELECT former.layer, former.code, area.code FROM crimemap_formerareacode former"
            " JOIN crimemap_area area ON area.id = former.area_id WHERE NOT EXISTS ("
            "SELECT FROM crimemap_area again WHERE (again.layer, again.code) = (former.layer, former.code))"
        )
        former_areas = tuple(sorted(cursor.fetchall()))
        cursor.execute(
            "SELECT street FROM crimemap_block UNION SELECT first FROM crimemap_intersection"
            " UNION SELECT second FROM crimemap_intersection"
        )
        streets = tuple(sorted({normalize_name(street) for (street,) in cursor.fetchall()}))
        cursor.execute(
            "SELECT id, slug, name, time_zone, embargo_days, last_success_at, expected_interval FROM crimemap_source"
            " WHERE id NOT IN (SELECT source_id FROM crimemap_sourcedraft) ORDER BY slug"
        )
        rows = cursor.fetchall()
    sources = {
        number: RuleSource(slug, name, embargo, _local_day(zone)) for number, slug, name, zone, embargo, *_ in rows
    }
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
        PublicationRule(
            categories, codes, sources, agency, approved, known_areas, streets, former_areas, refused_areas
        ),
        freshness,
        {number: zone for number, _, _, zone, *_ in rows},
    )


def _list_decided_texts(cursor: CursorWrapper, decision: str, fields: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Return the texts of the fields with this decision, as (field, text in lower case), sorted."""
    cursor.execute(
        "SELECT field, text FROM crimemap_reportedvalue WHERE decision = %s AND field = ANY(%s)", [decision, [*fields]]
    )
    return tuple(sorted((field, text.casefold()) for field, text in cursor.fetchall()))


def _local_day(zone: str) -> int:
    return (timezone.now().astimezone(ZoneInfo(zone)).date() - datetime(1970, 1, 1).date()).days  # noqa: DTZ001


def _read_rows(zones: dict[int, str], where: str = "", values: Iterable[object] = ()) -> tuple[Records, str]:
    """Read the rows that `where` selects, as of one moment, and a digest of them ("" for all rows)."""
    while True:
        decoder = binary_copy.BinaryCopyDecoder()
        with connection.cursor() as cursor:
            sql = COPY_ROWS.format(
                kind=_hash_expression(KIND_COLUMNS), place=_hash_expression(PLACE_COLUMNS), where=where
            )
            cursor.copy_expert(cursor.mogrify(sql, list(values)).decode() if where else sql, decoder)
        raw = decoder.columns()
        kinds = _read_shared_rows(raw, "kind", KIND_COLUMNS)
        if kinds is not None:
            with ThreadPoolExecutor(1) as pool:  # while PostgreSQL answers the query for places
                times = pool.submit(_local_times, raw, kinds, zones)
                places = _read_shared_rows(raw, "place", PLACE_COLUMNS)
            if places is not None:
                break
        # An import committed between the queries and changed a row that stood for others: read again.
    hour, end_day = times.result()
    columns = {"id": raw["id"], "public_id": raw["public_id"], "hour": hour, "end_day": end_day}
    columns |= {"kind": kinds.positions, "place": places.positions}
    return Records(columns, *_encode_tables(kinds.table, places.table)), _digest_rows(raw) if where else ""


def _digest_rows(raw: dict[str, Array]) -> str:
    order = np.argsort(raw["id"])
    return hashlib.sha256(b"".join(column[order].tobytes() for column in raw.values())).hexdigest()


@dataclass(frozen=True, slots=True)
class SharedRows:
    """The values that many incidents share. positions: for each incident the row of `table` that has its values."""

    positions: Array
    table: pl.DataFrame


def _read_shared_rows(raw: dict[str, Array], name: str, columns: dict[str, tuple[str, str]]) -> SharedRows | None:
    """Read the shared values behind the hashes of column `name`. Return None if a row has changed since they were read.

    As columns: with Python objects for each of 150,000 blocks, a publication of 500,000 incidents took 1.7 times as much
    processor time, and 2.6 times as much under the allocator that wipes.
    """
    hashes = pl.DataFrame({"id": raw["id"], "hash": raw[name]})
    ids = hashes.group_by("hash").agg(pl.col("id").first())["id"].cast(pl.String)
    schema = {"hash": pl.Int64} | {column: POLARS_TYPES[sql_type] for column, (_, sql_type) in columns.items()}
    expressions = ", ".join(expression for expression, _ in columns.values())
    parts = [pl.DataFrame(schema=schema)]
    with connection.cursor() as cursor:
        for some_ids in ids.to_frame().iter_slices(binary_copy.CHUNK_ROWS):
            file = io.BytesIO()
            joined = some_ids["id"].str.join(",").item()
            sql = COPY_SHARED_ROWS.format(hashed=_hash_expression(columns), columns=expressions, ids=joined)
            cursor.copy_expert(sql, file)
            if file.tell():
                file.seek(0)
                parts.append(pl.read_csv(file, has_header=False, schema=schema, empty_string_is_null=False))
    read = pl.concat(parts)
    numbers = read.select("hash").with_row_index("number").unique("hash")
    positions = hashes.select("hash").join(numbers, on="hash", how="left", maintain_order="left")["number"]
    return None if positions.null_count() else SharedRows(positions.to_numpy().astype("i4"), read.drop("hash"))


def _encode_tables(kinds: pl.DataFrame, places: pl.DataFrame) -> tuple[Array, Array, list[str]]:
    """Return `kinds`, `places` and `texts` as Records has them."""
    kinds = kinds.with_columns(
        precision=kinds["precision"].replace_strict(
            PRECISIONS, range(len(PRECISIONS)), default=DAY, return_dtype=pl.Int32
        )
    )
    degrees = places.select("latitude", "longitude").to_numpy()
    is_nowhere = np.isnan(degrees).any(axis=1)
    points = np.where(is_nowhere, NOWHERE, np.rint(np.where(is_nowhere, 0, degrees.T) * DEGREE)).astype("i4")
    places = places.with_columns(latitude=points[0], longitude=points[1])
    columns = [column for table in (kinds, places) for column in table if column.dtype == pl.String]
    texts = pl.concat([pl.Series([""]), *(column.alias("") for column in columns)]).unique(maintain_order=True)
    positions = pl.col(pl.String).cast(pl.Enum(texts)).to_physical()
    kind_table, place_table = (table.with_columns(positions).to_numpy().astype("i4") for table in (kinds, places))
    return kind_table, place_table, texts.to_list()


def _local_times(raw: dict[str, Array], kinds: SharedRows, zones: dict[int, str]) -> tuple[Array, Array]:
    """Return the local hour of each start and the last local day on which each incident can have happened."""
    kind = kinds.positions
    source = kinds.table["source"].to_numpy()[kind]
    hour, end_day = np.empty(len(kind), "i4"), np.empty(len(kind), "i4")
    for number in kinds.table["source"].unique().to_list():
        rows, zone = (
            np.flatnonzero(source == number),
            zones.get(number, "UTC"),
        )  # rows of a deleted source are never shown
        hour[rows] = _to_local_quarters(raw["start"][rows], zone) // 4
        end_day[rows] = hour[rows] // 24
        longer = rows[raw["end"][rows] != raw["start"][rows]]
        end_day[longer] = _to_local_quarters(raw["end"][longer], zone) // 96
    monthly = (kinds.table["precision"] == PRECISIONS[MONTH]).to_numpy()[kind]
    if monthly.any():
        months = end_day[monthly].astype("datetime64[D]").astype("datetime64[M]")
        end_day[monthly] = (months + 1).astype("datetime64[D]").astype("i4") - 1
    return hour, end_day


def _to_local_quarters(quarters: Array, zone: str) -> Array:
    """Convert quarters of an hour since 1970 from UTC to the local time of `zone`; ranges shorter than the data go by table."""
    first = int(quarters.min(initial=2**31 - 1))
    span = int(quarters.max(initial=first)) - first
    if span >= len(quarters):
        return _convert_quarters(quarters, zone)
    result: Array = _convert_quarters(np.arange(first, first + span + 1), zone)[quarters - first]
    return result


def _convert_quarters(quarters: Array, zone: str) -> Array:
    utc = pl.Series(quarters.astype("i8") * binary_copy.QUARTER_MICROSECONDS).cast(pl.Datetime("us", "UTC"))
    local = utc.dt.convert_time_zone(zone).dt.replace_time_zone(None).cast(pl.Int64).to_numpy()
    return (local // binary_copy.QUARTER_MICROSECONDS).astype("i4")
