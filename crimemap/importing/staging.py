"""Collects new and changed rows of an import in a temporary table, and stores them at once.

Unchanged rows are never sent: each batch asks for the content hashes stored under its keys.
"""

from __future__ import annotations

import datetime as dt
import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db import connection

from crimemap.importing.parsed_rows import ParsedIncident
from crimemap.importing.row_keys import LOST_ID_PREFIX

if TYPE_CHECKING:
    from crimemap.models import ImportRun

FIELDS = ParsedIncident._fields
# Fields that residents can see: a change of one is recorded as a revision.
PUBLISHABLE = (
    "occurred_at", "occurred_end", "precision", "offence_code_id", "block_text", "latitude", "longitude", "district",
    "beat", "neighbourhood", "location_description", "outcome",
)  # fmt: skip
CREATE_TABLES = """
DROP TABLE IF EXISTS staged, present;
CREATE TEMPORARY TABLE staged (
    incident bigint, external_id text, content_hash bytea, code integer, occurred_at bigint, occurred_end bigint,
    precision text, raw_code text, raw_label text, block_text text, latitude float8, longitude float8, point_kind text,
    district text, beat text, neighbourhood text, location_description text, outcome text, domestic boolean
);
CREATE TEMPORARY TABLE present (incident bigint);
"""
# The rows as they will be stored: times as timestamps, codes as foreign keys.
CREATE_VIEW = """
CREATE TEMPORARY VIEW ready AS
SELECT incident, external_id, content_hash, codes.id AS offence_code_id, to_timestamp(occurred_at * 60) AS occurred_at,
    to_timestamp(occurred_end * 60) AS occurred_end, precision, raw_code, raw_label, block_text, latitude, longitude,
    point_kind, district, beat, neighbourhood, location_description, outcome, domestic
FROM staged JOIN staged_code AS codes ON codes.number = staged.code
"""
COLUMNS = ("external_id", "content_hash", "offence_code_id", *FIELDS)
INSERT = f"""
INSERT INTO crimemap_incident (source_id, first_run_id, last_run_id, {", ".join(COLUMNS)})
SELECT %(source)s, %(run)s, %(run)s, {", ".join(COLUMNS)} FROM ready WHERE incident IS NULL
"""  # noqa: S608  (names of columns)
REVISE = f"""
INSERT INTO crimemap_incidentrevision (incident_id, run_id, at, changes)
SELECT * FROM (
    SELECT old.id, %(run)s::bigint, now(), (
        SELECT jsonb_object_agg(name, jsonb_build_array(before, after)) FROM (VALUES
            {", ".join(f"('{name}', to_jsonb(old.{name}), to_jsonb(new.{name}))" for name in PUBLISHABLE)}
        ) AS fields (name, before, after) WHERE before IS DISTINCT FROM after
    ) AS changes
    FROM ready AS new JOIN crimemap_incident AS old ON old.id = new.incident
) AS revisions WHERE changes IS NOT NULL
"""  # noqa: S608
UPDATE = f"""
UPDATE crimemap_incident AS old SET last_run_id = %(run)s, removed_at = NULL,
    reclassified_at = CASE WHEN old.offence_code_id <> new.offence_code_id THEN now() ELSE old.reclassified_at END,
    external_id = CASE WHEN starts_with(new.external_id, '{LOST_ID_PREFIX}') THEN old.external_id ELSE new.external_id END,
    {", ".join(f"{name} = new.{name}" for name in COLUMNS[1:])}
FROM ready AS new WHERE old.id = new.incident
"""  # noqa: S608
ABSENT = """
crimemap_incident AS old WHERE source_id = %(source)s AND removed_at IS NULL
    AND occurred_at BETWEEN to_timestamp(%(first)s * 60) AND to_timestamp(%(last)s * 60)
    AND NOT EXISTS (SELECT FROM present WHERE present.incident = old.id)
"""
LOCAL_DAY = "(occurred_at AT TIME ZONE %(zone)s)::date"
# Stored incidents by local day, from some weeks before a file's period to some weeks after it: all of them, those that the
# file lacks, and those that it lacks within its period.
DAILY_COUNTS = f"""
SELECT day, count(*), count(*) FILTER (WHERE absent), count(*) FILTER (WHERE absent AND inside) FROM (
    SELECT {LOCAL_DAY} AS day, NOT EXISTS (SELECT FROM present WHERE present.incident = old.id) AS absent,
        occurred_at BETWEEN to_timestamp(%(first)s * 60) AND to_timestamp(%(last)s * 60) AS inside
    FROM crimemap_incident AS old WHERE source_id = %(source)s AND removed_at IS NULL
        AND occurred_at BETWEEN to_timestamp(%(first)s * 60) - %(margin)s AND to_timestamp(%(last)s * 60) + %(margin)s
) AS counted GROUP BY day ORDER BY day
"""  # noqa: S608
WITHDRAW = f"""
UPDATE crimemap_incident SET removed_at = now(), last_run_id = %(run)s
WHERE id IN (SELECT id FROM {ABSENT} AND {LOCAL_DAY} = ANY(%(days)s))
"""  # noqa: S608

