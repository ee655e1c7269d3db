"""From rows to the table of incidents: what is new or changed waits in a temporary table and is stored at once.

What is unchanged is never sent: each batch asks for the hashes of what is stored under its keys.
"""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from django.db import connection

from crimemap.importing.parsed_rows import ParsedIncident
from crimemap.importing.row_keys import LOST_ID_PREFIX

if TYPE_CHECKING:
    from crimemap.models import ImportRun

FIELDS = ParsedIncident._fields
# What residents can see of an incident, so that a change of it is kept as a revision.
PUBLISHABLE = (
    "occurred_at", "occurred_end", "precision", "offence_code_id", "block_text", "latitude", "longitude", "district",
    "beat", "neighbourhood", "location_description", "outcome",
)  # fmt: skip
TABLE = """
DROP TABLE IF EXISTS staged, still_there;
CREATE TEMPORARY TABLE staged (
    incident bigint, external_id text, content_hash bytea, code integer, occurred_at bigint, occurred_end bigint,
    precision text, raw_code text, raw_label text, block_text text, latitude float8, longitude float8, point_kind text,
    district text, beat text, neighbourhood text, location_description text, outcome text, domestic boolean
);
CREATE TEMPORARY TABLE still_there (incident bigint);
"""
# The rows as they will be: times as times, codes as keys.
READY = """
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
GONE = """
crimemap_incident AS old WHERE source_id = %(source)s AND removed_at IS NULL
    AND occurred_at BETWEEN to_timestamp(%(first)s * 60) AND to_timestamp(%(last)s * 60)
    AND NOT EXISTS (SELECT FROM still_there WHERE still_there.incident = old.id)
