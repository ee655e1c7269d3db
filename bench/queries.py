"""Measures publication and queries of the crime map with 8,000,000 incidents: see bench/README.md."""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from tests.stack import ROOT, Stack

CITY = (41.60, -87.95, 42.05, -87.50)
NEIGHBOURHOOD = (41.80, -87.70, 41.83, -87.66)
STREET = (41.8100, -87.6850, 41.8112, -87.6800)

# Distributed like Chicago's records: 25 years, 156,600 blocks (a few with many incidents), a fifth domestic or of a hidden category,
# 3% without a point.
STORED = """
INSERT INTO crimemap_incident (source_id, external_id, occurred_at, precision, raw_code, raw_label, offence_code_id, block_text,
    latitude, longitude, point_kind, district, beat, neighbourhood, location_description, outcome, domestic, content_hash,
    first_run_id, last_run_id)
SELECT {source}, number::text, timestamptz '2001-01-01' + random() * interval '9120 days', 'minute', code::text, '',
    {codes}[code], place % 120 * 100 || ' block of ' || (CASE WHEN place < 78300 THEN 'W ' ELSE 'E ' END) || place / 120 % 653 || 'th St',
    CASE WHEN mapped THEN 41.62 + place % 393 * 0.001 END, CASE WHEN mapped THEN -87.93 + place / 393 * 0.001 END,
    CASE WHEN mapped THEN 'published' ELSE 'none' END,
    lpad((place % 393 / 80 * 5 + place / 393 / 80)::text, 3, '0'), lpad((place % 277)::text, 4, '0'),
    (place % 393 / 45 * 9 + place / 393 / 45)::text,
    ('{{STREET,APARTMENT,RESIDENCE,SIDEWALK,ALLEY,PARKING LOT,SCHOOL,BAR}}'::text[])[1 + number % 8],
    CASE WHEN number % 4 = 0 THEN 'Arrest' ELSE '' END, number % 7 = 0, decode(md5(number::text), 'hex'), {run}, {run}
FROM (SELECT number, (156600 * random() ^ 1.5)::int place, 1 + (random() * {most})::int code, random() > 0.03 mapped
    FROM generate_series(1, {rows}) number) made
"""


def store_incidents(stack: Stack, rows: int) -> None:
    """Store incidents as an import leaves them; triggers of foreign keys are off to save time."""
    with stack.connect("postgres") as connection, connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET maintenance_work_mem = '1GB'")
        cursor.execute(
            "ALTER TABLE crimemap_incident DROP CONSTRAINT incident_public_id_once, DROP CONSTRAINT incident_once"
        )
        cursor.execute(
            "INSERT INTO crimemap_source (slug, name, profile, profile_config, time_zone, embargo_days, real_places)"
            " VALUES ('bench', 'Bench', 'generic', '{}', 'America/Chicago', 7, '[]') RETURNING id"
        )
        (source,) = cursor.fetchone()
        run = new_run(cursor, source)
        cursor.execute(
            'INSERT INTO crimemap_category (slug, name, family, least_visibility, person_offence, "order")'
            " SELECT 'bench-' || i, 'Bench ' || i, (ARRAY['people', 'theft', 'drugs', 'disorder', 'other'])[1 + i % 5],"
            " CASE i WHEN 0 THEN 'area' WHEN 1 THEN 'hidden' ELSE 'block' END, i % 5 = 0, 500 + i FROM generate_series(0, 16) i"
            " RETURNING id"
        )
        categories = [number for (number,) in cursor.fetchall()]
        codes = []
        for number in range(300):
            cursor.execute(
                "INSERT INTO crimemap_offencecode (scheme, code, label, category_id, visibility)"
                " VALUES ('bench', %s, '', %s, 'block') RETURNING id",
                [str(number), categories[number % 17]],
            )
            codes.append(cursor.fetchone()[0])
        sql = STORED.format(source=source, run=run, rows=rows, codes=f"(ARRAY{codes})", most=len(codes) - 1)
        cursor.execute(sql)
        cursor.execute(
            "ALTER TABLE crimemap_incident ADD CONSTRAINT incident_public_id_once UNIQUE (public_id),"
            " ADD CONSTRAINT incident_once UNIQUE (source_id, external_id)"
        )
    connection = stack.connect("owner")
    connection.autocommit = True
    connection.cursor().execute("VACUUM ANALYZE crimemap_incident")
    connection.close()


def new_run(cursor: Any, source: int) -> int:
    cursor.execute(
        "INSERT INTO crimemap_importrun (source_id, state, origin, asked_at, file_name, file_digest, dry_run, full_snapshot,"
        " read, created, updated, unchanged, rejected, removed, held, report, message)"
        " VALUES (%s, 'done', 'command', now(), '', '', false, false, 0, 0, 0, 0, 0, 0, 0, '{}', '') RETURNING id",
        [source],
    )
    return int(cursor.fetchone()[0])