FIND_WITHOUT_IDS = f"""
SELECT extract(epoch FROM occurred_at)::bigint / 60, id, content_hash, removed_at IS NOT NULL, {", ".join(FIELDS[3:])}
FROM crimemap_incident WHERE source_id = %s AND starts_with(external_id, '~')
    AND occurred_at = ANY(SELECT to_timestamp(minute * 60) FROM unnest(%s::bigint[]) AS minute)
ORDER BY id
"""  # noqa: S608
# What an undo puts back.
KEEP_CHANGED = """
INSERT INTO crimemap_replacedincident (run_id, incident_id, stored)
SELECT %(run)s, old.id, to_jsonb(old) FROM ready AS new JOIN crimemap_incident AS old ON old.id = new.incident
"""
KEEP_WITHDRAWN = f"""
INSERT INTO crimemap_replacedincident (run_id, incident_id, stored)
SELECT %(run)s, old.id, to_jsonb(old) FROM {ABSENT} AND {LOCAL_DAY} = ANY(%(days)s)
"""  # noqa: S608
FORGET_OLDER = """
DELETE FROM crimemap_replacedincident WHERE run_id IN (
    SELECT id FROM crimemap_importrun WHERE source_id = %(source)s AND id < %(run)s AND state IN ('done', 'undone')
    AND NOT dry_run AND origin <> 'undo'
    ORDER BY id DESC OFFSET %(kept)s)
"""
KEPT_UNDOS = 2  # imports before this one that can still be undone, one after the other

ANALYZE_FROM = 1_000  # new rows: from here on PostgreSQL's statistics are out of date
MARGIN = dt.timedelta(60)
MAX_SIBLINGS = 1_000_000  # as many as a file may have (row_keys.MAX_SHARED_IDS)


class DayCount(NamedTuple):
    """Stored incidents of a local day, how many of them a file lacks, and how many of these lie in the file's period."""

    day: dt.date
    stored: int
    absent: int
    absent_inside: int


class StoredIncident(NamedTuple):
    id: int
    content_hash: bytes
    is_withdrawn: bool


