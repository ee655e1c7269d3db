"""Measures the page about a place with 8,000,000 incidents, beside SQL in the same run: see bench/README.md."""

from __future__ import annotations

import argparse
import os
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from core.roles import Role
from tests.stack import make_keys
from tipportal.dev_stack import static_files
from tipportal.dev_stack.servers import Servers

PLACES, BLOCKS, DAYS = 200, 156_600, 9120  # distributed like Chicago's records (bench/queries.py)
ROUNDS = 300
METERS = (402, 536, 805, 500)
# Counts by category of six years at once: what the page's comparison needs, and no more.
SQL = """
SELECT years.number, category, count(*) FROM shown JOIN unnest(%s::int[], %s::int[], %s::int[]) years(number, first, last)
ON at BETWEEN years.first AND years.last
WHERE lat BETWEEN %s AND %s AND lon BETWEEN %s AND %s AND sqrt((lat / 1e5 - %s) ^ 2 + ((lon / 1e5 - %s) * %s) ^ 2) * 111320 <= %s
GROUP BY 1, 2
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=8_000_000)
    rows = parser.parse_args().rows
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        servers = Servers(Path(name) / "servers", durable=False)
        servers.start()
        try:
            published_folder = Path(name) / "published"
            published_folder.mkdir()
            os.environ |= make_keys(Path(name) / "keys") | {
                "DJANGO_SETTINGS_MODULE": "tipportal.settings",
                "PORTAL_ROLE": Role.PUBLIC.value,
                "DEMO": "1",
                "DATABASE_URL": servers.database_url(),
                "REDIS_URL": servers.redis_url,
                "EMAIL_URL": "memory://",
                "INCIDENT_SNAPSHOTS": str(published_folder),
            }
            for secret in [name for name in os.environ if name.endswith("_PRIVATE_KEYS")]:
                del os.environ[secret]
            os.environ["STATIC_ROOT"] = str(static_files.collect(os.environ))
            import django

            django.setup()
            publish(published_folder, rows)
            measure()
        finally:
            servers.stop()


def publish(folder: Path, rows: int) -> None:
    """Write a version of made-up rows, as crimemap/publishing does."""
    from crimemap.privacy.agency_rules import AgencyRules
    from crimemap.privacy.visibility import PublicationRule, PublicRows, RuleCategory, RuleSource
    from crimemap.publishing import columns, versions
    from crimemap.snapshot import format
    from crimemap.snapshot.format import NOWHERE

    draw = np.random.default_rng(2)
    place = (BLOCKS * draw.random(rows) ** 1.5).astype("i4")
    number = np.arange(BLOCKS)
    places = np.zeros((BLOCKS, 6), "i4")
    places[:, 0] = np.where(number % 33, 4_162_000 + number % 393 * 100, NOWHERE)
    places[:, 1] = np.where(number % 33, -8_793_000 + number // 393 * 100, NOWHERE)
    texts = ["", *(f"{each}" for each in range(1, 78)), "Arrest", "STREET"]
    places[:, 2:5] = 1 + (number // 2100)[:, None]
    public = PublicRows(
        public_id=np.char.zfill(np.arange(rows).astype("U9"), 12).astype("S12"),
        time=(11_323 * 24 + draw.integers(0, DAYS * 24, rows)).astype("i4"),
        precision=np.where(draw.random(rows) < 0.05, 2, 1).astype("u1"),
        category=draw.integers(0, 17, rows).astype("u1"),
        source=np.ones(rows, "i4"),
        place=place,
        description=np.full(rows, len(texts) - 1, "i4"),
        outcome=np.where(draw.random(rows) < 0.25, len(texts) - 2, 0).astype("i4"),
        places=places,
        texts=texts,
    )
    families = ("people", "theft", "drugs", "disorder", "other")
    categories = tuple(
        RuleCategory(f"bench-{each}", f"Bench {each}", families[each % 5], "block", False) for each in range(17)
    )
    rule = PublicationRule(categories, {}, {1: RuleSource("bench", "Bench", 7, 20_500)}, AgencyRules())
    arranged = columns.arrange_columns(public, rule, np.array([], "S12"))
    days = arranged.columns["time"][[0, -1]] // 24
    meta = arranged.meta | {
        "format": format.FORMAT, "since": int(days[0]), "until": int(days[1]), "least_radius": 150, "embargo_days": 7,
        "totals": {"categories": [], "areas": []}, "totals_from": 5, "not_shown": {}, "looser": [],
    }  # fmt: skip
    partial = folder / "made"
    partial.mkdir()
    version = versions.write_columns(partial, arranged.columns, meta)
    partial.rename(folder / version)
    versions.set_current_version(folder, version, [])


def measure() -> None:
    from django.db import connection
    from django.test import Client

    from crimemap.models import Area, BaseLayer, BaseMapBuild, Block, Intersection, Landmark
    from crimemap.near import distances, periods
    from crimemap.near.report import build_report
    from crimemap.places import lookup
    from crimemap.snapshot import reader
    from crimemap.snapshot.filters import Filter

    published = reader.current()
    print(f"{published.meta['rows']:,} published, {published.meta['mapped_places']:,} places", flush=True)
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    with connection.schema_editor() as editor:
        for model in (Area, BaseLayer, BaseMapBuild, Block, Intersection, Landmark):
            editor.create_model(model)
    columns, mapped = published.columns, published.meta["mapped_places"]
    places = columns["place"][columns["place"] < mapped]
    for number, place in enumerate(np.random.default_rng(9).choice(places, PLACES, replace=False).tolist()):
        latitude, longitude = columns["latitude"][place] / 1e5, columns["longitude"][place] / 1e5
        Block.objects.create(street=f"Street {number}", hundred=100, latitude=latitude, longitude=longitude)
    blocks = [lookup.find_place(f"block:{pk}") for pk in Block.objects.values_list("pk", flat=True)]
    draw, offered = random.Random(3), periods.list_periods(published)
    asked = [
        (draw.choice(blocks), draw.choice(offered), distances.find_distance(published, str(draw.choice(METERS))))
        for _ in range(ROUNDS)
    ]
    client = Client(SERVER_NAME="localhost")

    def open_page(place: Any, period: Any, distance: Any) -> None:
        fields = {"place": place.ref, "period": period.token, "within": str(distance.meters)}
        answer = client.post("/near/", fields)
        assert answer.status_code == 200, answer.content[:3000]

    def count_unmapped(_place: Any, period: Any, _distance: Any) -> None:
        published.count_unmapped(Filter(period.since, period.until, area=("neighbourhood", "40")))

    print_times("figures of the page", lambda *of: build_report(published, *of), asked)
    print_times("area's incidents without a point", count_unmapped, asked)
    print_times("the whole page, without its map", open_page, asked)
    with connection.cursor() as cursor:
        load_sql(cursor, published)
        print_times("SQL: counts by category of six years", lambda *of: count_with_sql(cursor, *of), asked[:40])


def load_sql(cursor: Any, published: Any) -> None:
    """Load the same public rows into PostgreSQL, with an index that covers the query."""
    columns, place = published.columns, published.columns["place"]
    frame = pl.DataFrame(
        {
            "at": columns["time"],
            "category": columns["category"].astype("i2"),
            "lat": columns["latitude"][place],
            "lon": columns["longitude"][place],
        }
    )
    cursor.execute("CREATE UNLOGGED TABLE shown (at int, category smallint, lat int, lon int)")
    for part in frame.iter_slices(500_000):
        with tempfile.TemporaryFile() as file:
            part.write_csv(file, include_header=False)
            file.seek(0)
            cursor.connection.cursor().copy_expert("COPY shown FROM STDIN (FORMAT csv)", file)
    cursor.execute("SET maintenance_work_mem = '1GB'; SET jit = off")
    cursor.execute("CREATE INDEX ON shown (lat, lon, at) INCLUDE (category)")
    cursor.execute("VACUUM ANALYZE shown")


def count_with_sql(cursor: Any, place: Any, period: Any, distance: Any) -> None:
    from crimemap.geometry import METERS_PER_DEGREE
    from crimemap.snapshot import row_scan
    from crimemap.snapshot.filters import Filter

    days = [(period.since, period.until), *(period.years_before(years) for years in range(1, 6))]
    hours = [row_scan.hour_range(Filter(*each)) for each in days]
    cosine = float(np.cos(np.radians(place.latitude)))
    north = distance.meters / METERS_PER_DEGREE * 1.01
    edges = (
        place.latitude - north,
        place.latitude + north,
        place.longitude - north / cosine,
        place.longitude + north / cosine,
    )
    cursor.execute(
        SQL,
        [
            list(range(6)), [first for first, _last in hours], [last - 1 for _first, last in hours],
            *(round(edge * 1e5) for edge in edges), place.latitude, place.longitude, cosine, distance.meters,
        ],
    )  # fmt: skip
    cursor.fetchall()


def print_times(name: str, act: Callable[..., object], asked: list[tuple[Any, ...]]) -> None:
    """Print the median and the 95th percentile, in milliseconds of the clock and of this process's processor time."""
    act(*asked[0])
    clock, processor = [], []
    for each in asked:
        begin, used = time.perf_counter(), time.process_time()
        act(*each)
        clock.append(1000 * (time.perf_counter() - begin))
        processor.append(1000 * (time.process_time() - used))
    middle, slow = np.percentile(clock, [50, 95])
    half, most = np.percentile(processor, [50, 95])
    print(
        f"{name:<40} p50 {middle:7.1f} ms, p95 {slow:7.1f} ms; processor p50 {half:6.1f}, p95 {most:6.1f} ms",
        flush=True,
    )


if __name__ == "__main__":
    main()