def change_incidents(stack: Stack, rows: int) -> None:
    """Change `rows` incidents as an import does: a new outcome, another block, a domestic flag, a withdrawal."""
    with stack.connect("owner") as connection, connection.cursor() as cursor:
        cursor.execute("SELECT id FROM crimemap_source")
        run = new_run(cursor, cursor.fetchone()[0])
        cursor.execute(
            "UPDATE crimemap_incident SET last_run_id = %s, outcome = 'Arrest', domestic = id %% 5 = 0,"
            " removed_at = CASE WHEN id %% 50 = 1 THEN now() END, block_text = block_text || ' N'"
            " WHERE id IN (SELECT id FROM crimemap_incident TABLESAMPLE SYSTEM (1) LIMIT %s)",
            [run, rows],
        )
        assert cursor.rowcount == rows or rows > 1000, cursor.rowcount


PUBLISH = """
import dataclasses, json, sys, time
import django
django.setup()
from crimemap.publishing import publisher
start = time.perf_counter()
result = dataclasses.asdict(publisher.publish(afresh="afresh" in sys.argv))
print(json.dumps(result | {"seconds": time.perf_counter() - start}))
"""


def measure_publication(stack: Stack, label: str, target: float | None, *args: str) -> None:
    """Publish as the worker does, and print the duration without the start of the interpreter."""
    command = [sys.executable, "-c", PUBLISH, *args]
    done = subprocess.run(command, cwd=ROOT, env=stack.environment("bulk"), check=True, capture_output=True, text=True)
    result = json.loads(done.stdout)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    goal = f" (target {target:.0f})" if target else ""
    print(
        f"{label:<44} {result['seconds']:6.1f} s{goal}, {result['shown']:,} shown, memory so far {peak:,.0f} MB",
        flush=True,
    )


def load_sql(stack: Stack, published: Any) -> Any:
    """Load the same public rows into PostgreSQL, with an index that covers each kind of query."""
    column, place = published.columns, published.columns["place"]
    frame = pl.DataFrame(
        {
            "at": column["time"],
            "category": column["category"].astype("i2"),
            "slot": slots(column),
            "x": column["x"][place].astype("i8"),
            "y": column["y"][place].astype("i8"),
            "lat": column["latitude"][place],
            "lon": column["longitude"][place],
            "area": column["neighbourhood"][place].astype("i2"),
            "public_id": pl.Series(column["public_id"].astype("U12")),
        }
    )
    connection = stack.connect("owner")
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(
        "CREATE UNLOGGED TABLE shown (at int, category smallint, slot smallint, x bigint, y bigint, lat int, lon int,"
        " area smallint, public_id text)"
    )
    for part in frame.iter_slices(500_000):
        with tempfile.TemporaryFile() as file:
            part.write_csv(file, include_header=False)
            file.seek(0)
            cursor.copy_expert("COPY shown FROM STDIN (FORMAT csv)", file)
    cursor.execute("SET maintenance_work_mem = '1GB'; SET work_mem = '256MB'; SET jit = off")
    cursor.execute("CREATE INDEX ON shown (at, category) INCLUDE (x, y, lat, lon, slot, area)")
    cursor.execute("CREATE INDEX ON shown (x, y, at) INCLUDE (category, lat, lon)")
    cursor.execute("CREATE INDEX ON shown (area, at) INCLUDE (category, slot)")
    cursor.execute("CREATE UNIQUE INDEX ON shown (public_id)")
    cursor.execute("VACUUM ANALYZE shown")
    return cursor


def slots(column: dict[str, Any]) -> Any:
    from crimemap.snapshot import format

    return format.hour_slots(column["time"], column["precision"]).astype("i2")


def median_ms(act: Callable[[], object], least: float = 0.3) -> float:
    """Return the median milliseconds of at least three runs that take `least` seconds together, after a warm-up run."""
    act()
    samples: list[float] = []
    while sum(samples) < least or len(samples) < 3:
        start = time.perf_counter()
        act()
        samples.append(time.perf_counter() - start)
    return 1000 * statistics.median(samples)


def hour_range(chosen: Any) -> tuple[int, int]:
    """Return the filter's first and last hour, counted from 1970."""
    return (chosen.since - date(1970, 1, 1)).days * 24, (chosen.until - date(1970, 1, 1)).days * 24 + 23


def bubbles_query(view: Any, chosen: Any, categories: list[int] | None) -> tuple[Any, ...]:
    """Return the SQL query of a view's bubbles, followed by its values."""
    side = 32 - view.zoom - 2
    edges = (view.west << side, ((view.east + 1) << side) - 1, view.north << side, ((view.south + 1) << side) - 1)
    sql = (
        "SELECT x, y, array_agg(n), sum(n), sum(lat) / sum(n), sum(lon) / sum(n) FROM ("
        f"SELECT x >> {side} x, y >> {side} y, category, count(*) n, sum(lat::bigint) lat, sum(lon::bigint) lon"
        " FROM shown WHERE at BETWEEN %s AND %s AND x BETWEEN %s AND %s AND y BETWEEN %s AND %s"
        + (" AND category = ANY(%s)" if categories else "")
        + " GROUP BY 1, 2, 3) cells GROUP BY 1, 2"
    )
    return (sql, *hour_range(chosen), *edges, *([categories] if categories else []))