class Staging:
    """The staged rows of one import. Touches nothing but temporary tables before `store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.parameters: dict[str, Any] = {"source": run.source_id, "run": run.pk, "zone": run.source.time_zone}
        with connection.cursor() as cursor:
            cursor.execute(CREATE_TABLES)
            cursor.execute("SELECT EXISTS (SELECT FROM crimemap_incident WHERE source_id = %s)", [run.source_id])
            self.is_first_import = not cursor.fetchone()[0]
        self.staged_count, self.analyzed_count = 0, 0  # rows staged so far, and at the last ANALYZE

    def close(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS staged, staged_code, present CASCADE")

    # Stored incidents

    def find_stored(self, keys: Sequence[str]) -> dict[str, StoredIncident]:
        """Return the stored incidents that have one of these keys, by key."""
        if self.is_first_import or not keys:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT external_id, id, content_hash, removed_at IS NOT NULL FROM crimemap_incident"
                " WHERE source_id = %s AND external_id = ANY(%s)",
                [self.run.source_id, list(keys)],
            )
            return {key: StoredIncident(id, bytes(content), withdrawn) for key, id, content, withdrawn in cursor}

    def load_siblings(self) -> dict[str, bytes]:
        """Return content hashes of stored incidents that share their id with another, by key: the id, "~" and a hash."""
        if self.is_first_import:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT external_id, content_hash FROM crimemap_incident WHERE source_id = %s AND strpos(external_id, '~') > 1 LIMIT %s",
                [self.run.source_id, MAX_SIBLINGS],
            )
            return {key: bytes(content) for key, content in cursor}

    def has_lost_ids(self) -> bool:
        """Return whether the source has stored incidents whose file had lost their ids."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM crimemap_incident WHERE source_id = %s AND starts_with(external_id, %s))",
                [self.run.source_id, LOST_ID_PREFIX],
            )
            return bool(cursor.fetchone()[0])

    def find_by_content(
        self, contents: Sequence[bytes], first: int, last: int, *, lost_ids: bool
    ) -> dict[bytes, list[StoredIncident]]:
        """Return stored incidents between two minutes by content hash: those that lost their ids, or the others."""
        found: dict[bytes, list[StoredIncident]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, content_hash, removed_at IS NOT NULL FROM crimemap_incident WHERE source_id = %s"
                " AND occurred_at BETWEEN to_timestamp(%s * 60) AND to_timestamp(%s * 60) AND content_hash = ANY(%s)"
                " AND starts_with(external_id, %s) = %s ORDER BY id",
                [self.run.source_id, first, last, list(contents), LOST_ID_PREFIX, lost_ids],
            )
            for id, content, withdrawn in cursor:
                found[bytes(content)].append(StoredIncident(id, bytes(content), withdrawn))
        return found

    def find_without_ids(self, minutes: Sequence[int]) -> dict[int, list[tuple[StoredIncident, list[str]]]]:
        """Return stored incidents without an id by minute, each with its fields from the code on as texts."""
        found: dict[int, list[tuple[StoredIncident, list[str]]]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(FIND_WITHOUT_IDS, [self.run.source_id, sorted(set(minutes))])
            for minute, id, content, withdrawn, *fields in cursor:
                stored = StoredIncident(id, bytes(content), withdrawn)
                found[minute].append((stored, [str(value) for value in fields]))
        return found

    def has_ids(self, first: int, last: int) -> bool:
        """Return whether incidents between two minutes are stored by their ids."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM crimemap_incident WHERE source_id = %s"
                " AND occurred_at BETWEEN to_timestamp(%s * 60) AND to_timestamp(%s * 60)"
                " AND NOT starts_with(external_id, '~'))",
                [self.run.source_id, first, last],
            )
            return bool(cursor.fetchone()[0])

    # Staged rows

    def find_staged(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the content hashes of rows that an earlier file of this import has staged under these keys."""
        with connection.cursor() as cursor:
            if self.staged_count > 2 * self.analyzed_count:  # or PostgreSQL takes the table for small and reads it all
                cursor.execute("CREATE INDEX IF NOT EXISTS staged_key ON staged (external_id); ANALYZE staged")
                self.analyzed_count = self.staged_count
            cursor.execute("SELECT external_id, content_hash FROM staged WHERE external_id = ANY(%s)", [list(keys)])
            return {key: bytes(content) for key, content in cursor}

    def unstage(self, keys: Sequence[str]) -> None:
        """Remove rows that a later file of this import replaces."""
        if keys:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM staged WHERE external_id = ANY(%s)", [list(keys)])

    def stage(self, rows: Sequence[tuple[object, ...]]) -> None:
        """Add rows: (primary key or None, key, content hash, number of the code, *ParsedIncident)."""
        self.staged_count += len(rows)
        self._copy("staged", rows)

    def mark_present(self, incident_ids: Iterable[int]) -> None:
        """Record stored incidents that the file still holds."""
        self._copy("present", ((id,) for id in incident_ids))

    def count_by_day(self, first: int, last: int) -> list[DayCount]:
        """Return the counts of days with stored incidents, from MARGIN before the file's period (two minutes) to MARGIN after."""
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE present")
            cursor.execute(DAILY_COUNTS, self.parameters | {"first": first, "last": last, "margin": MARGIN})
            return [DayCount(*row) for row in cursor]

    def store(self, code_ids: Sequence[int], period: tuple[int, int] | None, withdrawn_days: Sequence[dt.date]) -> None:
        """Write the staged rows. `code_ids`: primary keys by code number. Absent incidents of the period get a tombstone
        if they are on one of `withdrawn_days`."""
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE staged_code AS SELECT id, number - 1 AS number"
                " FROM unnest(%s::bigint[]) WITH ORDINALITY AS codes (id, number)",
                [list(code_ids)],
            )
            cursor.execute("ANALYZE staged; ANALYZE staged_code")
            cursor.execute(CREATE_VIEW)
            cursor.execute(INSERT, self.parameters)
            if cursor.rowcount > ANALYZE_FROM:  # the next import looks them up by key before autovacuum comes round
                cursor.execute("SELECT incidents_analyze()")
            if self.is_first_import:
                return
            cursor.execute(FORGET_OLDER, self.parameters | {"kept": KEPT_UNDOS})
            cursor.execute(KEEP_CHANGED, self.parameters)
            cursor.execute(REVISE, self.parameters)
            cursor.execute(UPDATE, self.parameters)
            if period and withdrawn_days:
                parameters = {"first": period[0], "last": period[1], "days": list(withdrawn_days)}
                cursor.execute(KEEP_WITHDRAWN, self.parameters | parameters)
                cursor.execute(WITHDRAW, self.parameters | parameters)

    def _copy(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        text = "".join(["\t".join(map(_copy_field, row)) + "\n" for row in rows])
        if text:
            with connection.cursor() as cursor:
                cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))


def _copy_field(value: object) -> str:
    """Format a value for COPY. Texts have no tabs or line ends (cells.clean_text)."""
    if isinstance(value, str):
        return value.replace("\\", "\\\\") if "\\" in value else value
    if value is None:
        return "\\N"
    return f"\\\\x{value.hex()}" if isinstance(value, bytes) else str(value)