"""
WITHDRAW = f"UPDATE crimemap_incident SET removed_at = now(), last_run_id = %(run)s WHERE id IN (SELECT id FROM {GONE})"  # noqa: S608

MANY = 1_000  # new rows that make PostgreSQL look at the table anew
MOST_SIBLINGS = 1_000_000  # what a file may have of them (keying.REPEATS)

StoredIncident = tuple[int, bytes, bool]  # primary key, content hash, whether withdrawn


class Staging:
    """Of one import. Nothing but temporary tables is touched before `store`."""

    def __init__(self, run: ImportRun) -> None:
        self.run = run
        self.names = {"source": run.source_id, "run": run.pk}
        with connection.cursor() as cursor:
            cursor.execute(TABLE)
            cursor.execute("SELECT EXISTS (SELECT FROM crimemap_incident WHERE source_id = %s)", [run.source_id])
            self.first = not cursor.fetchone()[0]
        self.count, self.analyzed = 0, 0  # rows staged so far, and when PostgreSQL last looked at how many

    def close(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE IF EXISTS staged, staged_code, still_there CASCADE")

    def stored(self, keys: Sequence[str]) -> dict[str, StoredIncident]:
        """What is stored under these keys."""
        if self.first or not keys:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT external_id, id, content_hash, removed_at IS NOT NULL FROM crimemap_incident"
                " WHERE source_id = %s AND external_id = ANY(%s)",
                [self.run.source_id, list(keys)],
            )
            return {key: (number, bytes(content), gone) for key, number, content, gone in cursor}

    def siblings(self) -> dict[str, bytes]:
        """Content hashes of stored incidents that share their id with another, by key: the id, "~" and a hash."""
        if self.first:
            return {}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT external_id, content_hash FROM crimemap_incident WHERE source_id = %s AND strpos(external_id, '~') > 1 LIMIT %s",
                [self.run.source_id, MOST_SIBLINGS],
            )
            return {key: bytes(content) for key, content in cursor}

    def has_anonymous(self) -> bool:
        """Whether the source has incidents that lost their ids on the way."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM crimemap_incident WHERE source_id = %s AND starts_with(external_id, %s))",
                [self.run.source_id, LOST_ID_PREFIX],
            )
            return bool(cursor.fetchone()[0])

    def alike(
        self, contents: Sequence[bytes], first: int, last: int, *, anonymous: bool
    ) -> dict[bytes, list[StoredIncident]]:
        """Incidents between two times (minutes) with these contents, by content: those that lost their ids, or the others."""
        found: dict[bytes, list[StoredIncident]] = defaultdict(list)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT id, content_hash, removed_at IS NOT NULL FROM crimemap_incident WHERE source_id = %s"
                " AND occurred_at BETWEEN to_timestamp(%s * 60) AND to_timestamp(%s * 60) AND content_hash = ANY(%s)"
                " AND starts_with(external_id, %s) = %s ORDER BY id",
                [self.run.source_id, first, last, list(contents), LOST_ID_PREFIX, anonymous],
            )
            for number, content, gone in cursor:
                found[bytes(content)].append((number, bytes(content), gone))
        return found

    def has_ids(self, first: int, last: int) -> bool:
        """Whether incidents between two times (minutes) are stored by their ids."""
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT EXISTS (SELECT FROM crimemap_incident WHERE source_id = %s"
                " AND occurred_at BETWEEN to_timestamp(%s * 60) AND to_timestamp(%s * 60)"
                " AND NOT starts_with(external_id, '~'))",
                [self.run.source_id, first, last],
            )
            return bool(cursor.fetchone()[0])

    def waiting(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Content hashes of what an earlier file of this import has staged under these keys."""
        with connection.cursor() as cursor:
            if self.count > 2 * self.analyzed:  # or PostgreSQL takes the table for a small one and reads all of it
                cursor.execute("CREATE INDEX IF NOT EXISTS staged_key ON staged (external_id); ANALYZE staged")
                self.analyzed = self.count
            cursor.execute("SELECT external_id, content_hash FROM staged WHERE external_id = ANY(%s)", [list(keys)])
            return {key: bytes(content) for key, content in cursor}

    def forget(self, keys: Sequence[str]) -> None:
        """A later file of this import says otherwise."""
        if keys:
            with connection.cursor() as cursor:
                cursor.execute("DELETE FROM staged WHERE external_id = ANY(%s)", [list(keys)])

    def add(self, rows: Sequence[tuple[object, ...]]) -> None:
        """(primary key or None, key, content hash, number of its code, *Incident)."""
        self.count += len(rows)
        self._copy("staged", rows)

    def keep(self, incidents: Iterable[int]) -> None:
        """Stored incidents that the file still holds."""
        self._copy("still_there", ((number,) for number in incidents))

    def gone(self, first: int, last: int) -> tuple[int, int]:
        """How many stored incidents between two times (minutes) the file does not hold, of how many."""
        names = self.names | {"first": first, "last": last}
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE still_there")
            cursor.execute(f"SELECT count(*) FROM {GONE}", names)  # noqa: S608
            missing = int(cursor.fetchone()[0])
            cursor.execute(
                "SELECT count(*) FROM crimemap_incident WHERE source_id = %(source)s AND removed_at IS NULL"
                " AND occurred_at BETWEEN to_timestamp(%(first)s * 60) AND to_timestamp(%(last)s * 60)",
                names,
            )
            return missing, int(cursor.fetchone()[0])

    def store(self, codes: Sequence[int], withdrawn: tuple[int, int] | None) -> None:
        """Write what waits; codes by their numbers. `withdrawn`: between which times what is gone becomes a tombstone."""
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE TEMPORARY TABLE staged_code AS SELECT id, number - 1 AS number"
                " FROM unnest(%s::bigint[]) WITH ORDINALITY AS codes (id, number)",
                [list(codes)],
            )
            cursor.execute("ANALYZE staged; ANALYZE staged_code")
            cursor.execute(READY)
            cursor.execute(INSERT, self.names)
            if cursor.rowcount > MANY:  # the next import looks them up by key before autovacuum comes round
                cursor.execute("SELECT incidents_analyze()")
            if not self.first:
                cursor.execute(REVISE, self.names)
                cursor.execute(UPDATE, self.names)
            if withdrawn and not self.first:
                names = self.names | {"first": withdrawn[0], "last": withdrawn[1]}
                cursor.execute(WITHDRAW, names)

    def _copy(self, table: str, rows: Iterable[tuple[object, ...]]) -> None:
        text = "".join(["\t".join(map(_field, row)) + "\n" for row in rows])
        if text:
            with connection.cursor() as cursor:
                cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(text))


def _field(value: object) -> str:
    """Texts have no tabs or line ends (values.text)."""
    if isinstance(value, str):
        return value.replace("\\", "\\\\") if "\\" in value else value
    if value is None:
        return "\\N"
    return f"\\\\x{value.hex()}" if isinstance(value, bytes) else str(value)