def compare(published: Any, cursor: Any) -> None:
    from crimemap.snapshot import bubbles
    from crimemap.snapshot.filters import Filter

    last = published.until
    periods = {
        "30 days": Filter(last - timedelta(29), last),
        "12 months": Filter(last - timedelta(364), last),
        "25 years": Filter(published.since, last),
    }
    few = frozenset(list(published.families)[-6:-3])
    numbers = [n for n, slug in enumerate(published.families) if slug in few]
    print(f"\n{'':<44} {'ours ms':>9} {'SQL ms':>9} {'faster':>8}")

    def print_comparison(name: str, ours: Callable[[], Any], sql: str, *values: Any) -> None:
        def run_sql() -> Any:
            cursor.execute(sql, values)
            return cursor.fetchall()

        mine, theirs = median_ms(ours), median_ms(run_sql)
        print(f"{name:<44} {mine:9.2f} {theirs:9.2f} {theirs / mine:7.0f}x", flush=True)

    for place, box, zoom in (("city", CITY, 11), ("neighborhood", NEIGHBOURHOOD, 15), ("street", STREET, 18)):
        view = bubbles.view_of(box, zoom)
        for period, chosen in periods.items():
            for extra in ("", ", 3 categories") if place == "city" else ("",):
                map_filter = Filter(chosen.since, chosen.until, categories=few) if extra else chosen
                print_comparison(
                    f"bubbles: {place}, {period}{extra}",
                    lambda map_filter=map_filter, view=view: bubbles.bubbles(published, map_filter, view),
                    *bubbles_query(view, chosen, numbers if extra else None),
                )
    for period, chosen in periods.items():
        first, end = hour_range(chosen)
        one = Filter(chosen.since, chosen.until, area=("neighbourhood", published.areas["neighbourhood"][20]))
        page = "ORDER BY at DESC, public_id LIMIT 50"
        within = "FROM shown WHERE at BETWEEN %s AND %s"
        print_comparison(f"counts by category: {period}", lambda c=chosen: published.count_by_category(c),
             f"SELECT category, count(*) {within} GROUP BY 1", first, end)  # fmt: skip
        print_comparison(f"months: {period}", lambda c=chosen: published.count_by_month(c),
             f"SELECT date_trunc('month', timestamp '1970-01-01' + at * interval '1 hour'), count(*) {within} GROUP BY 1",
             first, end)  # fmt: skip
        print_comparison(f"hour by weekday: {period}", lambda c=chosen: published.count_by_hour(c),
             f"SELECT slot, count(*) {within} GROUP BY 1", first, end)  # fmt: skip
        print_comparison(f"by area: {period}", lambda c=chosen: published.count_by_area(c, "neighbourhood"),
             f"SELECT area, count(*) {within} GROUP BY 1", first, end)  # fmt: skip
        print_comparison(f"one area, by category: {period}", lambda c=one: published.count_by_category(c),
             f"SELECT category, count(*) {within} AND area = 20 GROUP BY 1", first, end)  # fmt: skip
        print_comparison(f"one area, hour by weekday: {period}", lambda c=one: published.count_by_hour(c),
             f"SELECT slot, count(*) {within} AND area = 20 GROUP BY 1", first, end)  # fmt: skip
        for name, offset in (("first page", 0), ("page 1,000", 50_000)):
            if published.count(chosen) > offset:
                print_comparison(f"rows, {name}: {period}", lambda c=chosen, o=offset: published.read_page(c, offset=o, limit=50),
                     f"SELECT (SELECT count(*) {within}), * FROM (SELECT * {within} {page} OFFSET {offset}) page",
                     first, end, first, end)  # fmt: skip
    public_id = published.read_page(periods["25 years"], offset=1000, limit=1).rows[0].public_id
    print_comparison(
        "one incident",
        lambda: published.find_incident(public_id),
        "SELECT * FROM shown WHERE public_id = %s",
        public_id,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    rows = parser.parse_args().rows
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        Stack(Path(folder), web=[], workers=[]) as stack,
    ):
        start = time.perf_counter()
        store_incidents(stack, rows)
        print(f"{rows:,} incidents stored in {time.perf_counter() - start:.0f} s", flush=True)
        measure_publication(stack, "publication of everything", 20)
        change_incidents(stack, 10_000)
        measure_publication(stack, "after 10,000 changed rows", 5)
        measure_publication(stack, "after none", None)
        measure_publication(stack, "everything read again", 20, "afresh")
        os.environ |= stack.environment("public")
        import django

        django.setup()
        from crimemap.snapshot import reader

        published = reader.current()
        size = sum(column.nbytes for column in published.columns.values() if isinstance(column, np.ndarray))
        print(f"the folder: {size / 1e6:,.0f} MB, {published.meta['mapped_places']:,} places")
        compare(published, load_sql(stack, published))


if __name__ == "__main__":
    main()
